import Shared

/// Decides about every request to the callback addresses. No I/O; nothing that comes can stop it.
///
/// The order of the checks is part of the protocol: path, method, query, size, envelope, signature, ciphertext, receive
/// id, content. Nothing is decrypted before its signature held, so no answer helps to guess a key.
public struct CallbackGate: Sendable {
    private let endpoints: [CallbackEndpoint]

    /// - Parameter endpoints: all accounts. Several may share a path: the one whose signature fits is meant.
    public init(endpoints: [CallbackEndpoint]) { self.endpoints = endpoints }

    /// Decides about one request.
    public func judge(_ request: CallbackRequest) -> CallbackVerdict {
        do { return try decide(request) } catch { return .refused(error) }
    }

    private func decide(_ request: CallbackRequest) throws(CallbackRefusal) -> CallbackVerdict {
        let candidates = endpoints.filter { $0.serves(request.path) }
        guard !candidates.isEmpty else { throw .notFound }
        switch request.method {
        case "GET": return try verify(try CallbackQuery(request.query, withEcho: true), candidates)
        case "POST":
            let query = try CallbackQuery(request.query, withEcho: false)
            guard max(request.body.count, request.announcedBytes) <= CallbackRequest.maxBodyBytes else {
                throw .payloadTooLarge
            }
            let sealed = try envelopes(request.body, candidates)
            let (endpoint, opened) = try open(sealed, query)
            return try endpoint.verdict(on: opened, nonce: query.nonce)
        default: throw .methodNotAllowed
        }
    }

    private func verify(
        _ query: CallbackQuery, _ candidates: [CallbackEndpoint]
    ) throws(CallbackRefusal) -> CallbackVerdict {
        var texts = [query.echo]
        // Something in between has taken the query for a form. Base64 has no blanks, so this cannot spoil anything.
        if query.echo.contains(" ") { texts.append(String(query.echo.map { $0 == " " ? "+" : $0 })) }
        let sealed = texts.flatMap { text in candidates.map { (endpoint: $0, encrypted: text) } }
        let (endpoint, opened) = try open(sealed, query)
        return .echo(opened.message, account: endpoint.account)
    }

    /// The ciphertext as each account understands the body; accounts that cannot read it do not count unless all cannot.
    private func envelopes(
        _ body: [UInt8], _ candidates: [CallbackEndpoint]
    ) throws(CallbackRefusal) -> [(endpoint: CallbackEndpoint, encrypted: String)] {
        var sealed: [(endpoint: CallbackEndpoint, encrypted: String)] = []
        var fault = CallbackRefusal.invalidPayload(.envelope)
        for endpoint in candidates {
            do { sealed.append((endpoint, try endpoint.encrypted(in: body))) } catch { fault = error }
        }
        guard !sealed.isEmpty else { throw fault }
        return sealed
    }

    private func open(
        _ sealed: [(endpoint: CallbackEndpoint, encrypted: String)], _ query: CallbackQuery
    ) throws(CallbackRefusal) -> (endpoint: CallbackEndpoint, opened: CallbackKeyRing.Opened) {
        var refusal = CallbackRefusal.invalidSignature
        for (endpoint, encrypted) in sealed {
            do { return (endpoint, try endpoint.open(encrypted, query)) } catch {
                if case .cipher(let fault) = error, refusal != .decryptFailed(.receiveIDMismatch) {
                    refusal = .decryptFailed(fault)
                }
            }
        }
        throw refusal
    }
}
