extension ShownValue {
    /// The value on one line of JSON5.
    var text: String {
        switch self {
        case .text(let text): return text
        case .list(let elements): return "[" + elements.map(\.text).joined(separator: ", ") + "]"
        case .object(let members):
            return "{" + members.map { Self.key($0.name) + ": " + $0.value.text }.joined(separator: ", ") + "}"
        }
    }

    fileprivate static func key(_ name: String) -> String {
        let isPlain = name.utf8.allSatisfy { byte in
            byte == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        return isPlain && name.first?.isLetter == true ? name : JSON5Document.quoted(name)
    }

    /// Whether nothing in it differs from the defaults.
    fileprivate var isAllDefault: Bool {
        guard case .object(let members) = self else { return false }
        return members.allSatisfy { $0.isDefault || $0.value.isAllDefault }
    }

    /// The value over several lines, the first one not indented.
    fileprivate func lines(includingDefaults: Bool, indent: String) -> String {
        switch self {
        case .text, .list([]), .object([]): return text
        case .list(let elements):
            guard elements.contains(where: \.isObject) else { return text }
            let inner = indent + "    "
            let lines = elements.map {
                inner + $0.lines(includingDefaults: includingDefaults, indent: inner) + ",\n"
            }
            return "[\n" + lines.joined() + indent + "]"
        case .object(let members):
            let inner = indent + "    "
            let shown = members.filter { includingDefaults || !$0.isDefault }
            guard !shown.isEmpty else { return "{}" }
            let lines = shown.map { member in
                let value = member.value.lines(includingDefaults: includingDefaults, indent: inner)
                let mark = member.isDefault && !member.value.isObject ? ", // default\n" : ",\n"
                return inner + Self.key(member.name) + ": " + value + mark
            }
            return "{\n" + lines.joined() + indent + "}"
        }
    }

    private var isObject: Bool {
        if case .object = self { return true }
        return false
    }
}

extension GatewayConfiguration {
    /// The configuration as canonical JSON5: accounts with what they inherit, secrets as `"<secret>"`.
    ///
    /// - Parameter includingDefaults: whether keys that have their default are printed too, marked `// default`.
    public func text(includingDefaults: Bool = false) -> String {
        shown.lines(includingDefaults: includingDefaults, indent: "") + "\n"
    }
}

/// A key that is set but changes nothing in this version.
public struct KeyWithoutEffect: Sendable, Hashable {
    /// The key.
    public let keyPath: String
    /// Why, one sentence without a full stop.
    public let sentence: String
}

extension GatewayConfiguration {
    /// The keys that differ from their defaults and change nothing in this version; `config check` prints them as warnings.
    public func notYetEffective() -> [KeyWithoutEffect] {
        var keys = Self.keysWithoutEffect(in: self, below: JSON5Path())
        let unpaired = wecom.enabledAccounts.sorted { $0.key < $1.key }.filter { _, account in
            account.bot.effectiveMode != nil && account.bot.directMessages.policy == .pairing
                && !account.bot.directMessages.allowFrom.contains("*")
        }
        for (name, _) in unpaired {
            keys.append(
                KeyWithoutEffect(
                    keyPath: JSON5Path("channels", "wecom", "accounts", name, "bot", "dm", "policy").description,
                    sentence: "pairing codes are not issued in this version, so only users in allowFrom are answered"))
        }
        return keys
    }

    static func keysWithoutEffect<Section: ConfigurationSection>(
        in section: Section, below path: JSON5Path
    ) -> [KeyWithoutEffect] {
        let defaults = Section()
        return Section.fields.filter { !$0.isHidden }.flatMap { field -> [KeyWithoutEffect] in
            let value = field.show(section)
            guard value != field.show(defaults) else { return [] }
            let place = path.appending(field.name)
            if let sentence = field.withoutEffect {
                return [KeyWithoutEffect(keyPath: place.description, sentence: sentence)]
            }
            return field.nestedWithoutEffect(section, place)
        }
    }
}
