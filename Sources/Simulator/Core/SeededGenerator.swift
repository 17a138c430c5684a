/// A small, reproducible random source (SplitMix64). The same seed always gives the same ids and keys, so a
/// failing run can be repeated; it is not fit for secrets.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// A generator whose whole output follows from `seed`.
    public init(seed: UInt64) { state = seed }

    /// Next 64 bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// `count` random bytes.
    mutating func bytes(_ count: Int) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(count + 8)
        while result.count < count {
            withUnsafeBytes(of: next()) { result.append(contentsOf: $0) }
        }
        return Array(result.prefix(count))
    }

    /// `length` characters from letters, digits, `-` and `_`.
    mutating func urlSafeToken(_ length: Int) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        return String(decoding: bytes(length).map { alphabet[Int($0 & 63)] }, as: UTF8.self)
    }

    /// `length` lower-case hexadecimal digits.
    mutating func hexToken(_ length: Int) -> String {
        let alphabet = Array("0123456789abcdef".utf8)
        return String(decoding: bytes(length).map { alphabet[Int($0 & 15)] }, as: UTF8.self)
    }
}
