import Foundation

/// Times and ages for people.
enum Moments {
    /// `2026-11-21 08:00:00.123Z`
    static func text(_ unixMilliseconds: Int64) -> String {
        // Milliseconds apart: as a fraction of a floating-point number they would be rounded down now and then.
        let (quotient, remainder) = unixMilliseconds.quotientAndRemainder(dividingBy: 1_000)
        let seconds = remainder < 0 ? quotient - 1 : quotient
        let milliseconds = String(unixMilliseconds - seconds * 1_000)
        let whole = Date(timeIntervalSince1970: Double(seconds)).formatted(
            Date.ISO8601FormatStyle(dateTimeSeparator: .space))
        return "\(whole.dropLast()).\(String(repeating: "0", count: 3 - milliseconds.count))\(milliseconds)Z"
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
