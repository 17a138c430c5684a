/// Reads the actions of people from requests of the control API.
enum UserActionReader {
    /// The action that `path` stands for; nil when there is no such path.
    static func read(_ path: String, _ fields: Fields) throws(FieldError) -> UserAction? {
        switch path {
        case "/api/messages": return .post(try post(fields))
        case "/api/enter":
            return .enter(bot: try fields.string("bot"), user: try fields.string("user"), via: try fields.via())
        case "/api/bots/webhook": return .setWebhook(bot: try fields.string("bot"), try webhook(fields))
        case "/api/bots/app": return .setApp(bot: try fields.string("bot"), try app(fields))
        case "/api/bots/endtokens":
            return .endTokens(bot: try fields.string("bot"), code: try fields.optionalInt("code") ?? 40_014)
        case "/api/bots/verify":
            guard let via = try fields.via() else { throw FieldError("via", "missing, webhook or agent") }
            return .verifyURL(bot: try fields.string("bot"), via: via)
        case "/api/cards/click": return try click(fields)
        case "/api/feedback": return try feedback(fields)
        case "/api/users":
            return .addUser(SimulatorUser(id: try fields.string("id"), name: try fields.string("name")))
        case "/api/groups":
            let members = try fields.strings("members")
            return .addGroup(
                SimulatorGroup(id: try fields.string("id"), name: try fields.string("name"), members: members))
        case "/api/connections/drop": return .dropConnections(bot: try fields.optionalString("bot"))
        case "/api/connections/kick": return .kick(bot: try fields.string("bot"))
        case "/api/connections/halfopen": return .halfOpen(bot: try fields.string("bot"))
        case "/api/raw": return .rawFrame(bot: try fields.string("bot"), text: try fields.string("text"))
        case "/api/event":
            return .rawEvent(
                bot: try fields.string("bot"), user: try fields.optionalString("user"),
                type: try fields.string("type"), payload: fields.optional("payload") ?? [:], via: try fields.via())
        default: return nil
        }
    }

    private static func post(_ fields: Fields) throws(FieldError) -> UserPost {
        UserPost(
            bot: try fields.string("bot"), user: try fields.string("user"),
            group: try fields.optionalString("group"), content: try content(fields, type: try fields.string("type")),
            quote: try quote(fields), mention: try fields.bool("mention", default: true),
            repeats: try fields.optionalInt("repeat") ?? 0, via: try fields.via())
    }

    /// A webhook side; nil without `url`.
    private static func webhook(_ fields: Fields) throws(FieldError) -> WebhookSide? {
        guard let url = try fields.optionalString("url") else { return nil }
        return WebhookSide(
            callbackURL: url, token: try fields.string("token"),
            encodingAESKey: try fields.string("encodingAESKey"),
            receiveID: try fields.optionalString("receiveId") ?? "")
    }

    /// An application side; nil without `corpid`.
    private static func app(_ fields: Fields) throws(FieldError) -> ApplicationSide? {
        guard let corpID = try fields.optionalString("corpid") else { return nil }
        var app = ApplicationSide(
            corpID: corpID, secret: try fields.string("secret"), agentID: try fields.int("agentid"))
        app.callbackURL = try fields.optionalString("url")
        app.token = try fields.optionalString("token") ?? ""
        app.encodingAESKey = try fields.optionalString("encodingAESKey") ?? ""
        if fields.optional("range") != nil { app.range = try fields.strings("range") }
        if fields.optional("unlicensed") != nil { app.unlicensed = try fields.strings("unlicensed") }
        if fields.optional("trustedIps") != nil { app.trustedIPs = try fields.strings("trustedIps") }
        return app
    }

    private static func content(_ fields: Fields, type: String) throws(FieldError) -> UserPost.Content {
        switch type {
        case "text": return .text(try fields.string("text"))
        case "voice": return .voice(try fields.optionalString("text") ?? "")
        case "image": return .image(try fields.file("media"))
        case "file": return .file(try fields.file("media"))
        case "video": return .video(try fields.file("media"))
        case "location":
            return .location(
                latitude: try fields.number("latitude"), longitude: try fields.number("longitude"),
                label: try fields.string("text"))
        case "link":
            return .link(
                title: try fields.string("text"), description: try fields.optionalString("description") ?? "",
                url: try fields.string("url"))
        case "unknown": return .unknown(type: try fields.optionalString("text") ?? "location")
        case "mixed":
            var items: [UserPost.Item] = []
            for item in try fields.objects("items") {
                switch try item.string("type") {
                case "text": items.append(.text(try item.string("text")))
                case "image": items.append(.image(try item.file("media")))
                default: throw FieldError("items.type", "must be text or image")
                }
            }
            return .mixed(items)
        default: throw FieldError("type", "must be text, image, file, voice, video, mixed, location, link or unknown")
        }
    }

    private static func quote(_ fields: Fields) throws(FieldError) -> UserPost.Quote? {
        guard let quote = try fields.object("quote") else { return nil }
        if let entry = try quote.optionalString("entry") { return .entry(entry) }
        return .content(try content(quote, type: try quote.string("type")))
    }

    private static func click(_ fields: Fields) throws(FieldError) -> UserAction {
        var selected: [String: [String]] = [:]
        if let choices = try fields.object("selected") {
            for key in choices.value.objectValue?.keys ?? [] { selected[key] = try choices.strings(key) }
        }
        return .click(
            bot: try fields.string("bot"), user: try fields.string("user"),
            group: try fields.optionalString("group"), entry: try fields.string("entry"),
            key: try fields.string("key"), selected: selected, via: try fields.via())
    }

    private static func feedback(_ fields: Fields) throws(FieldError) -> UserAction {
        var reasons: [Int] = []
        if let list = fields.optional("reasons") {
            guard let numbers = list.arrayValue?.map(\.intValue), numbers.allSatisfy({ $0 != nil }) else {
                throw FieldError("reasons", "must be an array of integers")
            }
            reasons = numbers.compactMap { $0 }
        }
        return .feedback(
            bot: try fields.string("bot"), user: try fields.string("user"),
            group: try fields.optionalString("group"), entry: try fields.string("entry"),
            type: try fields.int("type"), content: try fields.optionalString("content"), reasons: reasons,
            via: try fields.via())
    }
}
