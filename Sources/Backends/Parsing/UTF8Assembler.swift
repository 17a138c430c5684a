/// Turns bytes that arrive in pieces into text without ever cutting a character in two.
///
/// Bytes that can never become valid UTF-8 turn into U+FFFD. At most 3 bytes are held back.
struct UTF8Assembler: Sendable, Equatable {
    private var held: [UInt8] = []

    /// Takes bytes and returns the text that is complete by now, possibly empty.
    mutating func feed(_ bytes: some Sequence<UInt8>) -> String {
        held.append(contentsOf: bytes)
        let keep = Self.incompleteTail(of: held)
        guard keep < held.count else { return "" }
        let text = String(decoding: held.dropLast(keep), as: UTF8.self)
        held.removeFirst(held.count - keep)
        return text
    }

    /// Ends the input; what is still held back comes out as U+FFFD.
    mutating func finish() -> String {
        defer { held.removeAll() }
        return String(decoding: held, as: UTF8.self)
    }

    /// Number of bytes at the end that start a character whose rest has not come yet.
    private static func incompleteTail(of bytes: [UInt8]) -> Int {
        for back in 1...4 where back <= bytes.count {
            let byte = bytes[bytes.count - back]
            if byte & 0b1100_0000 == 0b1000_0000 { continue }
            let needed: Int
            switch byte {
            case 0xC2...0xDF: needed = 2
            case 0xE0...0xEF: needed = 3
            case 0xF0...0xF4: needed = 4
            default: needed = 1
            }
            return needed > back ? back : 0
        }
        return 0
    }
}
