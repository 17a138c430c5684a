import AsyncHTTPClient
import Backends
import Logging
import Shared

/// The configured backends, and which of them answers whom.
struct BackendRouter: Sendable {
    private let backends: [String: any Backend]
    private let configuration: GatewayConfiguration
    private let folders: SessionFolders
    private let logger: Logger

    init(
        _ configuration: GatewayConfiguration, baseDirectory: String?, folders: SessionFolders, client: HTTPClient,
        clock: any MonotonicClock,
        logger: Logger
    ) {
        backends = configuration.backends.mapValues { settings in
            Self.backend(
                settings, baseDirectory, showsStandardError: configuration.gateway.log.messageText, client: client,
                clock: clock, logger: logger)
        }
        self.logger = logger
        self.configuration = configuration
        self.folders = folders
    }

    private static func backend(
        _ settings: GatewayConfiguration.Backend, _ baseDirectory: String?, showsStandardError: Bool,
        client: HTTPClient, clock: any MonotonicClock, logger: Logger
    ) -> any Backend {
        let headers = settings.headers.mapValues { $0.reveal() }
        switch settings.type {
        case .echo: return EchoBackend(demo: false, clock: clock)
        case .openai:
            let openAI = OpenAISettings(
                baseURL: settings.baseURL, model: settings.model, apiKey: settings.apiKey?.reveal(),
                system: settings.system.isEmpty ? nil : settings.system, vision: settings.vision, headers: headers,
                timeout: settings.timeout)
            return OpenAIBackend(settings: openAI, client: client, clock: clock, logger: logger)
        case .command:
            var command = CommandSettings(
                command: settings.command, baseDirectory: baseDirectory, timeout: settings.timeout)
            command.showsStandardError = showsStandardError
            return CommandBackend(settings: command, clock: clock, logger: logger)
        case .http:
            return HTTPBackend(
                settings: HTTPBackendSettings(url: settings.url, headers: headers, timeout: settings.timeout),
                client: client, clock: clock)
        }
    }

    /// Name and backend for a message; nil when the configuration names none that exists.
    func backend(for message: InboundMessage) -> (name: String, backend: any Backend)? {
        let group = message.conversation.kind == .group ? message.conversation.id : nil
        let name = configuration.backendName(
            account: message.account.rawValue, group: group, user: message.sender.id.rawValue)
        return name.flatMap { name in backends[name].map { (name, $0) } }
    }

    /// Handler that asks the right backend.
    var handler: MessageHandler {
        { message, reply in
            guard let (name, backend) = backend(for: message) else {
                throw BackendFailure(detail: "no backend is configured for this message")
            }
            logger.debug("backend asked", metadata: .init([.backend: name, .messageID: message.id]))
            do {
                try await backend.answer(await request(for: message, of: backend, reply), to: reply)
            } catch var failure as BackendFailure {
                failure.detail = "\(name): \(failure.detail)"
                throw failure
            }
        }
    }

    private func request(
        for message: InboundMessage, of backend: any Backend, _ reply: any Replying
    ) async -> BackendRequest {
        let name = SessionFolders.name(of: message)
        guard backend.keepsSessions else { return BackendRequest(message: message, sessionID: name) }
        let turn = await reply.turnInfo
        let account = configuration.wecom.accounts[message.account.rawValue]
        let limit = message.conversation.kind == .group ? account?.historyLimit : account?.directHistoryLimit
        return BackendRequest(
            message: message, history: await turn.history(limit ?? 0),
            // A new session is a new name; the folder stays, with whatever the person keeps in it.
            sessionID: turn.session == 0 ? name : "\(name).\(turn.session)",
            workspace: folders.workspace(of: message), attempt: turn.attempt)
    }
}
