/// An element of the small XML that callbacks use: a name, and text or children.
public struct XMLElement: Sendable, Hashable {
    /// Name of the element.
    public var name: String
    /// All text and CDATA in it, in order.
    public var text: String
    /// Elements in it, in order.
    public var children: [XMLElement]

    /// An element.
    public init(_ name: String, text: String = "", children: [XMLElement] = []) {
        self.name = name
        self.text = text
        self.children = children
    }

    /// The first child of that name.
    public subscript(name: String) -> XMLElement? { children.first { $0.name == name } }

    /// Text of the first child of that name.
    public func text(_ name: String) -> String? { self[name]?.text }

    /// The document as the platform writes it: numbers bare, other text as CDATA.
    public var document: String {
        if !children.isEmpty { return "<\(name)>\(children.map(\.document).joined())</\(name)>" }
        let isNumber = !text.isEmpty && text.utf8.allSatisfy { 0x30...0x39 ~= $0 }
        return isNumber ? "<\(name)>\(text)</\(name)>" : "<\(name)><![CDATA[\(Self.escaped(text))]]></\(name)>"
    }

    private static func escaped(_ text: String) -> String {
        let legal = text.unicodeScalars.filter { scalar in
            switch scalar.value {
            case 0x09, 0x0A, 0x0D: true
            case 0..<0x20, 0xFFFE, 0xFFFF: false
            default: true
            }
        }
        return String(String.UnicodeScalarView(legal)).replacing("]]>", with: "]]]]><![CDATA[>")
    }
}

/// Why a text is not the XML of a callback, with the byte offset.
public struct XMLSyntaxError: Error, Sendable, Hashable {
    /// What was expected or wrong.
    public var reason: String
    /// Offset in bytes from the start.
    public var offset: Int
}

extension XMLElement {
    /// Deepest nesting that is read.
    public static let maxDepth = 32

    /// Reads a document. DOCTYPE, undefined entities and deeper nesting than `maxDepth` are refused; attributes
    /// are skipped.
    public static func parse(_ bytes: [UInt8]) throws(XMLSyntaxError) -> XMLElement {
        guard String(validating: bytes, as: UTF8.self) != nil else {
            throw XMLSyntaxError(reason: "not UTF-8", offset: 0)
        }
        var parser = XMLParser(bytes: bytes)
        return try parser.document()
    }
}

/// A recursive-descent reader with bounded depth.
private struct XMLParser {
    let bytes: [UInt8]
    private var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(XMLSyntaxError) -> XMLElement {
        try skipMisc()
        let root = try element(depth: 1)
        try skipMisc()
        guard position == bytes.count else { throw failure("text after the document") }
        return root
    }

    private func failure(_ reason: String) -> XMLSyntaxError { XMLSyntaxError(reason: reason, offset: position) }

    private func starts(with text: String) -> Bool { bytes[position...].starts(with: text.utf8) }

    /// Text up to `end`, which is consumed, too.
    private mutating func upTo(_ end: String) throws(XMLSyntaxError) -> ArraySlice<UInt8> {
        let mark = Array(end.utf8)
        let start = position
        while position + mark.count <= bytes.count {
            if bytes[position] == mark[0], bytes[position...].starts(with: mark) {
                defer { position += mark.count }
                return bytes[start..<position]
            }
            position += 1
        }
        throw failure("\(end) missing")
    }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    }

    private mutating func skipMisc() throws(XMLSyntaxError) {
        if position == 0, bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
        while true {
            skipSpace()
            if starts(with: "<?") {
                _ = try upTo("?>")
            } else if starts(with: "<!--") {
                _ = try upTo("-->")
            } else {
                return
            }
        }
    }

    private mutating func element(depth: Int) throws(XMLSyntaxError) -> XMLElement {
        guard depth <= XMLElement.maxDepth else { throw failure("nested too deeply") }
        guard starts(with: "<"), !starts(with: "<!"), !starts(with: "</") else { throw failure("element expected") }
        position += 1
        var tag = Array(try upTo(">"))
        let isEmpty = tag.last == UInt8(ascii: "/")
        if isEmpty { tag.removeLast() }
        let name = String(decoding: tag.prefix { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }, as: UTF8.self)
        guard !name.isEmpty, !name.contains("<") else { throw failure("name of an element expected") }
        var element = XMLElement(name)
        if isEmpty { return element }
        var text: [UInt8] = []
        while true {
            guard position < bytes.count else { throw failure("</\(name)> missing") }
            if starts(with: "<![CDATA[") {
                position += 9
                text += try upTo("]]>")
            } else if starts(with: "<!--") {
                _ = try upTo("-->")
            } else if starts(with: "</") {
                position += 2
                let end = String(decoding: try upTo(">"), as: UTF8.self).filter { !$0.isWhitespace }
                guard end == name else { throw failure("</\(name)> expected") }
                element.text = String(decoding: text, as: UTF8.self)
                return element
            } else if starts(with: "<") {
                element.children.append(try self.element(depth: depth + 1))
            } else if starts(with: "&") {
                text += try entity()
            } else {
                text.append(bytes[position])
                position += 1
            }
        }
    }

    private mutating func entity() throws(XMLSyntaxError) -> [UInt8] {
        let name = String(decoding: try upTo(";").dropFirst(), as: UTF8.self)
        switch name {
        case "lt": return Array("<".utf8)
        case "gt": return Array(">".utf8)
        case "amp": return Array("&".utf8)
        case "quot": return Array("\"".utf8)
        case "apos": return Array("'".utf8)
        default:
            let isHexadecimal = name.hasPrefix("#x")
            guard name.hasPrefix("#"), name.utf8.count < 10,
                let value = UInt32(name.dropFirst(isHexadecimal ? 2 : 1), radix: isHexadecimal ? 16 : 10),
                let scalar = Unicode.Scalar(value)
            else { throw failure("undefined entity") }
            return Array(String(Character(scalar)).utf8)
        }
    }
}
