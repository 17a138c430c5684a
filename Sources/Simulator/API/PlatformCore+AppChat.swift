/// Group chats that applications make.
extension PlatformCore {
    /// `appchat/create`.
    mutating func createAppChat(_ call: AppCall) throws(PlatformRefusal) -> JSONValue {
        let body = try call.json()
        guard call.app.range == nil else { throw .api(60_011, "no privilege to access/modify contact/party/agent") }
        let names = body["userlist"]?.arrayValue?.compactMap(\.stringValue) ?? []
        let members = names.compactMap { directory.user(ignoringCase: $0) }
        guard members.count == names.count else { throw .api(40_031, "invalid userid list") }
        guard (2...2_000).contains(Set(members).count) else {
            throw .api(86_006, "group chat member count out of limit")
        }
        let name = body["name"]?.stringValue ?? "群聊"
        guard name.count <= 50 else { throw .api(86_004, "group chat name too long") }
        if let owner = body["owner"]?.stringValue {
            guard let user = directory.user(ignoringCase: owner), members.contains(user) else {
                throw .api(40_031, "invalid owner")
            }
        }
        let id = body["chatid"]?.stringValue ?? random.hexToken(32)
        let isPlain = id.utf8.allSatisfy {
            switch $0 {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: false
            }
        }
        guard (1...32).contains(id.utf8.count), isPlain else { throw .api(86_001, "invalid chatid") }
        guard directory.groups[id] == nil else { throw .api(86_215, "chatid exists") }
        guard directory.add(SimulatorGroup(id: id, name: name, members: members)) else { throw .systemBusy }
        appChats[id] = AppChat(bot: call.bot, owner: body["owner"]?.stringValue ?? members.first ?? "")
        return ["errcode": 0, "errmsg": "ok", "chatid": .string(id)]
    }

    /// `appchat/send`.
    mutating func sendToAppChat(_ call: AppCall) throws(PlatformRefusal) -> JSONValue {
        let body = try call.json()
        let id = try ownChat(body["chatid"]?.stringValue, call)
        let content = try prepared(try AppMessage.parse(body, allowsCards: false), call, isDirect: false)
        let conversation = ConversationKey(bot: call.bot, chat: .group(id))
        show(content, in: conversation, now: call.now)
        return ["errcode": 0, "errmsg": "ok"]
    }

    /// `appchat/get`.
    func appChat(_ call: AppCall) throws(PlatformRefusal) -> JSONValue {
        let id = try ownChat(call.call.query["chatid"], call)
        guard let group = directory.groups[id], let chat = appChats[id] else { throw .api(86_003, "chatid not found") }
        return [
            "errcode": 0, "errmsg": "ok",
            "chat_info": [
                "chatid": .string(id), "name": .string(group.name), "owner": .string(chat.owner),
                "userlist": .array(group.members.map { .string($0) }),
            ],
        ]
    }

    private func ownChat(_ id: String?, _ call: AppCall) throws(PlatformRefusal) -> String {
        guard let id, !id.isEmpty else { throw .api(86_001, "invalid chatid") }
        guard directory.groups[id] != nil else { throw .api(86_003, "chatid not found") }
        guard appChats[id]?.bot == call.bot else { throw .api(86_008, "chat is not created by this agent") }
        return id
    }
}

/// A group that an application made.
struct AppChat: Sendable {
    var bot: String
    var owner: String
}
