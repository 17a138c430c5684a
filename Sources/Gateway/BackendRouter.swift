import AsyncHTTPClient
import Backends
import Logging
import Shared

/// The configured backends, and which of them answers whom.
struct BackendRouter: Sendable {
    private let backends: [String: any Backend]
    private let configuration: GatewayConfiguration

    init(
        _ configuration: GatewayConfiguration, baseDirectory: String?, client: HTTPClient, clock: any MonotonicClock,
        logger: Logger
    ) {
        backends = configuration.backends.mapValues { settings in
            Self.backend(settings, baseDirectory, client: client, clock: clock, logger: logger)
        }
        self.configuration = configuration
    }

    private static func backend(
        _ settings: GatewayConfiguration.Backend, _ baseDirectory: String?, client: HTTPClient,
        clock: any MonotonicClock, logger: Logger
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
            return CommandBackend(
                settings: CommandSettings(
                    command: settings.command, baseDirectory: baseDirectory, timeout: settings.timeout),
                clock: clock, logger: logger)
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
            guard let (_, backend) = backend(for: message) else {
                throw BackendFailure(detail: "no backend is configured for this message")
            }
            let request = BackendRequest(message: message, sessionID: Self.sessionID(message))
            try await backend.answer(request, to: reply)
        }
    }

    /// Account, kind and id, so that no two conversations share a session; safe as a folder name.
    private static func sessionID(_ message: InboundMessage) -> String {
        let id = message.conversation.id.utf8.map { byte -> String in
            let scalar = Unicode.Scalar(byte)
            let plain = byte < 0x80 && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
            return plain || scalar == "-" || scalar == "_" ? String(scalar) : "%" + String(byte, radix: 16)
        }
        return "\(message.account)-\(message.conversation.kind.rawValue)-\(id.joined())"
    }
}
