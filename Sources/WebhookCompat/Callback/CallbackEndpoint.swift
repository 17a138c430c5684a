public import Shared

/// One account's callback address.
public struct CallbackEndpoint: Sendable {
    /// Who is called.
    public enum Kind: Hashable, Sendable {
        /// A bot: JSON. The receive id is empty except in special set-ups; empty means not compared.
        case bot(receiveID: String)
        /// A self-built application: XML. The corp id is compared always, the application's id where it is given.
        case agent(corpID: String, agentID: Int64?)
    }

    /// Name of the account in the configuration.
    public let account: String
    private let paths: Set<String>
    private let kind: Kind
    private let ring: CallbackKeyRing

    /// - Parameters:
    ///   - paths: paths it is served on; one slash at the end makes no difference.
    ///   - previous: the credentials before, while they are being changed.
    public init(
        account: String, paths: [String], kind: Kind, current: CallbackCredentials,
        previous: CallbackCredentials? = nil
    ) {
        self.account = account
        self.paths = Set(paths.map(Self.withoutSlash))
        self.kind = kind
        let receiveID: ReceiveID =
            switch kind {
            case .bot(let id): ReceiveID(configured: id)
            // An empty corp id fits nothing, rather than everything.
            case .agent(let corpID, _): .exactly(corpID)
            }
        ring = CallbackKeyRing(current: current, previous: previous, receiveID: receiveID)
    }

    /// Encrypts and signs a reply to a callback of this account; the body of the answer.
    ///
    /// - Parameters:
    ///   - message: JSON for a bot, XML for an application.
    ///   - timestamp: seconds since 1970.
    public func reply(
        _ message: String, to callback: VerifiedCallback, timestamp: Int64,
        using generator: inout some RandomNumberGenerator
    ) throws(CallbackCipherError) -> String {
        let sealed = try ring.seal(
            message.utf8, timestamp: timestamp, nonce: callback.nonce, generation: callback.generation,
            using: &generator)
        return switch kind {
        case .bot: ReplyEnvelope.json(sealed)
        case .agent: ReplyEnvelope.xml(sealed)
        }
    }

    private static func withoutSlash(_ path: String) -> String {
        path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }

    /// Media type of its encrypted replies.
    var contentType: String {
        switch kind {
        case .bot: "application/json; charset=utf-8"
        case .agent: "application/xml; charset=utf-8"
        }
    }

    /// Whether a callback is for this account and of its kind: bot and application of one account are two endpoints.
    func isMeant(by callback: VerifiedCallback) -> Bool {
        guard callback.account == account else { return false }
        return switch (kind, callback.payload) {
        case (.bot, .json), (.agent, .xml): true
        default: false
        }
    }

    func serves(_ path: String) -> Bool { paths.contains(Self.withoutSlash(path)) }

    func open(_ encrypted: String, _ query: CallbackQuery) throws(CallbackOpenError) -> CallbackKeyRing.Opened {
        try ring.open(encrypted, signature: query.signature, timestamp: query.timestamp, nonce: query.nonce)
    }

    /// The ciphertext in a body.
    func encrypted(in body: [UInt8]) throws(CallbackRefusal) -> String {
        switch kind {
        case .bot: try CallbackEnvelope.encrypted(inJSON: body)
        case .agent: try CallbackEnvelope.encrypted(inXML: body)
        }
    }

    /// What a callback means that was opened.
    func verdict(on opened: CallbackKeyRing.Opened, nonce: String) throws(CallbackRefusal) -> CallbackVerdict {
        let payload: VerifiedCallback.Payload
        switch kind {
        case .bot:
            payload = .json(try CallbackEnvelope.jsonObject(opened.message))
        case .agent(let corpID, let agentID):
            let root = try CallbackEnvelope.xmlRoot(opened.message)
            if let receiver = root.text(of: "ToUserName"), receiver != corpID {
                return .notOurs(.enterprise, account: account)
            }
            // Notices of the enterprise itself carry none.
            if let agentID, let given = root.text(of: "AgentID"), given != String(agentID) {
                return .notOurs(.application, account: account)
            }
            payload = .xml(root)
        }
        return .callback(
            VerifiedCallback(account: account, payload: payload, generation: opened.generation, nonce: nonce))
    }
}
