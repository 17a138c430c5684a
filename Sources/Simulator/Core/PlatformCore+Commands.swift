/// A command of a bot program, on its way through the core.
struct InboundCommand: Sendable {
    var cmd: String
    /// Empty when the frame had none.
    var reqID: String
    var body: JSONValue
    var connection: ConnectionID
    var faults: [SimulatorFault]
    var now: Int

    func has(_ kind: SimulatorFault.Kind) -> Bool { faults.contains { $0.fault == kind } }

    func fault(_ kind: SimulatorFault.Kind) -> SimulatorFault? { faults.first { $0.fault == kind } }
}

extension PlatformCore {
    mutating func handleFrame(_ id: ConnectionID, _ bytes: [UInt8], now: Int) {
        guard let connection = connections[id], !connection.isHalfOpen else { return }
        connections.heard(id, now: now)
        let frame = try? JSONValue.parse(bytes)
        if options.recordsFrames {
            let text = FrameLog.masked(bytes, parsed: frame)
            emit(
                .frame(
                    frames.add(
                        .incoming, connection: id, bot: connection.bot, text: text, size: bytes.count, now: now)))
        }
        guard let frame, let cmd = frame["cmd"]?.stringValue else {
            refuseUnreadable(id, frame == nil ? .wrongType("frame") : .missing("cmd"), now: now)
            return
        }
        let reqID = frame["headers"]?["req_id"]?.stringValue ?? ""
        guard reqID.utf8.count <= 256 else {
            refuseUnreadable(id, .wrongType("headers.req_id"), now: now)
            return
        }
        let bot = connection.bot ?? frame["body"]?["bot_id"]?.stringValue
        let fired = plan.fire(cmd: cmd, bot: bot)
        for fault in fired { emit(.fault(fault.fault, cmd: cmd, id)) }
        handle(
            InboundCommand(
                cmd: cmd, reqID: reqID, body: frame["body"] ?? .null, connection: id, faults: fired, now: now))
    }

    private mutating func refuseUnreadable(_ id: ConnectionID, _ refusal: PlatformRefusal, now: Int) {
        let text = errorMessage(refusal, connection: id)
        send(id, (["errcode": .int(refusal.code), "errmsg": .string(text)] as JSONValue).text, now: now)
    }

    private func errorMessage(_ refusal: PlatformRefusal, connection: ConnectionID) -> String {
        var hint = SeededGenerator(seed: UInt64(truncatingIfNeeded: refusal.code &* 31 &+ connection.rawValue))
        return refusal.message(
            hint: String(10_000_000_000 + hint.next() % 89_999_999_999),
            address: connections[connection]?.address ?? "127.0.0.1")
    }

    private mutating func handle(_ command: InboundCommand) {
        let id = command.connection
        guard applyConnectionFaults(command.faults, id, now: command.now) else { return }
        if command.has(.ignore) { return }
        if command.cmd == "pong" { return }
        var outcome: Result<JSONValue?, PlatformRefusal>
        if let forced = command.fault(.errorCode) {
            let refusal = PlatformRefusal.forced(
                code: forced.code ?? -1, text: forced.text, streamWindow: options.streamWindow)
            outcome = .failure(refusal)
        } else {
            do { outcome = .success(try carryOut(command)) } catch { outcome = .failure(error) }
        }
        if command.has(.dropAfter) {
            end(id, code: nil)
            return
        }
        if let close = command.fault(.close) {
            end(id, code: UInt16(clamping: close.code ?? 1000))
            return
        }
        acknowledge(command, outcome)
        if command.cmd == "aibot_subscribe", case .success = outcome { subscribeAcknowledged(id, now: command.now) }
    }

    /// Applies faults that concern the connection as such; false when the frame goes no further.
    mutating func applyConnectionFaults(_ faults: [SimulatorFault], _ id: ConnectionID, now: Int) -> Bool {
        for fault in faults {
            switch fault.fault {
            case .halfOpen:
                goHalfOpen(id)
                return false
            case .dropBefore:
                end(id, code: nil)
                return false
            case .kick:
                displace(id, now: now)
            case .slowReader:
                actions.append(.pauseReading(id))
                timeline.add(.resumeReading(id), at: now + (fault.ms ?? 5_000))
            default:
                inject(fault, id, now: now)
            }
        }
        return true
    }

