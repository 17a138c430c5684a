import Foundation
import Logging
import Shared

@testable import Backends

/// Messages and requests for the tests.
enum Samples {
    /// A picture that was fetched.
    static var fetched: MediaReference {
        var media = MediaReference(kind: .image, url: "https://cos/?sig=secret", key: "a2V5", name: "b.png")
        media.path = "/media/b.png"
        media.mime = "image/png"
        media.bytes = 7
        return media
    }

    static func message(
        _ text: String = "你好", parts: [MessagePart]? = nil, quote: Quote? = nil, click: CardClick? = nil
    ) -> InboundMessage {
        InboundMessage(
            id: "msg-1", account: "default", channel: "aibot-ws",
            conversation: Conversation(kind: .direct, id: "lin.wei"), sender: Sender(id: "lin.wei"),
            parts: parts ?? [.text(text)], quote: quote, click: click, createdAt: 1_795_000_000_123)
    }

    static func request(_ text: String = "你好", workspace: String? = nil) -> BackendRequest {
        BackendRequest(message: message(text), sessionID: "s1", workspace: workspace)
    }

    /// An authority that nobody else knows.
    static let authority = """
        -----BEGIN CERTIFICATE-----
        MIIBjjCCATWgAwIBAgIUa1qCPgyPhmzbOUxq/A+3UoOO7ZQwCgYIKoZIzj0EAwIw
        HDEaMBgGA1UEAwwRRml4dHVyZSBBdXRob3JpdHkwIBcNMjYxMTIyMDMyMzE0WhgP
        MjEyNjEwMjkwMzIzMTRaMBwxGjAYBgNVBAMMEUZpeHR1cmUgQXV0aG9yaXR5MFkw
        EwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE0fCWgxMCRZMaSjF2NOA+5ua0BqE25PKj
        ixtNmwVNTKb3Nb8qoetdffwBUNgBzPCW+0EB4A+ZCNN3wGJ95WopcaNTMFEwHQYD
        VR0OBBYEFPPSJeWmUDoqG0tP2iaNDZiFm+9UMB8GA1UdIwQYMBaAFPPSJeWmUDoq
        G0tP2iaNDZiFm+9UMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDRwAwRAIg
        KhX+cjCsX+Z+ViXCL1x4aqU2Y8VDA3Emlu7TTSzicWACIAqTOPKa214//VEtikwg
        4NnaLKVIKOOlisrXUgKoYGG1
        -----END CERTIFICATE-----

        """

    static let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
}

/// Failure that `body` ends with; nil when it ends well or otherwise.
func failure(of body: () async throws -> Void) async -> BackendFailure? {
    do {
        try await body()
        return nil
    } catch {
        return error as? BackendFailure
    }
}

/// Error that `body` ends with; nil when it ends well.
func error(of body: () async throws -> Void) async -> (any Error)? {
    do {
        try await body()
        return nil
    } catch {
        return error
    }
}

extension ManualClock {
    /// Suspends until the earliest sleeper waits for just this moment.
    func untilSomeoneSleeps(until duration: Duration) async {
        let wanted = MonotonicInstant().advanced(by: duration)
        while nextDeadline != wanted, !Task.isCancelled { await Task.yield() }
    }
}
