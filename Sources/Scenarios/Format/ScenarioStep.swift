import AIBotWS
import Shared

/// One line of a scenario.
struct ScenarioStep: Sendable {
    var line: Int
    var action: Action

    enum Action: Sendable {
        // What the platform does.
        case connects
        case refuses
        case ignores
        case drops(code: UInt16?)
        case inbound(JSONValue)
        case inboundText(String)
        // What is expected of the client.
        case outbound(JSONValue)
        case noFrames
        case clientCloses
        case status(String)
        case event(JSONValue)
        case outcome(String)
        case ends(String?)
        // What moves it.
        case advance(Duration)
        case wait(Duration)
        case handler(String, HandlerVerb)
        case push(Conversation, String)
        case shutdown
        case reconnect
    }

    enum HandlerVerb: Sendable {
        case gets(JSONValue)
        case isStopped
        case does(HandlerCommand)
    }
}

/// What a scripted handler is told to do.
enum HandlerCommand: Sendable {
    case append(String)
    case replace(String)
    case think(String)
    case attach(Attachment)
    case finish
    case fail(words: String?)
}

/// What a scenario sets before it starts.
struct ScenarioSettings: Sendable {
    var botID: BotID = "aibSIM0001example"
    var secret = "SIM-SECRET-not-real"
    var displayName: String?
    var onReplaced = SessionConfiguration.ReplacedPolicy.wait
    var heartbeat: Duration = .seconds(30)
    /// Whether heartbeats are frames of the scenario; else they are answered and not shown.
    var showsHeartbeats = false
    /// How late an expected frame may be on the scenario's clock.
    var slack: Duration = .zero
    /// Whether frames that are due together may come in any order.
    var isOrderFree = false
    var seed: UInt64 = 1
    var engine = ScenarioSettings.quiet

    init() { engine.reply.firstHintAfter = .zero }
}

extension ScenarioSettings {
    /// Answers without an id to judge them by, which would be in every frame; `set feedback asked` switches it on.
    static var quiet: EngineSettings {
        var engine = EngineSettings()
        engine.asksForFeedback = false
        return engine
    }
}
