/// The server API: who calls, whether he may, what goes wrong on purpose.
extension PlatformCore {
    private static let apiNames: Set<String> = [
        "gettoken", "aibot/response", "message/send", "message/recall", "message/update_template_card",
        "appchat/create", "appchat/send", "appchat/get", "media/upload", "media/get", "user/get", "department/list",
        "tag/list",
    ]

    /// A call that is carried out for an application.
    struct AppCall: Sendable {
        var bot: String
        var app: ApplicationSide
        var call: APICall
        var now: Int

        /// Body as JSON.
        func json() throws(PlatformRefusal) -> JSONValue {
            guard let value = try? JSONValue.parse(call.body), value.objectValue != nil else {
                throw .api(40_035, "invalid parameter. Warning: wrong json format.")
            }
            return value
        }
    }

    /// A call of the server API, or a reply posted to a `response_url` (`aibot/response`).
    public mutating func apiCalled(
        _ call: APICall, now: Int
    ) -> (answer: APIAnswer, actions: [PlatformAction]) {
        var answer = APIAnswer(body: .empty)
        let done = perform(now) { core in answer = core.answer(call, now: now) }
        return (answer, done)
    }

    private mutating func answer(_ call: APICall, now: Int) -> APIAnswer {
        let name = "cgi-bin/\(call.name)"
        let token = call.query["access_token"] ?? ""
        let bot =
            tokens.bot(of: token) ?? responseURLs[call.query["response_code"] ?? ""]?.conversation.bot
            ?? directory.bots.values.first { $0.app?.secret == call.query["corpsecret"] && $0.app != nil }?.id
        let fired = plan.fire(cmd: name, bot: bot)
        for fault in fired { emit(.fault(fault.fault, cmd: name, nil)) }
        apiCalls += 1
        let id = "a\(apiCalls)"
        logRequest(
            .incoming, Self.apiNames.contains(call.name) ? name : "cgi-bin", id: id, bot: bot,
            body: call.name == "media/upload" ? "{}" : call.body.isEmpty ? "{}" : Self.json(call.body), now: now)
        let answer = answer(call, fired, bot: bot, token: token, now: now)
        logAnswer(
            .outgoing, id: id, bot: bot, code: answer.status >= 400 ? answer.status : answer.errcode ?? 0,
            body: nil, now: now)
        return answer
    }

    private mutating func answer(
        _ call: APICall, _ fired: [SimulatorFault], bot: String?, token: String, now: Int
    ) -> APIAnswer {
        func fault(_ kind: SimulatorFault.Kind) -> SimulatorFault? { fired.first { $0.fault == kind } }
        if fault(.dropBefore) != nil { return APIAnswer(body: .empty, fate: .drop) }
        if fault(.ignore) != nil { return APIAnswer(body: .empty, fate: .hang) }
        if let error = fault(.httpError) { return APIAnswer(status: error.code ?? 502, body: .empty) }
        if let bot, let ended = fault(.invalidateToken) { tokens.end(bot: bot, code: ended.code ?? 40_014) }
        var answer: APIAnswer
        do throws(PlatformRefusal) {
            if let forced = fault(.errorCode) {
                throw .forced(code: forced.code ?? -1, text: forced.text, streamWindow: options.streamWindow)
            }
            answer = APIAnswer(body: try carryOut(call, token: token, now: now))
            if case .media(_, .some) = answer.body { answer.status = 206 }
        } catch {
            answer = APIAnswer(body: .json(refusalJSON(error, call)))
        }
        answer.delay = fault(.delayAck).map { $0.ms ?? 1_000 } ?? 0
        if fault(.dropAck) != nil { answer.fate = .hang }
        if fault(.dropAfter) != nil { answer.fate = .drop }
        if let error = fault(.httpErrorAfter) { return APIAnswer(status: error.code ?? 502, body: .empty) }
        return answer
    }

    private func refusalJSON(_ refusal: PlatformRefusal, _ call: APICall) -> JSONValue {
        var hint = SeededGenerator(seed: UInt64(truncatingIfNeeded: refusal.code &* 31 &+ call.name.utf8.count))
        let message = refusal.message(
            hint: String(1_658_000_000_000 + hint.next() % 999_999_999), address: call.address)
        return ["errcode": .int(refusal.code), "errmsg": .string(message)]
    }

    private mutating func carryOut(
        _ call: APICall, token: String, now: Int
    ) throws(PlatformRefusal) -> APIAnswer.Body {
        if call.name == "gettoken" { return .json(try issueToken(call, now: now)) }
        if call.name == "aibot/response" {
            guard let body = try? JSONValue.parse(call.body) else {
                throw .api(40_035, "invalid parameter. Warning: wrong json format.")
            }
            try answerByURL(call.query["response_code"] ?? "", body, now: now)
            return .json(["errcode": 0, "errmsg": "ok"])
        }
        guard !token.isEmpty else { throw .api(41_001, "access_token missing") }
        let bot = try tokens.check(token, now: now)
        guard let app = directory.bots[bot]?.app else { throw .api(40_014, "invalid access_token") }
        if let trusted = app.trustedIPs, !trusted.contains(call.address) {
            throw .api(60_020, "not allow to access from your ip")
        }
        guard Self.apiNames.contains(call.name) else { throw .api(40_035, "no such api") }
        guard meter.count("\(bot) \(call.name)", limit: options.apiCallsPerMinute, now: now) else {
            throw .api(45_009, "api freq out of limit")
        }
        return try carryOut(AppCall(bot: bot, app: app, call: call, now: now))
    }

    private mutating func carryOut(_ call: AppCall) throws(PlatformRefusal) -> APIAnswer.Body {
        switch call.call.name {
        case "message/send": .json(try sendAppMessage(call))
        case "message/recall": .json(try recall(call))
        case "message/update_template_card": .json(try updateAppCard(call))
        case "appchat/create": .json(try createAppChat(call))
        case "appchat/send": .json(try sendToAppChat(call))
        case "appchat/get": .json(try appChat(call))
        case "media/upload": .json(try uploadAppMedia(call))
        case "media/get": try appMedia(call)
        case "user/get": .json(try appUser(call))
        case "department/list": .json(try appDepartments(call))
        case "tag/list": .json(appTags())
        default: throw .api(40_035, "no such api")
        }
    }

    private mutating func issueToken(_ call: APICall, now: Int) throws(PlatformRefusal) -> JSONValue {
        guard let corpID = call.query["corpid"], !corpID.isEmpty else { throw .api(41_002, "corpid missing") }
        guard let secret = call.query["corpsecret"], !secret.isEmpty else { throw .api(41_004, "corpsecret missing") }
        let apps = directory.bots.values.filter { $0.app?.corpID == corpID }
        guard !apps.isEmpty else { throw .api(40_013, "invalid corpid") }
        guard let bot = apps.first(where: { $0.app?.secret == secret }) else {
            throw .api(40_001, "invalid credential")
        }
        guard meter.count("\(bot.id) gettoken", limit: options.apiCallsPerMinute, now: now) else {
            throw .api(45_009, "api freq out of limit")
        }
        let (token, left) = tokens.issue(
            "SIMTOKEN_" + random.urlSafeToken(64), bot: bot.id, lifetime: options.tokenLifetime,
            reuses: options.reusesTokens, now: now)
        return [
            "errcode": 0, "errmsg": "ok", "access_token": .string(token), "expires_in": .int(max(1, left / 1000)),
        ]
    }
}