    mutating func goHalfOpen(_ id: ConnectionID) {
        guard connections[id] != nil else { return }
        connections.wentHalfOpen(id)
        actions.append(.pauseReading(id))
    }

    /// Extra frames that faults put before the answer.
    private mutating func inject(_ fault: SimulatorFault, _ id: ConnectionID, now: Int) {
        let reqID = random.urlSafeToken(24)
        let headers: JSONValue = ["req_id": .string(reqID)]
        let bot = JSONValue.string(connections[id]?.bot ?? "")
        let body: JSONValue = [
            "msgid": .string(random.hexToken(32)), "create_time": .int(now / 1000), "aibotid": bot,
            "chattype": "single", "from": ["userid": .string(directory.userOrder.first ?? "nobody")],
        ]
        switch fault.fault {
        case .malformedFrame:
            send(id, fault.text ?? "{\"cmd\":\"aibot_msg_callback\",\"headers\":{\"req_", now: now)
        case .oversizedFrame:
            let padding = String(repeating: "x", count: min(max(fault.size ?? 2 << 20, 0), 4 << 20))
            send(id, "{\"cmd\":\"aibot_padding\",\"headers\":{},\"body\":\"\(padding)\"}", now: now)
        case .unknownCommand:
            send(id, (["cmd": "aibot_unheard_of", "headers": headers, "body": [:]] as JSONValue).text, now: now)
        case .unknownEvent:
            var event = body.objectValue ?? JSONObject()
            event["msgtype"] = "event"
            event["event"] = ["eventtype": "unheard_of_event", "unheard_of_event": [:]]
            let frame: JSONValue = ["cmd": "aibot_event_callback", "headers": headers, "body": .object(event)]
            send(id, frame.text, now: now)
        case .unknownMessageType:
            var message = body.objectValue ?? JSONObject()
            message["msgtype"] = "location"
            message["location"] = ["name": "Somewhere"]
            let frame: JSONValue = ["cmd": "aibot_msg_callback", "headers": headers, "body": .object(message)]
            send(id, frame.text, now: now)
        case .serverPing:
            sendServerPing(id, now: now)
        default: break
        }
    }

    private mutating func carryOut(_ command: InboundCommand) throws(PlatformRefusal) -> JSONValue? {
        switch command.cmd {
        case "aibot_subscribe": return try subscribe(command)
        case "ping": return nil
        case "aibot_respond_msg": return try respond(command)
        case "aibot_respond_welcome_msg": return try welcome(command)
        case "aibot_respond_update_msg": return try updateCard(command)
        case "aibot_send_msg": return try push(command)
        case "aibot_upload_media_init": return try beginUpload(command)
        case "aibot_upload_media_chunk": return try addChunk(command)
        case "aibot_upload_media_finish": return try finishUpload(command)
        case "ww_ai_robot_enter_event", "aibot_send_biz_msg":
            _ = try subscribedBot(command)
            return nil
        case "aibot_get_mcp_config":
            _ = try subscribedBot(command)
            return ["url": .string("\(baseURL)/mcp/doc?key=SIMKEY"), "type": "streamable-http"]
        default:
            throw .wrongType("cmd")
        }
    }

    /// The bot that the command's connection owns.
    func subscribedBot(_ command: InboundCommand) throws(PlatformRefusal) -> String {
        guard let connection = connections[command.connection], connection.state == .subscribed,
            let bot = connection.bot
        else { throw .notSubscribed }
        return bot
    }

    // MARK: Acks

    private mutating func acknowledge(_ command: InboundCommand, _ outcome: Result<JSONValue?, PlatformRefusal>) {
        if command.has(.dropAck) { return }
        let text = ackText(command, outcome)
        let isPing = command.cmd == "ping"
        let delayed = command.fault(.delayAck).map { $0.ms ?? 1_000 } ?? 0
        let late = command.fault(.lateAck).map { $0.ms ?? 15_000 } ?? 0
        sendAck(
            command, text, after: (isPing ? 0 : options.ackDelay) + delayed + late,
            isCounted: late == 0)
        if let duplicate = command.fault(.duplicateAck) {
            sendAck(command, text, after: (isPing ? 0 : options.ackDelay) + (duplicate.ms ?? 0), isCounted: false)
        }
    }

