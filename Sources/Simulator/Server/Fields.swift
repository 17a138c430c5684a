import Foundation

/// Why a request of the control API is wrong: the field and the fix.
struct FieldError: Error {
    var reason: String

    init(_ field: String, _ fix: String) { reason = "\(field): \(fix)" }
}

/// Reads the members of a request body and names what is missing or mistyped.
struct Fields {
    let value: JSONValue
    private let path: String

    init(body: [UInt8]) throws(FieldError) {
        let text = body.isEmpty ? Array("{}".utf8) : body
        do throws(JSONSyntaxError) { value = try JSONValue.parse(text) } catch {
            throw FieldError("body", "must be JSON (\(error))")
        }
        guard value.objectValue != nil else { throw FieldError("body", "must be a JSON object") }
        path = ""
    }

    init(_ value: JSONValue, path: String) throws(FieldError) {
        guard value.objectValue != nil else { throw FieldError(path, "must be an object") }
        self.value = value
        self.path = path + "."
    }

    func optional(_ key: String) -> JSONValue? {
        let member = value[key]
        return member == .null ? nil : member
    }

    func string(_ key: String) throws(FieldError) -> String {
        guard let text = try optionalString(key) else { throw FieldError(path + key, "missing, must be a string") }
        return text
    }

    func optionalString(_ key: String) throws(FieldError) -> String? {
        guard let member = optional(key) else { return nil }
        guard let text = member.stringValue else { throw FieldError(path + key, "must be a string") }
        return text
    }

    func int(_ key: String) throws(FieldError) -> Int {
        guard let number = try optionalInt(key) else { throw FieldError(path + key, "missing, must be an integer") }
        return number
    }

    func optionalInt(_ key: String) throws(FieldError) -> Int? {
        guard let member = optional(key) else { return nil }
        guard let number = member.intValue else { throw FieldError(path + key, "must be an integer") }
        return number
    }

    func number(_ key: String) throws(FieldError) -> Double {
        switch optional(key) {
        case .int(let value): return Double(value)
        case .double(let value): return value
        default: throw FieldError(path + key, "missing, must be a number")
        }
    }

    func via() throws(FieldError) -> Transport? {
        guard let text = try optionalString("via") else { return nil }
        guard let via = Transport(rawValue: text) else {
            throw FieldError(path + "via", "must be longConnection, webhook or agent")
        }
        return via
    }

    func bool(_ key: String, default fallback: Bool) throws(FieldError) -> Bool {
        guard let member = optional(key) else { return fallback }
        guard let flag = member.boolValue else { throw FieldError(path + key, "must be true or false") }
        return flag
    }

    func strings(_ key: String) throws(FieldError) -> [String] {
        guard let member = optional(key) else { throw FieldError(path + key, "missing, must be an array of strings") }
        guard let list = member.arrayValue, list.allSatisfy({ $0.stringValue != nil }) else {
            throw FieldError(path + key, "must be an array of strings")
        }
        return list.compactMap(\.stringValue)
    }

    func object(_ key: String) throws(FieldError) -> Fields? {
        guard let member = optional(key) else { return nil }
        return try Fields(member, path: path + key)
    }

    func objects(_ key: String) throws(FieldError) -> [Fields] {
        guard let list = optional(key)?.arrayValue, !list.isEmpty else {
            throw FieldError(path + key, "must be an array of objects that is not empty")
        }
        var result: [Fields] = []
        for (index, element) in list.enumerated() {
            result.append(try Fields(element, path: "\(path)\(key)[\(index)]"))
        }
        return result
    }

    /// A file: `{"name", "base64"}`.
    func file(_ key: String) throws(FieldError) -> UserPost.File {
        guard let media = try object(key) else {
            throw FieldError(path + key, "missing, must be {\"name\", \"base64\"}")
        }
        guard let data = Data(base64Encoded: try media.string("base64")) else {
            throw FieldError("\(path)\(key).base64", "must be base64")
        }
        guard !data.isEmpty else { throw FieldError("\(path)\(key).base64", "must not be empty") }
        return UserPost.File(name: try media.string("name"), bytes: Array(data))
    }
}
