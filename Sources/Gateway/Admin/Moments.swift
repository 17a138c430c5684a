import Foundation

/// Times and ages for people.
enum Moments {
    /// `2026-11-21 08:00:00.123Z`
    static func text(_ unixMilliseconds: Int64) -> String {
        let date = Date(timeIntervalSince1970: Double(unixMilliseconds) / 1000)
        return date.formatted(
            Date.ISO8601FormatStyle(dateTimeSeparator: .space, includingFractionalSeconds: true))
    }

    /// `4 s`, `12 min`, `3 h`, `5 d`: rounded down to the largest unit of which there are two.
    static func age(seconds: Double) -> String {
        let whole = Int(max(0, min(seconds, 1e12)))
        for (unit, word) in [(86_400, "d"), (3_600, "h"), (60, "min")] where whole >= 2 * unit {
            return "\(whole / unit) \(word)"
        }
        return "\(whole) s"
    }
}
