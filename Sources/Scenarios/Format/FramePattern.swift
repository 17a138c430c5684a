import AIBotWS

/// Compares JSON with a pattern: `"*"` is any value, `"$name"` the value that the name stands for or from now on stands
/// for, `"$starts:…"` and `"$contains:…"` are parts of strings, and an object with `"..."` may have further keys.
struct FramePattern {
    /// What names stand for.
    var names: [String: JSONValue]

    /// First difference, in words.
    struct Mismatch: Error {
        var path: String
        var words: String
    }

    /// Matches, and binds the names that are new.
    ///
    /// - Parameter partly: whether the outermost object may have further keys.
    mutating func match(_ pattern: JSONValue, _ value: JSONValue, partly: Bool = false) throws(Mismatch) {
        try match(pattern, value, at: "", partly: partly)
    }

    private mutating func match(
        _ pattern: JSONValue, _ value: JSONValue, at path: String, partly: Bool
    ) throws(Mismatch) {
        switch (pattern, value) {
        case (.string(let expected), _): try matchString(expected, value, at: path)
        case (.object(let expected), .object(let actual)):
            try matchObject(expected, actual, at: path, partly: partly)
        case (.array(let expected), .array(let actual)):
            guard expected.count == actual.count else {
                throw Mismatch(path: path, words: "has \(actual.count) elements instead of \(expected.count)")
            }
            for (index, pair) in zip(expected, actual).enumerated() {
                try match(pair.0, pair.1, at: "\(path)[\(index)]", partly: false)
            }
        default:
            guard pattern == value else { throw different(path) }
        }
    }

    private mutating func matchObject(
        _ expected: [JSONValue.Member], _ actual: [JSONValue.Member], at path: String, partly: Bool
    ) throws(Mismatch) {
        let mayHaveMore = partly || expected.contains { $0.key == "..." }
        for member in expected where member.key != "..." {
            let inner = path.isEmpty ? member.key : "\(path).\(member.key)"
            guard let found = actual.last(where: { $0.key == member.key }) else {
                throw Mismatch(path: inner, words: "is missing")
            }
            try match(member.value, found.value, at: inner, partly: false)
        }
        guard !mayHaveMore else { return }
        if let extra = actual.first(where: { member in !expected.contains { $0.key == member.key } }) {
            throw Mismatch(path: path.isEmpty ? extra.key : "\(path).\(extra.key)", words: "is not expected")
        }
    }

    private mutating func matchString(_ expected: String, _ value: JSONValue, at path: String) throws(Mismatch) {
        if expected == "*" { return }
        if let part = expected.after("$starts:") {
            guard value.string?.hasPrefix(part) == true else { throw different(path) }
        } else if let part = expected.after("$contains:") {
            guard value.string?.contains(part) == true else { throw different(path) }
        } else if let name = Self.name(expected) {
            guard let bound = names[name] else {
                names[name] = value
                return
            }
            guard bound == value else {
                throw Mismatch(path: path, words: "is not \(expected), which is \(bound.text)")
            }
        } else {
            guard value == .string(Self.literal(expected)) else { throw different(path) }
        }
    }

    /// A value with the names in it replaced by what they stand for; nil and the name when one is unknown.
    func filled(_ template: JSONValue) -> Result<JSONValue, Unknown> {
        var unknown: String?
        func fill(_ value: JSONValue) -> JSONValue {
            switch value {
            case .string(let string):
                guard let name = Self.name(string) else { return .string(Self.literal(string)) }
                if let bound = names[name] { return bound }
                unknown = unknown ?? name
                return value
            case .array(let elements): return .array(elements.map(fill))
            case .object(var members):
                for index in members.indices { members[index].value = fill(members[index].value) }
                return .object(members)
            default: return value
            }
        }
        let value = fill(template)
        return unknown.map { .failure(Unknown(name: $0)) } ?? .success(value)
    }

    /// A name that stands for nothing yet.
    struct Unknown: Error { var name: String }

    private func different(_ path: String) -> Mismatch { Mismatch(path: path, words: "differs") }

    private static func name(_ string: String) -> String? {
        guard let rest = string.after("$"), let first = rest.unicodeScalars.first, first.properties.isAlphabetic,
            rest.unicodeScalars.allSatisfy({ $0.properties.isAlphabetic || ("0"..."9").contains($0) || $0 == "_" })
        else { return nil }
        return rest
    }

    /// `$$` stands for a dollar sign and `$*` for a star at the beginning of a string.
    private static func literal(_ string: String) -> String {
        string.hasPrefix("$$") || string.hasPrefix("$*") ? String(string.dropFirst()) : string
    }
}

extension String {
    /// What follows a prefix; nil when it is not there.
    func after(_ prefix: String) -> String? { hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil }
}
