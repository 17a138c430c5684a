/// Whether text shows anything in a bubble, and how literal think tags are kept from being folded.
public enum VisibleText {
    /// Zero-width scalars that show nothing: U+200B to U+200D, U+2060, U+FEFF.
    public static func isZeroWidth(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x200B...0x200D, 0x2060, 0xFEFF: true
        default: false
        }
    }

    /// Whether `text` has visible content: more than white space, zero-width characters and empty think blocks.
    ///
    /// A bubble sealed without visible content goes on spinning at the person's side.
    public static func isVisible(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { isVisible($0) }
    }

    /// The longest beginning of `text` with at most `maxBytes` UTF-8 bytes that cuts no grapheme cluster.
    public static func prefix(of text: String, maxBytes: Int) -> Substring {
        if text.utf8.count <= maxBytes { return text[...] }
        var length = 0
        return text.prefix { character in
            length += character.utf8.count
            return length <= maxBytes
        }
    }

    static func isVisible(_ bytes: some RandomAccessCollection<UInt8>) -> Bool {
        var rest = bytes[...]
        while let first = rest.first {
            // Nearly every text begins with a letter.
            if first > ASCII.space, first < 0x7F, first != ASCII.less { return true }
            if let length = emptyThinkBlock(at: rest) {
                rest = rest.dropFirst(length)
                continue
            }
            var decoder = Unicode.UTF8.ForwardParser()
            var iterator = rest.prefix(4).makeIterator()
            guard case .valid(let encoded) = decoder.parseScalar(from: &iterator) else { return true }
            let scalar = Unicode.UTF8.decode(encoded)
            guard scalar.properties.isWhitespace || isZeroWidth(scalar) else { return true }
            rest = rest.dropFirst(encoded.count)
        }
        return false
    }

    /// Length of `<think>` … `</think>` with nothing but ASCII white space inside; nil if there is none.
    private static func emptyThinkBlock(at bytes: some RandomAccessCollection<UInt8>) -> Int? {
        guard bytes.starts(with: "<think>".utf8) else { return nil }
        let inner = bytes.dropFirst(7).drop { ASCII.isWhitespace($0) }
        return inner.starts(with: "</think>".utf8) ? bytes.count - inner.count + 8 : nil
    }
}
