/// Reads one document into a configuration and collects everything there is to say about it.
struct ConfigurationReader {
    let file: String
    let document: JSON5Document
    let environment: [String: String]
    let readFile: (String) throws -> String
    /// Most errors, and most warnings, that are told at once.
    static let maxIssues = 100

    private(set) var errors: [ConfigurationIssue] = []
    private(set) var warnings: [ConfigurationIssue] = []
    /// Off while a disabled account is read: its missing environment variables stop nobody.
    var resolvesSecrets = true
    /// Whether anybody wants the secrets.
    private let wantsSecrets: Bool

    init(
        file: String, document: JSON5Document, environment: [String: String], wantsSecrets: Bool,
        readFile: @escaping (String) throws -> String
    ) {
        self.wantsSecrets = wantsSecrets
        self.file = file
        self.document = document
        self.environment = environment
        self.readFile = readFile
    }

    /// Reports an error at the path, or at the nearest enclosing key that exists.
    mutating func mistake(at path: JSON5Path, _ problem: String, _ fix: String) {
        add(to: \.errors, path, problem, fix)
    }

    mutating func warn(at path: JSON5Path, _ problem: String, _ fix: String) {
        add(to: \.warnings, path, problem, fix)
    }

    private mutating func add(
        to list: WritableKeyPath<Self, [ConfigurationIssue]>, _ path: JSON5Path, _ problem: String, _ fix: String
    ) {
        guard self[keyPath: list].count < Self.maxIssues else { return }
        let issue =
            self[keyPath: list].count == Self.maxIssues - 1
            ? issue(at: JSON5Path(), "there are more of these than \(Self.maxIssues)", "Correct the listed ones first")
            : issue(at: path, problem, fix)
        // Keys given once for all accounts are checked for each.
        if !self[keyPath: list].contains(issue) { self[keyPath: list].append(issue) }
    }

    mutating func accepts(count: Int, most: Int, at path: JSON5Path) -> Bool {
        if count > most { mistake(at: path, "there are \(count) entries, more than \(most)", "Shorten it") }
        return count <= most
    }

    private func issue(at path: JSON5Path, _ problem: String, _ fix: String) -> ConfigurationIssue {
        ConfigurationIssue(
            file: file, position: document.position(of: path), keyPath: path.description, problem: problem, fix: fix)
    }

    mutating func typeMistake(_ value: JSON5Value, at path: JSON5Path, expected: String, example: String) {
        mistake(at: path, "expected \(expected), found \(value.kindInWords)", "Write \(example)")
    }

    /// An unknown key is an error when it is known from an older form of the file, else a warning.
    mutating func unknownKey(_ member: JSON5Member, at path: JSON5Path, known: [String]) {
        let full = path.appending(member.key)
        if let advice = ConfigurationShapes.advice(for: full) {
            mistake(at: full, advice.problem, advice.fix)
        } else if warnings.count >= Self.maxIssues {
            // Nothing more is told, so nothing more is searched.
            return
        } else if let nearest = NearestKey.find(member.key, among: known) {
            warn(at: full, "this key is not known and has no effect", "Did you mean \(path.appending(nearest))?")
        } else if let elsewhere = ConfigurationKeys.place(of: member.key) {
            warn(at: full, "this key is not known here and has no effect", "It belongs at \(elsewhere)")
        } else {
            warn(at: full, "this key is not known and has no effect", "Remove it, or see the list of keys")
        }
    }

    /// A string without control characters; nil after reporting a mistake.
    mutating func string(_ value: JSON5Value, at path: JSON5Path, maxBytes: Int) -> String? {
        guard case .string(let text) = value.content else {
            typeMistake(value, at: path, expected: "a string", example: "the text in quotes")
            return nil
        }
        guard text.utf8.count <= maxBytes else {
            mistake(at: path, "the text has \(text.utf8.count) bytes, more than \(maxBytes)", "Shorten it")
            return nil
        }
        let allowed: (Unicode.Scalar) -> Bool = {
            $0.value >= 0x20 && $0.value != 0x7F || $0 == "\n" || $0 == "\r" || $0 == "\t"
        }
        guard text.unicodeScalars.allSatisfy(allowed) else {
            mistake(at: path, "the text holds a control character", "Remove it")
            return nil
        }
        return text
    }

    /// A secret given inline, as `{env: "NAME"}` or as `{file: "/path"}`; nil when empty or after reporting a mistake.
    mutating func secret(_ value: JSON5Value, at path: JSON5Path, mayBeEmpty: Bool = false) -> Secret? {
        switch value.content {
        case .string:
            guard let text = string(value, at: path, maxBytes: 16_384) else { return nil }
            return text.isEmpty && !mayBeEmpty ? nil : Secret(text)
        case .object(let members):
            return reference(members, at: path)
        default:
            typeMistake(
                value, at: path, expected: "a secret",
                example: "the text in quotes, {env: \"NAME\"} or {file: \"/path\"}")
            return nil
        }
    }

    private mutating func reference(_ members: [JSON5Member], at path: JSON5Path) -> Secret? {
        let form = "Write {env: \"NAME\"} or {file: \"/path\"}"
        guard members.count == 1, let member = members.first, case .string(let name) = member.value.content,
            !name.isEmpty, member.key == "env" || member.key == "file"
        else {
            mistake(at: path, "this is no reference to a secret", form)
            return nil
        }
        guard wantsSecrets, resolvesSecrets else { return nil }
        do throws(Secret.SourceError) {
            return member.key == "env"
                ? try Secret(variable: name, in: environment) : try Secret(file: name, readFile: readFile)
        } catch {
            switch error {
            case .variableNotSet(let name):
                mistake(at: path, "the environment variable \(name) is not set", "Set it before the program starts")
            case .empty(let name):
                mistake(at: path, "the secret read from \(name) is empty", "Put the secret there")
            case .unreadableFile(let name):
                mistake(
                    at: path, "the file \(name) cannot be read", "Check that it exists and may be read by this user")
            }
            return nil
        }
    }

    /// Everything in the order of the file.
    func result(_ configuration: GatewayConfiguration) -> ConfigurationResult {
        ConfigurationResult(
            configuration: errors.isEmpty ? configuration : nil,
            errors: errors.sorted { $0.position < $1.position },
            warnings: warnings.sorted { $0.position < $1.position })
    }
}

extension JSON5Value {
    /// The value as plain JSON. Numbers that JSON cannot write become null.
    var jsonText: String {
        switch content {
        case .null: return "null"
        case .bool(let flag): return flag ? "true" : "false"
        case .number:
            if let integer = integerValue { return String(integer) }
            guard let double = doubleValue, double.isFinite else { return "null" }
            return String(double)
        case .string(let text): return JSON5Document.quoted(text)
        case .array(let elements): return "[" + elements.map(\.jsonText).joined(separator: ",") + "]"
        case .object(let members):
            return "{" + members.map { JSON5Document.quoted($0.key) + ":" + $0.value.jsonText }.joined(separator: ",")
                + "}"
        }
    }
}
