import Foundation
public import Logging
import Shared

/// Writes log lines to standard error: for people, or one JSON object per line.
public struct LogLines: LogHandler {
    /// Form of the lines.
    public enum Format: Sendable {
        /// `time level message key=value …`
        case text
        /// One JSON object per line.
        case json
    }

    /// Least severity that is written.
    public var logLevel: Logger.Level
    /// Metadata of every line.
    public var metadata: Logger.Metadata = [:]
    private let format: Format
    private let write: @Sendable (String) -> Void

    /// Creates a handler. `write` gets whole lines without their end; the default writes to standard error.
    public init(format: Format, level: Logger.Level, write: (@Sendable (String) -> Void)? = nil) {
        self.format = format
        logLevel = level
        self.write =
            write ?? { line in
                // One write for one line, so that lines of several threads do not mix. A closed pipe is no reason to die.
                try? FileHandle.standardError.write(contentsOf: Data((line + "\n").utf8))
            }
    }

    /// Metadata of every line by key.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes one line.
    public func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        let pairs = all.sorted { $0.key < $1.key }.map { (key: $0.key, value: "\($0.value)") }
        let time = Date().formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        switch format {
        case .text:
            let words = pairs.map { "\($0.key)=\(Self.word($0.value))" }
            write(
                (["\(time) \(event.level.rawValue.uppercased())", "\(event.message)"] + words).joined(separator: " "))
        case .json:
            var object = [("time", time), ("level", event.level.rawValue), ("message", "\(event.message)")]
            object += pairs
            write("{" + object.map { "\(Self.quoted($0.0)):\(Self.quoted($0.1))" }.joined(separator: ",") + "}")
        }
    }

    private static func word(_ value: String) -> String {
        let plain = !value.isEmpty && value.unicodeScalars.allSatisfy { $0.value > 0x20 && $0 != "\"" && $0 != "=" }
        return plain ? value : quoted(value)
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case let control where control.value < 0x20:
                let hex = String(control.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
