/// Reads the actions of people from requests of the control API.
enum UserActionReader {
    /// The action that `path` stands for; nil when there is no such path.
    static func read(_ path: String, _ fields: Fields) throws(FieldError) -> UserAction? {
        switch path {
        case "/api/messages": return .post(try post(fields))
        case "/api/enter": return .enter(bot: try fields.string("bot"), user: try fields.string("user"))
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
                type: try fields.string("type"), payload: fields.optional("payload") ?? [:])
        default: return nil
        }
    }

    private static func post(_ fields: Fields) throws(FieldError) -> UserPost {
        UserPost(
            bot: try fields.string("bot"), user: try fields.string("user"),
            group: try fields.optionalString("group"), content: try content(fields, type: try fields.string("type")),
            quote: try quote(fields), mention: try fields.bool("mention", default: true),
            repeats: try fields.optionalInt("repeat") ?? 0)
    }

    private static func content(_ fields: Fields, type: String) throws(FieldError) -> UserPost.Content {
        switch type {
        case "text": return .text(try fields.string("text"))
        case "voice": return .voice(try fields.optionalString("text") ?? "")
        case "image": return .image(try fields.file("media"))
        case "file": return .file(try fields.file("media"))
        case "video": return .video(try fields.file("media"))
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
        default: throw FieldError("type", "must be text, image, file, voice, video, mixed or unknown")
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
            key: try fields.string("key"), selected: selected)
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
            type: try fields.int("type"), content: try fields.optionalString("content"), reasons: reasons)
    }
}
