/// Why an EncodingAESKey or a token cannot be used. No case holds any part of either.
public enum CallbackKeyError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The key has this many characters instead of 43.
    case wrongLength(Int)
    /// The character at this position, counted from 1, is neither a letter nor a digit.
    case wrongCharacter(Int)
    /// The token is empty: everybody could sign.
    case emptyToken

    /// What is wrong, for the person who configures.
    public var description: String {
        switch self {
        case .wrongLength(let count): "an EncodingAESKey has 43 characters, this one has \(count)"
        case .wrongCharacter(let position):
            "an EncodingAESKey has letters and digits only, character \(position) is something else"
        case .emptyToken: "the callback token is empty"
        }
    }
}

/// AES-256 key of callbacks, given as EncodingAESKey: 43 letters and digits, the base64 of 32 bytes without its `=`.
///
/// It is never printed: descriptions, `dump` and reflection show `<secret>` or nothing.
public struct CallbackKey: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    private static let characters = 43
    private let key: MediaKey

    /// The 32 bytes.
    var bytes: [UInt8] { key.bytes }

    /// Reads what the admin console shows. White space around it and one `=` at the end are not part of it.
    ///
    /// The last character carries two bits that no byte needs. The console gives out keys where they are set, which strict
    /// base64 decoders refuse; here they are not looked at.
    public init(encodingAESKey: String) throws(CallbackKeyError) {
        var digits = encodingAESKey.utf8[...]
        while let first = digits.first, ASCII.isWhitespace(first) { digits.removeFirst() }
        while let last = digits.last, ASCII.isWhitespace(last) { digits.removeLast() }
        if digits.count == Self.characters + 1, digits.last == UInt8(ascii: "=") { digits.removeLast() }
        guard digits.count == Self.characters else { throw .wrongLength(digits.count) }
        for (index, digit) in digits.enumerated() where digit >= 0x80 || !ASCII.isWord(digit) {
            throw .wrongCharacter(index + 1)
        }
        guard let key = MediaKey(base64: String(Substring(digits))) else { throw .wrongLength(digits.count) }
        self.key = key
    }

    /// Always `<secret>`.
    public var description: String { "<secret>" }
    /// Always `<secret>`.
    public var debugDescription: String { "<secret>" }
    /// Has no children.
    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
