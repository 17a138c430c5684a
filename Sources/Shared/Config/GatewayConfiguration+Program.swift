extension GatewayConfiguration {
    /// What happens to a message whose ack was lost and that the platform would not recognize as a repetition.
    public enum UnknownPolicy: String, Sendable, CaseIterable {
        /// Counts as delivered when something later was acked on the same connection, else it is sent once more.
        case auto
        /// Is sent once more.
        case resend
        /// Is never sent again.
        case drop
    }

    /// `delivery`.
    public struct Delivery: Sendable, Equatable, ConfigurationSection {
        /// What happens to a part whose fate is unknown.
        public var onUnknown = UnknownPolicy.auto
        /// How long delivered answers stay in the ledger.
        public var keep = Duration.seconds(30 * 86_400)

        init() {}

        static var fields: [ConfigurationField<Self>] {
            [
                .init(
                    "onUnknown", \.onUnknown, .choice(), "What happens to a part whose ack was lost."),
                .init(
                    "keepDays", \.keep, .days(1...3_650), "How long delivered answers stay in the ledger."),
            ]
        }
    }

    /// `limits`.
    public struct Limits: Sendable, Equatable, ConfigurationSection {
        /// Tasks at the same time, of each bot and of each application.
        public var concurrentTasks = 64
        /// Messages that wait in one conversation.
        public var queuedPerConversation = 20
        /// Messages sent to one conversation in a minute.
        public var perConversationPerMinute = 30
        /// Messages sent to one conversation in an hour.
        public var perConversationPerHour = 1_000

        init() {}

        static var fields: [ConfigurationField<Self>] {
            [
                .init(
                    "concurrentTasks", \.concurrentTasks, .integer(1...10_000),
                    "Tasks at the same time, for each bot and for each application."),
                .init(
                    "queuedPerConversation", \.queuedPerConversation, .integer(0...1_000),
                    "Messages that wait in one conversation."),
                .init(
                    "perConversationPerMinute", \.perConversationPerMinute, .integer(0...10_000),
                    "Messages sent to one conversation in a minute; the platform takes 30. 0: not counted."),
                .init(
                    "perConversationPerHour", \.perConversationPerHour, .integer(0...100_000),
                    "Messages sent to one conversation in an hour; the platform takes 1000. 0: not counted."),
            ]
        }
    }

    /// What happens to a message while the one before it is being answered.
    public enum BusyPolicy: String, Sendable, CaseIterable {
        /// It waits.
        case queue
    }

    /// `sessions`.
    public struct Sessions: Sendable, Equatable, ConfigurationSection {
        /// What happens to a message while the one before it is being answered.
        public var busy = BusyPolicy.queue
        /// Messages of one sender that come within this time are one message; zero for never.
        public var merge = Duration.milliseconds(800)
        /// A conversation that was silent this long starts anew; zero for never.
        public var idleReset = Duration.zero

        init() {}

        static var fields: [ConfigurationField<Self>] {
            [
                .init("busy", \.busy, .choice(), "What happens to a message while the one before it is answered."),
                .init(
                    "mergeSeconds", \.merge, .seconds(0.1...30, offAtZero: true),
                    "Messages of one sender within this time are one message.",
                    withoutEffect: "messages are not merged in this version"),
                .init(
                    "idleResetHours", \.idleReset, .hours(0.1...8_760, offAtZero: true),
                    "A conversation silent this long starts anew.",
                    withoutEffect: "conversations are not reset by time in this version"),
            ]
        }
    }

    /// Least severity that is logged.
    public enum LogLevel: String, Sendable, CaseIterable {
        /// Everything.
        case trace
        /// Details for finding a fault.
        case debug
        /// What happens.
        case info
        /// What happens rarely.
        case notice
        /// What may need attention.
        case warning
        /// What failed.
        case error
        /// What stops the program.
        case critical
    }

    /// Form of log lines.
    public enum LogFormat: String, Sendable, CaseIterable {
        /// For people.
        case text
        /// One JSON object per line.
        case json
    }

    /// `gateway.log`.
    public struct Log: Sendable, Equatable, ConfigurationSection {
        /// Least severity that is logged.
        public var level = LogLevel.info
        /// Form of the lines.
        public var format = LogFormat.text
        /// Whether what may quote messages is logged: the end of what a failed command wrote to standard error.
        public var messageText = false

        init() {}

        static var fields: [ConfigurationField<Self>] {
            [
                .init("level", \.level, .choice(), "Least severity that is logged."),
                .init("format", \.format, .choice(), "Form of the lines."),
                .init(
                    "messageText", \.messageText, .flag,
                    "Whether what may quote messages is logged: the end of what a failed command wrote to standard error."
                ),
            ]
        }
    }

    /// `gateway`.
    public struct Gateway: Sendable, Equatable, ConfigurationSection {
        /// Where callbacks are served; nil for nowhere.
        public var listen: NetworkAddress? = NetworkAddress(host: "127.0.0.1", port: 18_789)
        /// Where health, status and the operations of the command line are served; nil for nowhere.
        public var admin: NetworkAddress? = NetworkAddress(host: "127.0.0.1", port: 18_790)
        /// Token of the admin listener; nil for one made at the first start.
        public var adminToken: Secret?
        /// Folder of the ledger and other state; `~` is the home folder.
        public var stateDirectory = "~/.wecom-aibot"
        /// Time to finish work after a signal.
        public var stopTimeout = Duration.seconds(25)
        /// Logs.
        public var log = Log()

        init() {}

        static var fields: [ConfigurationField<Self>] {
            [
                .init(
                    "listen", \.listen, .listenAddress, "Where callbacks are served."),
                .init(
                    "admin", \.admin, .listenAddress,
                    "Where health, status and the operations of the command line are served."),
                .init(
                    "adminToken", \.adminToken, .secret,
                    "Token of the admin listener; when absent, made at the first start."),
                .init(
                    "stateDir", \.stateDirectory, .text(),
                    "Folder of the ledger and other state; `~` is the home folder."),
                .init("stopSeconds", \.stopTimeout, .seconds(0.1...600), "Time to finish work after a signal."),
                .init("log", \.log, .section, "Logs."),
            ]
        }
    }
}
