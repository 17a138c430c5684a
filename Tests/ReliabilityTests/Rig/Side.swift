import Foundation
import Simulator

/// A way by which people reach the program. Each has an account, a bot and people of its own; `pair` and `app` share theirs.
enum Side: String, Sendable, CaseIterable {
    /// Bot on the long connection.
    case socket
    /// Bot in callback mode, in an account that has nothing else.
    case hook
    /// Bot in callback mode, in an account with an application beside it.
    case pair
    /// That application.
    case app

    static let token = "tokenOfTheRig"
    static let key = "M7gMYkBJXYy6ISI6etq4rp2qcW5IbMHNNyKWUC0mNpk"
    static let appSecret = "SIM-APP-SECRET-not-real"
    static let appToken = "tokenOfTheRigApp"
    static let appKey = String(key.reversed())
    static let corpID = "wwSIMreliability"
    static let agentID = 1_000_002

    /// Bot id at the platform.
    var bot: String {
        switch self {
        case .socket: SimulatorBot.demo.id
        case .hook: "aibSIM0002hook"
        case .pair, .app: "aibSIM0003pair"
        }
    }

    /// Account in the configuration.
    var account: String {
        switch self {
        case .socket: "default"
        case .hook: "hook"
        case .pair, .app: "pair"
        }
    }

    var transport: Transport {
        switch self {
        case .socket: .longConnection
        case .hook, .pair: .webhook
        case .app: .agent
        }
    }

    /// Who writes there. People of the application and of the bot beside it are told apart by name.
    var people: [String] {
        switch self {
        case .socket, .hook: Traffic.users
        case .pair: Array(Traffic.users.prefix(3))
        case .app: Array(Traffic.users.suffix(3))
        }
    }

    /// Whether groups can talk to it.
    var hasGroups: Bool { self != .app }

    /// Whether a message comes in by a callback over HTTP.
    var isCalled: Bool { self != .socket }

    static func random(using random: inout Random) -> Side {
        switch Int.random(in: 0..<10, using: &random) {
        case ..<4: .socket
        case ..<6: .hook
        case ..<8: .pair
        default: .app
        }
    }

    /// Bots of the platform. `port`: where the program listens for callbacks.
    static func bots(callbacksTo port: Int) -> [SimulatorBot] {
        func url(_ side: String, _ account: Side) -> String {
            "http://127.0.0.1:\(port)/wecom/\(side)/\(account.account)"
        }
        func webhook(_ side: Side) -> WebhookSide {
            WebhookSide(callbackURL: url("bot", side), token: token, encodingAESKey: key)
        }
        return [
            .demo,
            SimulatorBot(id: Side.hook.bot, secret: "", name: "Hook Helper", webhook: webhook(.hook)),
            SimulatorBot(
                id: Side.pair.bot, secret: "", name: "Pair Helper", webhook: webhook(.pair),
                app: ApplicationSide(
                    corpID: corpID, secret: appSecret, agentID: agentID, callbackURL: url("agent", .pair),
                    token: appToken, encodingAESKey: appKey)),
        ]
    }

    /// Accounts of the configuration, as JSON5. `platform`: port of the simulator.
    static func accounts(platform: Int) -> String {
        let demo = SimulatorBot.demo
        let webhook = #"mode: "webhook", token: "\#(token)", encodingAESKey: "\#(key)", dm: {policy: "open"}"#
        let common =
            #"groupPolicy: "open", network: {timeoutSeconds: 1}, stream: {minIntervalSeconds: 0.1, hintSeconds: 0}"#
        return """
            default: {
              name: "\(demo.name)", groupPolicy: "open",
              bot: {
                botId: "\(demo.id)", secret: "\(demo.secret)", wsUrl: "ws://127.0.0.1:\(platform)",
                heartbeatSeconds: 1, ackTimeoutSeconds: 0.5, replyTimeoutSeconds: 0, dm: {policy: "open"},
                reconnect: {minSeconds: 0.1, maxSeconds: 0.4},
              },
              stream: {minIntervalSeconds: 0.1, hintSeconds: 0},
            },
            hook: {name: "Hook Helper", \(common), bot: {\(webhook)}},
            pair: {
              name: "Pair Helper", \(common), bot: {\(webhook)},
              agent: {
                corpId: "\(corpID)", corpSecret: "\(appSecret)", agentId: \(agentID), token: "\(appToken)",
                encodingAESKey: "\(appKey)", apiBaseUrl: "http://127.0.0.1:\(platform)", dm: {policy: "open"},
              },
            },
            """
    }
}

/// A port that stays free over restarts of the program.
enum FreePort {
    /// Below the range from which outgoing connections take theirs, which would get in the way while the program is down.
    private static let range = 20_000..<32_000

    static func find() throws -> Int {
        for step in 0..<range.count {
            let port = range.lowerBound + (Int(getpid()) * 31 + step) % range.count
            if isFree(port) { return port }
        }
        throw RigError("no free port from \(range.lowerBound) to \(range.upperBound)")
    }

    private static func isFree(_ port: Int) -> Bool {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard socket >= 0 else { return false }
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
