/// AES-256 key of one file, as callbacks carry it: base64 of 32 bytes, with or without padding.
package struct MediaKey: Equatable, Sendable {
    /// Length of a key in bytes.
    static let count = 32
    /// The 32 bytes.
    let bytes: [UInt8]

    /// Reads 43 or 44 characters of the standard or the url-safe alphabet; nil for anything else.
    ///
    /// The last character carries two bits that no byte needs; they are not looked at, as platforms do not either.
    init?(base64 text: String) {
        var digits = Array(text.utf8)
        if digits.count == 44, digits.last == UInt8(ascii: "=") { digits.removeLast() }
        guard digits.count == 43 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.count)
        var bits: UInt32 = 0
        var held = 0
        for digit in digits {
            guard let value = Self.value(of: digit) else { return nil }
            bits = (bits << 6 | value) & 0xFFFF
            held += 6
            if held >= 8 {
                held -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(held)))
            }
        }
        guard bytes.count == Self.count else { return nil }
        self.bytes = bytes
    }

    private static func value(of digit: UInt8) -> UInt32? {
        switch digit {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(digit - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(digit - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(digit - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"), UInt8(ascii: "-"): 62
        case UInt8(ascii: "/"), UInt8(ascii: "_"): 63
        default: nil
        }
    }
}
