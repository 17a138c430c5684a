/// Callbacks that came before the answer to the subscription, oldest first. The platform sends them once, so they are
/// kept; nothing can be answered before.
struct EarlyCallbacks: Sendable {
    /// Most that are kept, and bytes of their bodies.
    static let limit = 64
    static let maxBytes = 4 << 20

    private var held: [Callback] = []
    private var bytes = 0

    var isEmpty: Bool { held.isEmpty }

    /// False when there is no room.
    mutating func hold(_ callback: Callback) -> Bool {
        guard held.count < Self.limit, bytes + callback.body.count <= Self.maxBytes else { return false }
        bytes += callback.body.count
        held.append(callback)
        return true
    }

    /// Takes all.
    mutating func release() -> [Callback] {
        defer { self = EarlyCallbacks() }
        return held
    }
}
