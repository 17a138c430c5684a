import Foundation

/// The system's wall clock.
public struct SystemWallClock: WallClock {
    /// Creates the clock.
    public init() {}

    /// Unix milliseconds.
    public var unixMilliseconds: Int64 { Int64(Date().timeIntervalSince1970 * 1000) }
}
