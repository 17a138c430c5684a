import Foundation
import NIOHTTP1

/// HTTP side of the simulator: control API, media, `response_url`, chat page.
struct ControlAPI: Sendable {
    let engine: SimulatorEngine
    let pages: StaticPages

    func handle(_ request: HTTPRequest) -> HTTPReply {
        do {
            return try route(request)
        } catch let error as FieldError {
            return .error(.badRequest, error.reason)
        } catch let error as UserActionError {
            // The refused call may have found other things due.
            engine.input { core, now in core.tick(now: now) }
            return .error(.badRequest, error.description)
        } catch {
            return .error(.badRequest, "request not understood")
        }
    }

    private func route(_ request: HTTPRequest) throws -> HTTPReply {
        let path = request.path
        if request.method == .GET || request.method == .HEAD {
            if path == "/" || path.hasPrefix("/page/") { return pages.file(path) }
            if path.hasPrefix("/media/enc/") {
                return MediaEndpoint(engine: engine).encrypted(String(path.dropFirst("/media/enc/".count)))
            }
            if path.hasPrefix("/media/plain/") {
                return MediaEndpoint(engine: engine).plain(String(path.dropFirst("/media/plain/".count)))
            }
        }
        if path.hasPrefix("/cgi-bin/") { return APIEndpoint(engine: engine).handle(request) }
        switch (request.method, path) {
        case (.GET, "/api/state"): return state()
        case (.GET, "/api/view"): return try view(request)
        case (.GET, "/api/frames"): return .json(["frames": .array(engine.read { $0.newestFrames.map(\.json) })])
        case (.GET, "/api/events"): return try events(request)
        case (.GET, "/api/callbacks"): return callbacks(request)
        case (.POST, "/api/faults"): return try setFaults(request)
        case (.DELETE, "/api/faults"):
            engine.input { core, now in
                core.setFaults(SimulatorFaults())
                return core.tick(now: now)
            }
            return .json(["faults": []])
        case (.POST, "/api/clock/advance"): return try advance(request)
        case (.POST, _) where path.hasPrefix("/api/"):
            guard let action = try UserActionReader.read(path, Fields(body: request.body)) else { fallthrough }
            return try perform(action)
        default:
            return .error(.notFound, "no such path or method")
        }
    }

    private func perform(_ action: UserAction) throws -> HTTPReply {
        let result = engine.call { core, now -> ([PlatformAction], Result<UserActionOutcome, UserActionError>) in
            do throws(UserActionError) {
                let outcome = try core.userAction(action, now: now)
                return (outcome.actions, .success(outcome))
            } catch {
                return ([], .failure(error))
            }
        }
        let outcome = try result.get()
        return .json(
            .members([
                ("msgid", outcome.msgID.map { .string($0) }), ("reqId", outcome.reqID.map { .string($0) }),
                ("entry", outcome.entry.map { .string($0) }), ("delivered", .bool(outcome.isDelivered)),
            ]))
    }

    // MARK: Reading

    private func state() -> HTTPReply {
        let clock = engine.clock
        let json = engine.read { core -> JSONValue in
            let bots = core.bots.map { bot -> JSONValue in
                [
                    "id": .string(bot.id), "name": .string(bot.name),
                    "connected": .bool(core.owner(of: bot.id) != nil),
                    "connections": .int(core.connectionCount(of: bot.id)),
                    "transports": .array(bot.transports.map { .string($0.rawValue) }),
                ]
            }
            let users = core.users.map { user -> JSONValue in ["id": .string(user.id), "name": .string(user.name)] }
            let groups = core.groups.map { group -> JSONValue in
                [
                    "id": .string(group.id), "name": .string(group.name),
                    "members": .array(group.members.map { .string($0) }),
                ]
            }
            return [
                "now": .int(clock.now), "bots": .array(bots), "users": .array(users), "groups": .array(groups),
                "faults": Self.json(core.faults),
                "clock": ["mode": .string(clock.mode.rawValue), "offsetMs": .int(clock.offset)],
            ]
        }
        return .json(json)
    }

    private func view(_ request: HTTPRequest) throws(FieldError) -> HTTPReply {
        guard let bot = request.query["bot"] ?? engine.read({ $0.bots.first?.id }) else {
            throw FieldError("bot", "missing")
        }
        let user = request.query["user"].flatMap { $0.isEmpty ? nil : $0 }
        let chat: ConversationKey.Chat
        if let group = request.query["group"], !group.isEmpty {
            chat = .group(group)
        } else if let user {
            chat = .single(user)
        } else {
            throw FieldError("user", "missing, give user or group")
        }
        let key = ConversationKey(bot: bot, chat: chat)
        let entries = engine.read { $0.view(of: key) }
        return .json(["entries": .array(entries.map { $0.json(for: user) })])
    }

    /// Callbacks over HTTP and what was wrong with the answers, of one bot or of all.
    private func callbacks(_ request: HTTPRequest) -> HTTPReply {
        let bot = request.query["bot"]
        return .json(
            engine.read { core in
                [
                    "callbacks": .array(
                        core.callbackRecords.filter { bot == nil || $0.bot == bot }.suffix(500).map(\.json)),
                    "violations": .array(core.violations.filter { bot == nil || $0.bot == bot }.map(\.json)),
                ]
            })
    }

    private func events(_ request: HTTPRequest) throws(FieldError) -> HTTPReply {
        var since: Int?
        if let text = request.query["since"], !text.isEmpty {
            guard let number = Int(text) else { throw FieldError("since", "must be the id of an event") }
            since = number
        }
        // A browser that reconnects repeats the query and adds the header, which is newer.
        since = request.lastEventID ?? since
        return HTTPReply(
            status: .ok, headers: ["Content-Type": "text/event-stream", "Cache-Control": "no-store"],
            body: .events(since: since))
    }

    // MARK: Changing

    private func setFaults(_ request: HTTPRequest) throws(FieldError) -> HTTPReply {
        let script: SimulatorFaults
        do { script = try JSONDecoder().decode(SimulatorFaults.self, from: Data(request.body)) } catch {
            let kinds = SimulatorFault.Kind.allCases.map(\.rawValue).joined(separator: ", ")
            throw FieldError("body", "must be an array of {\"fault\": one of \(kinds); \"cmd\"?, \"nth\"?, …}")
        }
        guard script.list.count <= SimulatorFaults.limit else {
            throw FieldError("body", "at most \(SimulatorFaults.limit) faults")
        }
        engine.input { core, now in
            core.setFaults(script)
            return core.tick(now: now)
        }
        return .json(["faults": Self.json(script)])
    }

    static func json(_ faults: SimulatorFaults) -> JSONValue {
        guard let data = try? JSONEncoder().encode(faults), let value = try? JSONValue.parse(Array(data)) else {
            return []
        }
        return value
    }

    private func advance(_ request: HTTPRequest) throws(FieldError) -> HTTPReply {
        let fields = try Fields(body: request.body)
        let seconds: Double
        switch fields.optional("seconds") {
        case .int(let value): seconds = Double(value)
        case .double(let value): seconds = value
        default: throw FieldError("seconds", "must be a number")
        }
        guard (0...31_536_000).contains(seconds) else { throw FieldError("seconds", "0 to 31,536,000") }
        engine.clock.advance(by: .milliseconds(Int(seconds * 1000)))
        return .json(["now": .int(engine.clock.now), "offsetMs": .int(engine.clock.offset)])
    }
}
