import Foundation
import Shared

/// A member, as far as an application may see.
public struct Member: Hashable, Sendable, Decodable {
    /// Id as the platform writes it.
    public var userID: String
    /// Name.
    public var name: String
    /// Departments by number.
    public var departments: [Int]
    /// Position in words.
    public var position: String?
    /// Alias.
    public var alias: String?

    private enum CodingKeys: String, CodingKey {
        case name, position, alias
        case userID = "userid"
        case departments = "department"
    }

    /// Reads what is there: name and departments may be withheld.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        userID = try values.decode(String.self, forKey: .userID)
        name = try values.decodeIfPresent(String.self, forKey: .name) ?? ""
        departments = try values.decodeIfPresent([Int].self, forKey: .departments) ?? []
        position = try values.decodeIfPresent(String.self, forKey: .position)
        alias = try values.decodeIfPresent(String.self, forKey: .alias)
    }
}

/// A department in the application's range.
public struct Department: Hashable, Sendable, Decodable {
    /// Its number; the root is 1.
    public var id: Int
    /// Name.
    public var name: String
    /// Number of the one above; 0 above the root.
    public var parent: Int

    private enum CodingKeys: String, CodingKey {
        case id, name
        case parent = "parentid"
    }

    /// Reads what is there: the name may be withheld.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        id = try values.decode(Int.self, forKey: .id)
        name = try values.decodeIfPresent(String.self, forKey: .name) ?? ""
        parent = try values.decodeIfPresent(Int.self, forKey: .parent) ?? 0
    }
}

/// A tag.
public struct Tag: Hashable, Sendable, Decodable {
    /// Its number.
    public var id: Int
    /// Name.
    public var name: String

    private enum CodingKeys: String, CodingKey {
        case id = "tagid"
        case name = "tagname"
    }
}

/// What look-ups gave, for ten minutes. Members are forgotten at random beyond the bound.
struct DirectoryCache: Sendable {
    static let life: Int64 = 600_000
    static let maxMembers = 10_000
    private var members: [String: (member: Member?, until: Int64)] = [:]
    private var departments: (list: [Department], until: Int64)?
    private var tags: (list: [Tag], until: Int64)?

    /// A look-up of this member: not done, done without a result, or its result.
    func member(_ id: String, now: Int64) -> Member?? {
        members[id.lowercased()].flatMap { $0.until > now ? .some($0.member) : nil }
    }

    mutating func keep(_ member: Member?, id: String, now: Int64) {
        if members.count >= Self.maxMembers {
            members = members.filter { $0.value.until > now }
            if members.count >= Self.maxMembers, let any = members.keys.first { members[any] = nil }
        }
        members[id.lowercased()] = (member, now + Self.life)
    }

    func departments(now: Int64) -> [Department]? { departments.flatMap { $0.until > now ? $0.list : nil } }
    mutating func keep(_ list: [Department], now: Int64) { departments = (list, now + Self.life) }
    func tags(now: Int64) -> [Tag]? { tags.flatMap { $0.until > now ? $0.list : nil } }
    mutating func keep(_ list: [Tag], now: Int64) { tags = (list, now + Self.life) }
}

extension ServerAPI {
    private struct DepartmentList: Decodable { let department: [Department] }
    private struct TagList: Decodable { let taglist: [Tag] }

    /// A member (user/get); nil when there is none of this id. Kept for ten minutes.
    public func member(_ id: String) async throws(ServerAPIFailure) -> Member? {
        if let known = state.withLock({ $0.directory.member(id, now: now) }) { return known }
        var call = Call("user/get")
        call.query = [("userid", id)]
        let member: Member?
        do { member = try await answer(to: call, as: Member.self) } catch .refused(let error)
            where error.reaction == .receiver
        {
            member = nil
        }
        state.withLock { $0.directory.keep(member, id: id, now: now) }
        return member
    }

    /// Departments in the application's range (department/list). Kept for ten minutes.
    public func departments() async throws(ServerAPIFailure) -> [Department] {
        if let known = state.withLock({ $0.directory.departments(now: now) }) { return known }
        let list = try await answer(to: Call("department/list"), as: DepartmentList.self).department
        state.withLock { $0.directory.keep(list, now: now) }
        return list
    }

    /// All tags (tag/list). Kept for ten minutes.
    public func tags() async throws(ServerAPIFailure) -> [Tag] {
        if let known = state.withLock({ $0.directory.tags(now: now) }) { return known }
        let list = try await answer(to: Call("tag/list"), as: TagList.self).taglist
        state.withLock { $0.directory.keep(list, now: now) }
        return list
    }

    /// Whether a member is in a department or in one below it.
    public func isMember(_ user: String, ofDepartment department: Int) async throws(ServerAPIFailure) -> Bool {
        guard let member = try await member(user) else { return false }
        let parents = Dictionary(
            try await departments().map { ($0.id, $0.parent) }, uniquingKeysWith: { first, _ in first })
        for var current in member.departments {
            // As many steps as there are departments: a circle ends, too.
            for _ in 0...parents.count {
                if current == department { return true }
                guard let parent = parents[current] else { break }
                current = parent
            }
        }
        return false
    }

    /// Forgets members, departments and tags: the enterprise's directory has changed.
    public func forgetDirectory() { state.withLock { $0.directory = DirectoryCache() } }

    /// Number of a tag by its name.
    func number(ofTag name: String) async throws(ServerAPIFailure) -> String {
        if let tag = try await tags().first(where: { $0.name == name }) { return String(tag.id) }
        throw .refused(PlatformError(code: 40_068, origin: .serverAPI))
    }
}
