/// Bytes that the Markdown and tag scanners compare with.
enum ASCII {
    static let tab = UInt8(ascii: "\t")
    static let lineFeed = UInt8(ascii: "\n")
    static let carriageReturn = UInt8(ascii: "\r")
    static let space = UInt8(ascii: " ")
    static let pipe = UInt8(ascii: "|")
    static let backtick = UInt8(ascii: "`")
    static let tilde = UInt8(ascii: "~")
    static let greater = UInt8(ascii: ">")
    static let less = UInt8(ascii: "<")
    static let slash = UInt8(ascii: "/")
    static let backslash = UInt8(ascii: "\\")
    static let star = UInt8(ascii: "*")
    static let underscore = UInt8(ascii: "_")
    static let minus = UInt8(ascii: "-")
    static let plus = UInt8(ascii: "+")
    static let colon = UInt8(ascii: ":")
    static let hash = UInt8(ascii: "#")
    static let bang = UInt8(ascii: "!")
    static let openBracket = UInt8(ascii: "[")
    static let closeBracket = UInt8(ascii: "]")
    static let openParen = UInt8(ascii: "(")
    static let closeParen = UInt8(ascii: ")")
    static let dot = UInt8(ascii: ".")

    /// Whether `byte` is a space or a tab.
    static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }

    /// Whether `byte` is a space, a tab or part of a line ending.
    static func isWhitespace(_ byte: UInt8) -> Bool { isBlank(byte) || byte == lineFeed || byte == carriageReturn }

    /// Whether `byte` is 0 to 9.
    static func isDigit(_ byte: UInt8) -> Bool { byte &- 48 < 10 }

    /// Whether `byte` is a letter or digit, or belongs to a scalar beyond ASCII.
    static func isWord(_ byte: UInt8) -> Bool { isDigit(byte) || (byte | 0x20) &- 97 < 26 || byte >= 0x80 }

    /// Whether `byte` continues a UTF-8 sequence.
    static func isContinuation(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }

    /// `byte` with A–Z folded to a–z.
    static func lowercased(_ byte: UInt8) -> UInt8 { byte &- 65 < 26 ? byte | 0x20 : byte }
}
