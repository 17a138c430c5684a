/// File names from `Content-Disposition` headers, also from storage that form-encodes the plain parameter.
package enum ContentDisposition {
    /// Longest header that is looked at, in UTF-8 bytes.
    private static let maxBytes = 8_192

    /// Harmless base name that the header gives; nil when it gives none.
    package static func fileName(in header: String) -> String? {
        guard header.utf8.count <= maxBytes else { return nil }
        var plain: String?
        var extended: String?
        for (name, value) in parameters(of: Array(header.utf8)) {
            switch name {
            case "filename*" where extended == nil: extended = decodedExtended(value)
            case "filename" where plain == nil: plain = decodedPlain(value)
            default: break
            }
        }
        for candidate in [extended, plain] {
            if let candidate, let name = FileName.sanitised(reread(candidate)) { return name }
        }
        return nil
    }

    // MARK: - Parameters

    /// Parameters in order, names in lower case, quoted values without their quotes.
    private static func parameters(of bytes: [UInt8]) -> [(name: String, value: [UInt8])] {
        var result: [(name: String, value: [UInt8])] = []
        var index = end(of: bytes, from: 0)
        while index < bytes.count {
            index += 1
            let start = index
            while index < bytes.count, bytes[index] != UInt8(ascii: "="), bytes[index] != UInt8(ascii: ";") {
                index += 1
            }
            guard index < bytes.count, bytes[index] == UInt8(ascii: "=") else { continue }
            let name = String(decoding: trimmed(bytes[start..<index]), as: UTF8.self).lowercased()
            index += 1
            while index < bytes.count, ASCII.isBlank(bytes[index]) { index += 1 }
            if index < bytes.count, bytes[index] == UInt8(ascii: "\"") {
                result.append((name, quoted(bytes, &index)))
                index = end(of: bytes, from: index)
            } else {
                let stop = end(of: bytes, from: index)
                result.append((name, Array(trimmed(bytes[index..<stop]))))
                index = stop
            }
        }
        return result
    }

    /// Reads a quoted string. A backslash quotes only a quote or another backslash: some senders leave Windows paths bare.
    private static func quoted(_ bytes: [UInt8], _ index: inout Int) -> [UInt8] {
        var value: [UInt8] = []
        index += 1
        while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
            if bytes[index] == ASCII.backslash, index + 1 < bytes.count,
                bytes[index + 1] == UInt8(ascii: "\"") || bytes[index + 1] == ASCII.backslash
            {
                index += 1
            }
            value.append(bytes[index])
            index += 1
        }
        index += 1
        return value
    }

    private static func end(of bytes: [UInt8], from index: Int) -> Int {
        guard index < bytes.count else { return bytes.count }
        return bytes[index...].firstIndex(of: UInt8(ascii: ";")) ?? bytes.count
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = bytes
        while let first = rest.first, ASCII.isWhitespace(first) { rest.removeFirst() }
        while let last = rest.last, ASCII.isWhitespace(last) { rest.removeLast() }
        return rest
    }

    // MARK: - Decoding

    /// `charset'language'percent-encoded`; nil when the charset is neither UTF-8 nor Latin-1 or the bytes are not of it.
    private static func decodedExtended(_ value: [UInt8]) -> String? {
        let fields = value.split(separator: UInt8(ascii: "'"), maxSplits: 2, omittingEmptySubsequences: false)
        guard fields.count == 3, let bytes = percentDecoded(Array(fields[2])) else { return nil }
        switch String(decoding: fields[0], as: UTF8.self).lowercased() {
        case "iso-8859-1":
            var scalars = String.UnicodeScalarView()
            scalars.append(contentsOf: bytes.map { Unicode.Scalar($0) })
            return String(scalars)
        default: return String(validating: bytes, as: UTF8.self)
        }
    }

    /// Form encoding where the value is one, else percent encoding, else the value as it stands.
    private static func decodedPlain(_ value: [UInt8]) -> String {
        if isFormEncoded(value) {
            let spaced = value.map { $0 == ASCII.plus ? ASCII.space : $0 }
            if let bytes = percentDecoded(spaced), let text = String(validating: bytes, as: UTF8.self) { return text }
        }
        if let bytes = percentDecoded(value), let text = String(validating: bytes, as: UTF8.self) { return text }
        return String(decoding: value, as: UTF8.self)
    }

    /// Whether encoding the decoded value gives the value again: what needs no escape stands bare, all else is escaped.
    private static func isFormEncoded(_ value: [UInt8]) -> Bool {
        var index = 0
        while index < value.count {
            let byte = value[index]
            if byte == UInt8(ascii: "%") {
                guard let escaped = escape(value, at: index), !isBare(escaped) || isOptional(escaped) else {
                    return false
                }
                index += 3
                continue
            }
            guard byte == ASCII.plus || isBare(byte) else { return false }
            index += 1
        }
        return true
    }

    /// Bytes that form encoders leave alone.
    private static func isBare(_ byte: UInt8) -> Bool {
        (ASCII.isWord(byte) && byte < 0x80) || byte == ASCII.minus || byte == ASCII.underscore || byte == ASCII.dot
            || isOptional(byte)
    }

    /// Bytes that only some form encoders leave alone.
    private static func isOptional(_ byte: UInt8) -> Bool { byte == ASCII.tilde || byte == ASCII.star }

    /// Bytes behind `%XX`; nil when an escape is malformed.
    private static func percentDecoded(_ value: [UInt8]) -> [UInt8]? {
        var result: [UInt8] = []
        var index = 0
        while index < value.count {
            if value[index] == UInt8(ascii: "%") {
                guard let byte = escape(value, at: index) else { return nil }
                result.append(byte)
                index += 3
            } else {
                result.append(value[index])
                index += 1
            }
        }
        return result
    }

    private static func escape(_ bytes: [UInt8], at index: Int) -> UInt8? {
        guard index + 2 < bytes.count, let high = digit(bytes[index + 1]), let low = digit(bytes[index + 2]) else {
            return nil
        }
        return high << 4 | low
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        if ASCII.isDigit(byte) { return byte - 48 }
        let letter = ASCII.lowercased(byte)
        return (97...102).contains(letter) ? letter - 87 : nil
    }

    /// Text that was UTF-8 and was read as Latin-1 on the way, read right.
    private static func reread(_ text: String) -> String {
        var bytes: [UInt8] = []
        var isPlain = true
        for scalar in text.unicodeScalars {
            guard scalar.value <= 0xFF else { return text }
            if scalar.value >= 0x80 { isPlain = false }
            bytes.append(UInt8(scalar.value))
        }
        return isPlain ? text : String(validating: bytes, as: UTF8.self) ?? text
    }
}
