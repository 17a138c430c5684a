extension GatewayConfiguration {
    /// What kind of backend computes an answer.
    public enum BackendType: String, Sendable, CaseIterable {
        /// Repeats the message.
        case echo
        /// An OpenAI-compatible chat-completions service.
        case openai
        /// A process per message.
        case command
        /// An HTTP service.
        case http
    }

    /// `backends.<name>`; which keys count depends on `type`, and `load` made sure the needed ones are given.
    public struct Backend: Sendable, Equatable, ConfigurationSection {
        /// Its kind.
        public var type = BackendType.echo
        /// `openai`: address up to and with `/v1`.
        public var baseURL = ""
        /// `openai`: the model's name.
        public var model = ""
        /// `openai`: the key, when the service wants one.
        public var apiKey: Secret?
        /// `openai`: the system prompt; empty for none.
        public var system = ""
        /// `openai`: whether images are handed to the model.
        public var vision = false
        /// `openai`: names of the tools the model may call; nil for all.
        public var tools: [String]?
        /// Time for one answer.
        public var timeout = Duration.seconds(600)
        /// `command`: program and arguments.
        public var command: [String] = []
        /// `http`: where the request goes.
        public var url = ""
        /// `openai`, `http`: additional request headers.
        public var headers: [String: Secret] = [:]

        init() {}

        static var fields: [ConfigurationField<Self>] {
            [
                .init("type", \.type, .choice(), "Kind of backend; must be given.", isRequired: true),
                .init(
                    "baseUrl", \.baseURL, .url(secure: "https", plain: "http", plainIsLocal: false),
                    "openai: address of the service, up to and with `/v1`."),
                .init("model", \.model, .text(maxBytes: 256), "openai: the model's name."),
                .init("apiKey", \.apiKey, .secret, "openai: key, when the service wants one."),
                .init("system", \.system, .text(maxBytes: 262_144), "openai: the system prompt."),
                .init("vision", \.vision, .flag, "openai: hand images to the model."),
                .init(
                    "tools", \.tools, .optional(.list(.identifier, initial: "", most: 1_000), initial: []),
                    "openai: tools the model may call; when absent, all.",
                    withoutEffect: "tools are not offered to models in this version"),
                .init("timeoutSeconds", \.timeout, .seconds(0.1...86_400), "Time for one answer."),
                .init(
                    "command", \.command, .list(.text(maxBytes: 65_536), initial: "", most: 1_000),
                    "command: program and arguments."),
                .init(
                    "url", \.url, .url(secure: "https", plain: "http", plainIsLocal: false),
                    "http: where the request goes."),
                .init(
                    "headers", \.headers, .map(.secretValue, initial: Secret(""), named: "header", most: 100),
                    "openai, http: additional request headers."),
            ]
        }
    }

    /// `tools.<name>`: a command that a model may call.
    public struct Tool: Sendable, Equatable, ConfigurationSection {
        /// What the model is told.
        public var description = ""
        /// JSON Schema of the arguments, as JSON text.
        public var parameters = "{}"
        /// Program and arguments.
        public var command: [String] = []

        init() {}

        static var fields: [ConfigurationField<Self>] {
            [
                .init("description", \.description, .text(maxBytes: 16_384), "What the model is told."),
                .init("parameters", \.parameters, .json, "JSON Schema of the arguments."),
                .init(
                    "command", \.command, .list(.text(maxBytes: 65_536), initial: "", most: 1_000),
                    "Program and arguments."),
            ]
        }
    }

    /// `bindings[]`: a backend for some messages.
    public struct Binding: Sendable, Equatable, ConfigurationSection {
        /// Name of the backend.
        public var backend = ""
        /// Which messages; every given key must fit.
        public var match = Match()

        init() {}

        static var fields: [ConfigurationField<Self>] {
            [
                .init("backend", \.backend, .text(maxBytes: 256), "Name of the backend."),
                .init("match", \.match, .section, "Which messages; every given key must fit."),
            ]
        }
    }

    /// `bindings[].match`; an empty string fits everything.
    public struct Match: Sendable, Equatable, ConfigurationSection {
        /// Name of an account.
        public var account = ""
        /// Chat id of a group; `*` is any group.
        public var group = ""
        /// User id of the sender.
        public var user = ""

        init() {}

        /// Whether a message fits; `group` is nil for a direct message.
        public func matches(account: String, group: String?, user: String) -> Bool {
            (self.account.isEmpty || self.account == account)
                && (self.group.isEmpty || self.group == group || self.group == "*" && group != nil)
                && (self.user.isEmpty || self.user == user)
        }

        static var fields: [ConfigurationField<Self>] {
            [
                .init("account", \.account, .identifier, "Name of an account."),
                .init("group", \.group, .identifier, "Chat id of a group; `*` is any group."),
                .init("user", \.user, .identifier, "User id of the sender."),
            ]
        }
    }

    /// What a scheduled message is.
    public enum CronSession: String, Sendable, CaseIterable {
        /// The message is sent as it stands.
        case plain
        /// The message is a prompt; the answer is sent.
        case isolated
    }

    /// `cron[]`: a scheduled message.
    public struct CronJob: Sendable, Equatable, ConfigurationSection {
        /// Its name, unique.
        public var name = ""
        /// Five fields: minute, hour, day of month, month, day of week.
        public var schedule = ""
        /// Time zone, as in `Asia/Shanghai`.
        public var timeZone = "Asia/Shanghai"
        /// The text, or the prompt.
        public var message = ""
        /// What the message is.
        public var session = CronSession.plain
        /// Whether the answer of a prompt is sent.
        public var announce = true
        /// Account that sends; empty for the default account.
        public var account = ""
        /// Channel that sends; empty or `wecom`.
        public var channel = ""
        /// Target, as in `user:lin.wei` or `party:1`.
        public var target = ""

        init() {}

        static var fields: [ConfigurationField<Self>] {
            [
                .init("name", \.name, .text(maxBytes: 256), "Its name, unique."),
                .init(
                    "cron", \.schedule, .text(maxBytes: 256), "Minute, hour, day of month, month, day of week."),
                .init("tz", \.timeZone, .identifier, "Time zone, as in `Asia/Shanghai`."),
                .init("message", \.message, .text(maxBytes: 20_480), "The text, or the prompt."),
                .init("session", \.session, .choice(), "`isolated`: the message is a prompt, and the answer is sent."),
                .init("announce", \.announce, .flag, "Whether the answer of a prompt is sent."),
                .init("account", \.account, .identifier, "Account that sends; empty: the default account."),
                .init("channel", \.channel, .identifier, "Channel that sends; empty or `wecom`."),
                .init("to", \.target, .text(maxBytes: 512), "Target, as in `user:lin.wei` or `party:1`."),
            ]
        }
    }
}