    private mutating func sendAck(_ command: InboundCommand, _ text: String, after delay: Int, isCounted: Bool) {
        let id = command.connection
        let isBinary = command.has(.binaryAck)
        guard delay > 0 else {
            send(id, text, isBinary: isBinary, now: command.now)
            return
        }
        if isCounted { connections.ackScheduled(id, reqID: command.reqID) }
        let item = Deferred.ack(id, reqID: command.reqID, text: text, isBinary: isBinary, isCounted: isCounted)
        timeline.add(item, at: command.now + delay)
    }

    private func ackText(_ command: InboundCommand, _ outcome: Result<JSONValue?, PlatformRefusal>) -> String {
        var frame = JSONObject()
        var hidesReqID = command.has(.ackWithoutReqID) || command.reqID.isEmpty
        if command.cmd == "ping" {
            if options.pingAck == .commandPong { frame["cmd"] = "pong" }
            if options.pingAck == .withoutReqID { hidesReqID = true }
        }
        if case .failure(let refusal) = outcome, refusal.hidesReqID { hidesReqID = true }
        if !hidesReqID { frame["headers"] = ["req_id": .string(command.reqID)] }
        switch outcome {
        case .success(let body):
            frame["body"] = body
            frame["errcode"] = 0
            frame["errmsg"] = "ok"
        case .failure(let refusal):
            frame["errcode"] = .int(refusal.code)
            frame["errmsg"] = .string(errorMessage(refusal, connection: command.connection))
        }
        return JSONValue.object(frame).text
    }

    // MARK: Subscribing

    private mutating func subscribe(_ command: InboundCommand) throws(PlatformRefusal) -> JSONValue? {
        let botID = try OutboundMessage.text(command.body, "bot_id", path: "body")
        let secret = try OutboundMessage.text(command.body, "secret", path: "body")
        if options.subscribesPerMinute > 0 {
            let hasRoom = subscribeQuota.hasRoom(
                botID, now: command.now, perMinute: options.subscribesPerMinute, perHour: 0)
            guard hasRoom else { throw .forced(code: 45_009, text: nil, streamWindow: 0) }
            if directory.bots[botID] != nil { subscribeQuota.use(botID, now: command.now) }
        }
        guard let bot = directory.bots[botID], bot.secret == secret, !secret.isEmpty else {
            throw .forced(code: options.badCredentialsCode, text: nil, streamWindow: 0)
        }
        let usesScene = command.body["scene"]?.intValue == 1
        if let previous = connections.subscribed(command.connection, bot: bot.id, usesScene: usesScene) {
            tellDisplaced(previous, bot: bot.id, now: command.now)
        }
        emit(.connection(bot: bot.id, command.connection, .subscribed))
        return nil
    }

    private mutating func subscribeAcknowledged(_ id: ConnectionID, now: Int) {
        guard let bot = connections[id]?.bot, connections[id]?.state == .subscribed else { return }
        if options.serverPingInterval > 0 { timeline.add(.serverPing(id), at: now + options.serverPingInterval) }
        for callback in missed.removeValue(forKey: bot) ?? [] { _ = sendCallback(callback, now: now) }
    }

    /// Displaces a connection without a successor that we know.
    mutating func displace(_ id: ConnectionID, now: Int) {
        guard let connection = connections[id], connection.state == .subscribed, let bot = connection.bot else {
            return
        }
        connections.displaced(id)
        tellDisplaced(id, bot: bot, now: now)
    }

    private mutating func tellDisplaced(_ id: ConnectionID, bot: String, now: Int) {
        let body: JSONValue = [
            "msgid": .string(random.hexToken(32)), "create_time": .int(now / 1000), "aibotid": .string(bot),
            "msgtype": "event", "event": ["eventtype": "disconnected_event"],
        ]
        let reqID = random.urlSafeToken(24)
        let frame: JSONValue = [
            "cmd": "aibot_event_callback", "headers": ["req_id": .string(reqID)], "body": body,
        ]
        send(id, frame.text, now: now)
        emit(.connection(bot: bot, id, .displaced))
        timeline.add(.drop(id), at: now + options.displacedCloseDelay)
    }
}
