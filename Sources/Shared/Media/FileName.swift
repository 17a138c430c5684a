/// Names of files that come from outside, made harmless.
package enum FileName {
    /// Longest name in UTF-8 bytes: what file systems take.
    package static let maxBytes = 255
    /// Longest ending that counts as an extension.
    private static let maxExtension = 12

    /// The last path component without control and direction characters, at most `maxBytes` long, cut between
    /// characters before its extension; nil when nothing usable is left.
    package static func sanitised(_ name: String, maxBytes: Int = maxBytes) -> String? {
        let base = name.split(whereSeparator: { $0 == "/" || $0 == "\\" }).last.map(String.init) ?? ""
        var scalars = String.UnicodeScalarView()
        for scalar in base.unicodeScalars where !isDropped(scalar) { scalars.append(scalar) }
        let clean = trimmed(String(scalars))
        guard !clean.isEmpty, !clean.allSatisfy({ $0 == "." }) else { return nil }
        let short = shortened(clean, maxBytes: maxBytes)
        return short.isEmpty ? nil : short
    }

    /// `name`, or its beginning and its extension when it is longer than `maxBytes`.
    static func shortened(_ name: String, maxBytes: Int) -> String {
        guard name.utf8.count > maxBytes else { return name }
        let ending = fileExtension(of: name).map { "." + $0 } ?? ""
        let stem = name.dropLast(ending.count)
        var count = ending.utf8.count
        var kept = ""
        for character in stem {
            count += character.utf8.count
            if count > maxBytes { break }
            kept.append(character)
        }
        return kept + ending
    }

    /// Extension without its dot, as written; nil when there is none that looks like one.
    static func fileExtension(of name: String) -> String? {
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return nil }
        let ending = name[name.index(after: dot)...]
        guard !ending.isEmpty, ending.utf8.count <= maxExtension,
            ending.utf8.allSatisfy({ ASCII.isWord($0) && $0 < 0x80 })
        else { return nil }
        return String(ending)
    }

    /// `name` with the extension of its type, where it has none.
    static func completed(_ name: String, _ type: MediaType?) -> String {
        guard fileExtension(of: name) == nil, let ending = type?.fileExtension else { return name }
        return shortened(name, maxBytes: maxBytes - ending.utf8.count - 1) + "." + ending
    }

    /// Controls, format characters that hide or turn text, and what stands for undecodable bytes at the edges of names.
    private static func isDropped(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .surrogate, .lineSeparator, .paragraphSeparator: true
        // Joiners belong to emoji and to several scripts.
        case .format: scalar != "\u{200C}" && scalar != "\u{200D}"
        default: false
        }
    }

    private static func trimmed(_ text: String) -> String {
        var rest = Substring(text)
        while rest.first?.isWhitespace == true { rest.removeFirst() }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return String(rest)
    }
}
