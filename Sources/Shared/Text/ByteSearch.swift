#if canImport(Glibc)
    import Glibc
#endif

// Every text of an answer is looked through several times for bytes that are rare; the C library does that many bytes at
// a time.

extension UnsafeBufferPointer<UInt8> {
    /// Offset of the first such byte at or after `start`, which is no greater than `count`.
    func firstIndex(of byte: UInt8, from start: Int) -> Int? {
        guard let base = baseAddress, start < count, let found = memchr(base + start, Int32(byte), count - start) else {
            return nil
        }
        return UnsafeRawPointer(found) - UnsafeRawPointer(base)
    }

    /// Whether these two follow each other somewhere.
    func contains(_ first: UInt8, _ second: UInt8) -> Bool {
        var index = 0
        while let found = firstIndex(of: first, from: index) {
            index = found + 1
            if index < count, self[index] == second { return true }
        }
        return false
    }
}

extension [UInt8] {
    /// Offset of the first such byte in `range`, which lies within the array.
    func firstIndex(of byte: UInt8, in range: Range<Int>) -> Int? {
        withUnsafeBufferPointer { bytes in
            UnsafeBufferPointer(rebasing: bytes[range]).firstIndex(of: byte, from: 0).map { $0 + range.lowerBound }
        }
    }
}

extension String {
    /// Whether the UTF-8 form holds the sequence.
    func containsBytes(_ first: UInt8, _ second: UInt8) -> Bool {
        var text = self
        return text.withUTF8 { $0.contains(first, second) }
    }

    /// Whether the UTF-8 form holds the byte.
    package func containsByte(_ byte: UInt8) -> Bool {
        var text = self
        return text.withUTF8 { $0.firstIndex(of: byte, from: 0) != nil }
    }

    /// Whether both are the same bytes. Unlike `==` it does not look for other spellings of the same characters.
    package func isSameBytes(as other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        var (left, right) = (self, other)
        return left.withUTF8 { left in
            right.withUTF8 { right in
                guard let one = left.baseAddress, let two = right.baseAddress else { return true }
                return memcmp(one, two, left.count) == 0
            }
        }
    }
}
