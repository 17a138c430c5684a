/// One documented key of the configuration.
public struct ConfigurationKey: Sendable, Hashable {
    /// Its path; `<name>` stands for a free name, `[]` for every element of a list.
    public let path: String
    /// Its type in words.
    public let type: String
    /// Its default as JSON5; `null` when it is absent by default.
    public let defaultValue: String
    /// What it means, one sentence.
    public let meaning: String
    /// Why setting it changes nothing in this version; nil when it works.
    public let withoutEffect: String?
}

/// The list of all keys. It is derived from the tables by which the file is read, so it cannot differ from them.
public enum ConfigurationKeys {
    /// Every key that takes a value, in the order of the reference.
    public static let all: [ConfigurationKey] = keys(of: GatewayConfiguration.self, below: "")

    static func keys<Section: ConfigurationSection>(of section: Section.Type, below prefix: String)
        -> [ConfigurationKey]
    {
        let defaults = Section()
        return Section.fields.filter { !$0.isHidden }.flatMap { field -> [ConfigurationKey] in
            let path = prefix.isEmpty ? field.name : prefix + "." + field.name
            let nested = field.nestedKeys(path)
            guard nested.isEmpty else {
                return nested.map { key in
                    ConfigurationKey(
                        path: key.path, type: key.type, defaultValue: key.defaultValue, meaning: key.meaning,
                        withoutEffect: field.withoutEffect ?? key.withoutEffect)
                }
            }
            return [
                ConfigurationKey(
                    path: path, type: field.type, defaultValue: field.show(defaults).text, meaning: field.meaning,
                    withoutEffect: field.withoutEffect)
            ]
        }
    }

    /// Where a key with this name belongs, when exactly one or two places know it.
    static func place(of name: String) -> String? {
        let places = all.map(\.path).filter { $0.hasSuffix("." + name) }
        return (1...2).contains(places.count) ? places.joined(separator: " or ") : nil
    }
}

/// Prints the reference of all keys.
public enum ConfigurationReference {
    /// A Markdown table: key, type, default, meaning.
    public static func markdown() -> String {
        let rows = ConfigurationKeys.all.map { key in
            let meaning = key.meaning + (key.withoutEffect.map { " *Not yet effective: \($0).*" } ?? "")
            return "| `\(key.path)` | \(cell(key.type)) | `\(cell(key.defaultValue))` | \(cell(meaning)) |"
        }
        return (["| key | type | default | meaning |", "|---|---|---|---|"] + rows).joined(separator: "\n") + "\n"
    }

    private static func cell(_ text: String) -> String {
        text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
    }
}
