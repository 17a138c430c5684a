/// One element of an XML callback.
public struct CallbackElement: Hashable, Sendable {
    /// Name as written, with its prefix if it has one.
    public let name: String
    /// Text and CDATA directly inside, joined and untrimmed; references are decoded, CDATA is literal.
    public internal(set) var text = ""
    /// Elements inside, in order.
    public internal(set) var children: [CallbackElement] = []

    /// First child of this name.
    public func child(_ name: String) -> CallbackElement? { children.first { $0.name == name } }

    /// Text of the first child of this name; nil when there is none.
    public func text(of name: String) -> String? { child(name)?.text }
}

/// Why bytes are not an acceptable callback document. No case holds any part of them.
public enum CallbackXMLError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Longer than `CallbackXMLLimits.maxBytes`.
    case tooLarge
    /// Not UTF-8, or declared as something else.
    case notUTF8
    /// A document type declaration, which is where entities come from.
    case documentType
    /// A processing instruction.
    case processingInstruction
    /// A reference to an entity that is not one of the five, or to no character of XML.
    case badReference
    /// Elements inside one another beyond `CallbackXMLLimits.maxDepth`.
    case tooDeep
    /// More than `CallbackXMLLimits.maxElements`.
    case tooManyElements
    /// A name beyond `CallbackXMLLimits.maxNameBytes`.
    case nameTooLong
    /// More than `CallbackXMLLimits.maxAttributes` on one element.
    case tooManyAttributes
    /// Not well-formed, at this byte (after a byte order mark and with line ends as single bytes).
    case malformed(at: Int)

    /// What is wrong, without the document's words.
    public var description: String {
        switch self {
        case .tooLarge: "the XML is longer than \(CallbackXMLLimits.maxBytes) bytes"
        case .notUTF8: "the XML is not UTF-8"
        case .documentType: "the XML has a document type declaration"
        case .processingInstruction: "the XML has a processing instruction"
        case .badReference: "the XML refers to an unknown entity or character"
        case .tooDeep: "the XML is nested deeper than \(CallbackXMLLimits.maxDepth) elements"
        case .tooManyElements: "the XML has more than \(CallbackXMLLimits.maxElements) elements"
        case .nameTooLong: "the XML has a name longer than \(CallbackXMLLimits.maxNameBytes) bytes"
        case .tooManyAttributes: "the XML has an element with more than \(CallbackXMLLimits.maxAttributes) attributes"
        case .malformed(let offset): "the XML is not well-formed at byte \(offset)"
        }
    }
}

/// Bounds of a callback document. Real ones have some twenty elements, four deep, and no attributes.
public enum CallbackXMLLimits {
    /// Bytes of a document.
    public static let maxBytes = 1 << 20
    /// Elements inside one another, the root among them.
    public static let maxDepth = 32
    /// Elements of a document.
    public static let maxElements = 4_096
    /// Bytes of a name.
    public static let maxNameBytes = 128
    /// Attributes of an element.
    public static let maxAttributes = 16
}
