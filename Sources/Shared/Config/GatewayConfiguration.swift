/// The whole configuration of the program, with every default filled in.
///
/// Made by `load`; a value made by hand is not checked.
public struct GatewayConfiguration: Sendable, Equatable {
    /// The WeCom channel and its accounts (`channels.wecom`).
    public var wecom = WeCom()
    /// Backends by name; never empty after `load` (an `echo` backend named `default` when none is given).
    public var backends: [String: Backend] = [:]
    /// Tools by name.
    public var tools: [String: Tool] = [:]
    /// Which backend answers whom; the first match wins.
    public var bindings: [Binding] = []
    /// Scheduled messages.
    public var cron: [CronJob] = []
    /// Delivery of answers.
    public var delivery = Delivery()
    /// Bounds on work.
    public var limits = Limits()
    /// Conversations.
    public var sessions = Sessions()
    /// The program itself.
    public var gateway = Gateway()

    /// All defaults: no account, no backend.
    public init() {}
}

extension GatewayConfiguration: ConfigurationSection {
    static var fields: [ConfigurationField<Self>] {
        [
            .init("channels", \.channels, .section, "Where messages come from."),
            .init(
                "backends", \.backends, .map(.section, initial: Backend(), named: "backend", most: 1_000),
                "What computes the answers."),
            .init(
                "tools", \.tools, .map(.section, initial: Tool(), named: "tool", most: 1_000),
                "Commands that a model may call.",
                withoutEffect: "tools are not offered to models in this version"),
            .init(
                "bindings", \.bindings, .list(.section, initial: Binding(), most: 1_000),
                "Which backend answers whom; the first match wins."),
            .init(
                "cron", \.cron, .list(.section, initial: CronJob(), most: 1_000), "Scheduled messages.",
                withoutEffect: "scheduled messages are not sent in this version"),
            .init("delivery", \.delivery, .section, "Delivery of answers."),
            .init("limits", \.limits, .section, "Bounds on work."),
            .init("sessions", \.sessions, .section, "Conversations."),
            .init("gateway", \.gateway, .section, "The program itself."),
        ]
    }

    /// `channels` of the file, which holds one channel.
    struct Channels: ConfigurationSection {
        var wecom = WeCom()
        static var fields: [ConfigurationField<Self>] {
            [.init("wecom", \.wecom, .section, "WeCom.")]
        }
    }

    private var channels: Channels {
        get { Channels(wecom: wecom) }
        set { wecom = newValue.wecom }
    }
}

/// What reading a configuration gave.
public struct ConfigurationResult: Sendable {
    /// The configuration; nil when there is at least one error.
    public let configuration: GatewayConfiguration?
    /// Everything that must be corrected, in the order of the file.
    public let errors: [ConfigurationIssue]
    /// Everything that is probably not meant, in the order of the file.
    public let warnings: [ConfigurationIssue]
}

extension GatewayConfiguration {
    /// Reads a configuration file.
    ///
    /// - Parameters:
    ///   - bytes: the file's content, JSON5 in UTF-8, at most 1 MiB.
    ///   - file: its name, for the issues.
    ///   - environment: where `{env: "NAME"}` looks.
    ///   - resolvesSecrets: false leaves references to secrets as they are; keys that have one are nil then.
    ///   - readFile: gives the text of a file for `{file: "/path"}`, or throws.
    /// - Returns: the configuration when there is no error, and all errors and warnings.
    public static func load(
        bytes: [UInt8], file: String, environment: [String: String],
        resolvesSecrets: Bool = true, readFile: @escaping (String) throws -> String
    ) -> ConfigurationResult {
        let document: JSON5Document
        do {
            document = try JSON5Document(parsing: bytes)
        } catch {
            let issues = error.problems.map {
                ConfigurationIssue(file: file, position: $0.position, keyPath: "", problem: $0.problem, fix: $0.fix)
            }
            return ConfigurationResult(configuration: nil, errors: issues, warnings: [])
        }
        var reader = ConfigurationReader(
            file: file, document: document, environment: environment, wantsSecrets: resolvesSecrets, readFile: readFile)
        var configuration = GatewayConfiguration()
        configuration.read(document.root, at: JSON5Path(), with: &reader)
        configuration.complete()
        reader.check(configuration)
        return reader.result(configuration)
    }

    /// Reads a configuration text; see `load(bytes:file:environment:readFile:)`.
    public static func load(
        text: String, file: String, environment: [String: String],
        readFile: @escaping (String) throws -> String
    ) -> ConfigurationResult {
        load(bytes: Array(text.utf8), file: file, environment: environment, readFile: readFile)
    }

    /// Fills in what follows from what is given.
    private mutating func complete() {
        if wecom.accounts.isEmpty, wecom.accountDefaults.bot.hasAnyKey || wecom.accountDefaults.agent.hasAnyKey {
            // Keys of one bot straight at `channels.wecom`, and no accounts: that is the account `default`.
            wecom.accounts[WeCom.implicitAccount] = wecom.accountDefaults
        }
        if wecom.accounts.count == 1, wecom.accounts[wecom.defaultAccount] == nil, let only = wecom.accounts.keys.first,
            wecom.defaultAccount == WeCom.implicitAccount
        {
            wecom.defaultAccount = only
        }
        if backends.isEmpty { backends[Self.defaultBackend] = Backend() }
    }

    /// The backend that answers when no binding matches.
    static let defaultBackend = "default"

    /// The name of the backend that answers a message: the first matching binding, else `default`, else the only one.
    ///
    /// - Parameters:
    ///   - account: the account the message came to.
    ///   - group: the chat id of its group; nil for a direct message.
    ///   - user: its sender.
    public func backendName(account: String, group: String?, user: String) -> String? {
        if let binding = bindings.first(where: { $0.match.matches(account: account, group: group, user: user) }) {
            return binding.backend
        }
        if backends[Self.defaultBackend] != nil { return Self.defaultBackend }
        return backends.count == 1 ? backends.keys.first : nil
    }
}
