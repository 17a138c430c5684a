import AIBotWS

extension JSONValue {
    /// This object with a key set, at its place or at the end; another kind of value becomes an object.
    func setting(_ key: String, to value: JSONValue) -> JSONValue {
        var members: [Member] = []
        if case .object(let existing) = self { members = existing }
        if let index = members.lastIndex(where: { $0.key == key }) {
            members[index].value = value
            return .object(members)
        }
        guard case .object(let added) = JSONValue.dictionary([key: value]) else { return self }
        return .object(members + added)
    }

    /// This value with what lies at a path replaced; missing objects are made.
    func setting(path: some Collection<String>, to value: JSONValue) -> JSONValue {
        guard let first = path.first else { return value }
        let inner = self[first] ?? .object([])
        return setting(first, to: inner.setting(path: path.dropFirst(), to: value))
    }

    /// This value without what lies at a path.
    func removing(path: some Collection<String>) -> JSONValue {
        guard let first = path.first, case .object(var members) = self else { return self }
        let rest = path.dropFirst()
        if rest.isEmpty {
            members.removeAll { $0.key == first }
        } else {
            for index in members.indices where members[index].key == first {
                members[index].value = members[index].value.removing(path: rest)
            }
        }
        return .object(members)
    }

    /// Every string changed by `change`, which also gets the key it stands under.
    func mapStrings(key: String = "", _ change: (_ key: String, String) -> String) -> JSONValue {
        switch self {
        case .string(let string): return .string(change(key, string))
        case .array(let elements): return .array(elements.map { $0.mapStrings(key: key, change) })
        case .object(var members):
            for index in members.indices {
                members[index].value = members[index].value.mapStrings(key: members[index].key, change)
            }
            return .object(members)
        case .null, .bool, .integer, .number: return self
        }
    }
}
