/// Callbacks over long connections.
extension PlatformCore {
    /// Members that every callback has. `enter_chat` and other events of single chats say so, too.
    func header(
        _ msgID: String, _ conversation: ConversationKey, user: String?, isEvent: Bool, now: Int
    ) -> JSONObject {
        var body = JSONObject()
        body["msgid"] = .string(msgID)
        if isEvent || options.includesCreateTime { body["create_time"] = .int(now / 1000) }
        body["aibotid"] = .string(conversation.bot)
        body["chatid"] = conversation.group.map { .string($0) }
        if let user {
            body["chattype"] = conversation.group == nil ? "single" : "group"
            body["from"] = ["userid": .string(user)]
        }
        return body
    }

    /// Sends a callback, faults applied. Without a subscriber it is lost, or kept where options say so.
    mutating func deliver(_ callback: Callback, now: Int) -> (reqID: String?, isDelivered: Bool) {
        guard let id = connections.owners[callback.bot] else {
            if options.deliversMissedMessages, callback.kind == .message, missed[callback.bot]?.count ?? 0 < 100 {
                missed[callback.bot, default: []].append(callback)
            }
            return (nil, false)
        }
        let fired = plan.fire(cmd: callback.cmd, bot: callback.bot)
        for fault in fired { emit(.fault(fault.fault, cmd: callback.cmd, id)) }
        for fault in fired where fault.fault == .redeliver {
            timeline.add(.callback(callback), at: now + (fault.ms ?? 0))
        }
        guard applyConnectionFaults(fired, id, now: now) else { return (nil, false) }
        if let delay = fired.first(where: { $0.fault == .delayCallback }) {
            timeline.add(.callback(callback), at: now + (delay.ms ?? 1_000))
            return (nil, false)
        }
        if fired.contains(where: { $0.fault == .dropCallback }) { return (nil, false) }
        let sent = sendCallback(callback, now: now)
        if fired.contains(where: { $0.fault == .dropAfter }) { end(id, code: nil) }
        if let close = fired.first(where: { $0.fault == .close }) {
            end(id, code: UInt16(clamping: close.code ?? 1000))
        }
        return sent
    }

    /// Issues a `req_id` and sends the callback to whoever owns the bot now.
    mutating func sendCallback(_ callback: Callback, now: Int) -> (reqID: String?, isDelivered: Bool) {
        guard let id = connections.owners[callback.bot] else { return (nil, false) }
        let reqID = random.urlSafeToken(24)
        requests.issue(
            reqID,
            IssuedRequest(
                kind: callback.kind, conversation: callback.conversation, issuedAt: now, connection: id))
        let frame: JSONValue = [
            "cmd": .string(callback.cmd), "headers": ["req_id": .string(reqID)], "body": callback.body,
        ]
        send(id, frame.text, now: now)
        return (reqID, connections[id]?.isHalfOpen == false)
    }
}
