import Shared

/// A group that an application made.
public struct AppGroup: Hashable, Sendable, Decodable {
    /// Id for sending.
    public var chatID: String
    /// Name.
    public var name: String
    /// Its owner.
    public var owner: String
    /// Its members.
    public var users: [String]

    private enum CodingKeys: String, CodingKey {
        case name, owner
        case chatID = "chatid"
        case users = "userlist"
    }
}

extension ServerAPI {
    private struct Created: Decodable { let chatid: String }
    private struct Found: Decodable {
        let group: AppGroup

        enum CodingKeys: String, CodingKey { case group = "chat_info" }
    }

    /// Makes a group of members (appchat/create): 2 to 2,000 of them, name up to 50 characters. The application's visible
    /// range must be the root department. The group's id.
    public func createGroup(
        name: String, users: [String], owner: String? = nil, chatID: String? = nil
    ) async throws(ServerAPIFailure) -> String {
        var members = [("name", JSONText.quoted(name)), ("userlist", JSONText.list(users))]
        if let owner { members.append(("owner", JSONText.quoted(owner))) }
        if let chatID { members.append(("chatid", JSONText.quoted(chatID))) }
        let call = Call("appchat/create", json: JSONText.object(members), harm: .duplicate)
        return try await answer(to: call, as: Created.self).chatid
    }

    /// Sends to a group that this application made (appchat/send). Groups take no template cards, and the platform drops no
    /// repeated messages there.
    public func send(_ message: AppMessage, toGroup chatID: String) async throws(ServerAPIFailure) {
        if let fault = message.fault { throw .refused(fault) }
        if case .templateCard = message { throw .refused(PlatformError(code: 40_008, origin: .serverAPI)) }
        let members = [("chatid", JSONText.quoted(chatID))] + message.members + [("safe", "0")]
        _ = try await answer(
            to: Call("appchat/send", json: JSONText.object(members), harm: .duplicate), as: EmptyAnswer.self)
    }

    /// A group that this application made (appchat/get).
    public func group(_ chatID: String) async throws(ServerAPIFailure) -> AppGroup {
        var call = Call("appchat/get")
        call.query = [("chatid", chatID)]
        return try await answer(to: call, as: Found.self).group
    }
}
