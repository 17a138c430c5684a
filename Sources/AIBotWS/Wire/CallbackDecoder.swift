public import Shared

/// Turns callbacks of the long connection into transport-neutral events.
public struct CallbackDecoder: Sendable {
    private let decoder: BotEventDecoder

    /// Creates a decoder.
    ///
    /// - Parameters:
    ///   - displayName: what people write after `@` to mention the bot; nil falls back to `accountName`, then to rules.
    public init(account: AccountID, displayName: String? = nil, accountName: String? = nil) {
        decoder = BotEventDecoder(
            account: account, channel: LongConnection.name, displayName: displayName, accountName: accountName)
    }

    /// Event of a callback; nil when the body is no JSON object or names no conversation to answer in.
    public func event(_ callback: Callback, receivedAt unixMilliseconds: Int64) -> InboundEvent? {
        guard let body = try? JSONValue(parsing: callback.body) else { return nil }
        return decoder.event(
            callback.kind == .message ? .message : .event, body, routeKey: callback.reqID.rawValue,
            receivedAt: unixMilliseconds)
    }
}
