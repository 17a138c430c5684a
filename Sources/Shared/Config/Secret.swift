/// A string that is never printed: description, debug description, `dump`, and reflection show `<secret>` or nothing,
/// and it has no `Codable` form.
public struct Secret: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let value: String

    /// Wraps a string.
    public init(_ value: String) {
        self.value = value
    }

    /// The string itself. Only for handing it to the platform or a backend: never for a log, an error, or a file.
    public func reveal() -> String { value }

    /// Always `<secret>`.
    public var description: String { "<secret>" }
    /// Always `<secret>`.
    public var debugDescription: String { "<secret>" }
    /// Has no children.
    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}

extension Secret {
    /// Why a secret could not be read. No case holds any part of it.
    public enum SourceError: Error, Sendable, Equatable {
        /// The environment variable does not exist.
        case variableNotSet(String)
        /// The environment variable or file is empty.
        case empty(String)
        /// The file cannot be read as text.
        case unreadableFile(String)
    }

    /// Reads a secret from an environment variable.
    public init(variable name: String, in environment: [String: String]) throws(SourceError) {
        guard let value = environment[name] else { throw .variableNotSet(name) }
        guard !value.isEmpty else { throw .empty(name) }
        self.init(value)
    }

    /// Reads a secret from a file; one trailing newline (LF or CRLF) is not part of it.
    ///
    /// - Parameter readFile: gives the text of a file, or throws.
    public init(file path: String, readFile: (String) throws -> String) throws(SourceError) {
        var value: String
        do { value = try readFile(path) } catch { throw .unreadableFile(path) }
        // A CRLF is one character.
        if value.last == "\n" || value.last == "\r\n" { value.removeLast() }
        guard !value.isEmpty else { throw .empty(path) }
        self.init(value)
    }
}
