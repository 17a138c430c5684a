/// Who gets a message of an application, and who cannot.
struct AppReceivers: Sendable {
    private(set) var users: [String] = []
    private var invalidUsers: [String] = []
    private var invalidParties: [String] = []
    private var invalidTags: [String] = []
    private var unlicensed: [String] = []
    private var seen: Set<String> = []

    /// Reads `touser`, `toparty` and `totag`; refuses none at all, and too many.
    init(_ body: JSONValue, app: ApplicationSide, directory: Directory) throws(PlatformRefusal) {
        let names = try Self.list(body, "touser", limit: 1_000, .api(40_032, "too many userids"))
        let parties = try Self.list(body, "toparty", limit: 100, .api(82_002, "too many parties"))
        let tags = try Self.list(body, "totag", limit: 100, .api(82_003, "too many tags"))
        guard !(names.isEmpty && parties.isEmpty && tags.isEmpty) else {
            throw .api(82_001, "touser & toparty & totag are all empty")
        }
        guard !names.contains("@all") else {
            take(directory.userOrder, app)
            return
        }
        for name in names {
            if let user = directory.user(ignoringCase: name), app.reaches(user) {
                take([user], app)
            } else {
                invalidUsers.append(name.lowercased())
            }
        }
        for text in parties {
            if let members = Int(text).flatMap({ directory.members(ofDepartment: $0) }) {
                take(members, app)
            } else {
                invalidParties.append(text)
            }
        }
        for text in tags {
            if let tag = directory.tags.first(where: { $0.id == Int(text) }) {
                take(tag.members, app)
            } else {
                invalidTags.append(text)
            }
        }
    }

    /// Members of the answer that name who is left out.
    var answer: JSONObject {
        var answer = JSONObject()
        answer["errcode"] = 0
        answer["errmsg"] = "ok"
        let lists = [
            ("invaliduser", invalidUsers), ("invalidparty", invalidParties), ("invalidtag", invalidTags),
            ("unlicenseduser", unlicensed),
        ]
        for (key, list) in lists where !list.isEmpty { answer[key] = .string(list.joined(separator: "|")) }
        return answer
    }

    private mutating func take(_ list: [String], _ app: ApplicationSide) {
        for user in list where app.reaches(user) && seen.insert(user).inserted {
            if app.unlicensed.contains(user) { unlicensed.append(user.lowercased()) } else { users.append(user) }
        }
    }

    private static func list(
        _ body: JSONValue, _ key: String, limit: Int, _ refusal: PlatformRefusal
    ) throws(PlatformRefusal) -> [String] {
        guard let value = body[key], value != .null else { return [] }
        guard let text = value.stringValue else { throw .api(40_058, "invalid type of field `\(key)`") }
        let list = text.split(separator: "|").map { $0.filter { !$0.isWhitespace } }.filter { !$0.isEmpty }
        guard list.count <= limit else { throw refusal }
        return list
    }
}

extension ApplicationSide {
    /// Whether the person is in the range.
    func reaches(_ user: String) -> Bool {
        range.map { list in list.contains { $0.lowercased() == user.lowercased() } } ?? true
    }
}

extension Directory {
    /// User id as it is spelled in the directory.
    func user(ignoringCase name: String) -> String? {
        if users[name] != nil { return name }
        let wanted = name.lowercased()
        return userOrder.first { $0.lowercased() == wanted }
    }

    /// Members of a department and of those below it; nil when there is none of that id.
    func members(ofDepartment id: Int) -> [String]? {
        let ids = departmentTree(id)
        guard !ids.isEmpty else { return nil }
        var members = departments.filter { ids.contains($0.id) }.flatMap(\.members).filter { users[$0] != nil }
        if id == 1 {
            let placed = Set(departments.flatMap(\.members))
            members += userOrder.filter { !placed.contains($0) }
        }
        return members
    }

    /// The department and all below it.
    func departmentTree(_ id: Int) -> Set<Int> {
        guard departments.contains(where: { $0.id == id }) else { return [] }
        var tree: Set<Int> = [id]
        var newest = tree
        while !newest.isEmpty {
            newest = Set(departments.filter { newest.contains($0.parent) }.map(\.id)).subtracting(tree)
            tree.formUnion(newest)
        }
        return tree
    }
}
