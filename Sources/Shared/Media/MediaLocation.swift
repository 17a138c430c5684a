import Foundation

/// Where an answer says that a file is: the forms that can be sent.
enum MediaLocation: Equatable, Sendable {
    /// `http` or `https` address.
    case remote(String)
    /// Path on this machine, relative or absolute, as written.
    case path(String)
    /// Content of a `data:` address: its media type, and the base64 text.
    case data(mime: String, base64: Substring)

    /// Reads a location; nil for other schemes, fragments and what is no location at all.
    init?(_ text: String) {
        guard !text.isEmpty, !text.hasPrefix("#"), !text.hasPrefix("?"), !text.hasPrefix("//"), !text.contains("\0")
        else { return nil }
        guard let scheme = Self.scheme(of: text) else {
            self = .path(text)
            return
        }
        switch scheme {
        case "http", "https": self = .remote(text)
        case "file":
            guard let path = Self.path(ofFileAddress: text) else { return nil }
            self = .path(path)
        case "data":
            guard let comma = text.firstIndex(of: ",") else { return nil }
            let header = text[..<comma].dropFirst("data:".count).lowercased()
            guard header.hasSuffix(";base64") else { return nil }
            self = .data(
                mime: String(header.prefix { $0 != ";" }), base64: text[text.index(after: comma)...])
        default: return nil
        }
    }

    /// Last component of the path or address, made harmless; nil where there is none.
    var name: String? {
        switch self {
        case .path(let path): FileName.sanitised(path)
        case .remote(let address):
            URL(string: address).flatMap { $0.path.isEmpty ? nil : FileName.sanitised($0.path) }
        case .data: nil
        }
    }

    private static func scheme(of text: String) -> String? {
        guard let colon = text.utf8.prefix(16).firstIndex(of: ASCII.colon), colon != text.startIndex else { return nil }
        let scheme = text.utf8[..<colon]
        let isScheme = scheme.allSatisfy {
            (ASCII.isWord($0) && $0 < 0x80) || $0 == ASCII.plus || $0 == ASCII.minus || $0 == ASCII.dot
        }
        return isScheme ? String(text[..<colon]).lowercased() : nil
    }

    /// Path of `file:///path` or `file://localhost/path`.
    private static func path(ofFileAddress text: String) -> String? {
        var rest = text.dropFirst("file:".count)
        if rest.hasPrefix("//") {
            rest = rest.dropFirst(2)
            guard let slash = rest.firstIndex(of: "/") else { return nil }
            guard rest[..<slash].isEmpty || rest[..<slash].lowercased() == "localhost" else { return nil }
            rest = rest[slash...]
        }
        guard rest.hasPrefix("/"), let path = String(rest).removingPercentEncoding, !path.contains("\0") else {
            return nil
        }
        return path
    }
}
