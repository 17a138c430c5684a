import Foundation
import Testing

@Suite("README")
struct ReadmeTests {
    static let readmes = ["README.md", "README.zh-CN.md"]
    static let documents =
        readmes + [
            "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "docs/architecture.md", "docs/backends.md",
            "docs/benchmarks.md", "docs/capabilities.md", "docs/configuration.md", "docs/logging.md",
            "docs/operations.md", "docs/protocol.md",
            "docs/reliability.md", "docs/scenarios.md", "docs/threat-model.md", "docs/webhook.md",
        ]

    @Test("GW-12: names every command", arguments: readmes)
    func commands(file: String) throws {
        let text = try Repository.text(file)
        let commands = try Self.commands()
        #expect(commands.count >= 17)
        #expect(commands.contains { $0.isHidden } && commands.contains { $0.words.contains(" ") })
        for command in commands where !command.isHidden {
            #expect(text.contains("`wecom-aibot \(command.words)`"), "\(file) does not name: \(command.words)")
        }
    }

    @Test("names no command that is not there", arguments: documents)
    func unknownCommands(file: String) throws {
        let known = try Self.commands().map(\.words)
        let text = try Repository.text(file)
        let groups = Set(known.compactMap { $0.contains(" ") ? $0.prefix { $0 != " " } : nil })
        for match in text.matches(of: /wecom-aibot ([a-z]+)/) {
            #expect(groups.contains(match.1) || known.contains(String(match.1)), "\(file): \(match.0)")
        }
        for match in text.matches(of: /`wecom-aibot ([a-z]+ [a-z]+)/)
        where groups.contains(match.1.prefix { $0 != " " }) {
            #expect(known.contains(String(match.1)), "\(file): \(match.0)")
        }
    }

    @Test("both languages have the same sections and rows")
    func sameShape() throws {
        let shapes = try Self.readmes.map { file -> [Int] in
            let lines = try Repository.text(file).split(separator: "\n")
            return ["## ", "| ", "```", "- **", "<!-- ci"].map { mark in lines.count { $0.hasPrefix(mark) } }
        }
        #expect(shapes[0] == shapes[1])
        #expect(!shapes[0].contains(0))
    }

    @Test("links lead somewhere", arguments: documents)
    func links(file: String) throws {
        let folder = file.hasPrefix("docs/") ? "docs/" : ""
        // What looks like a link inside code is none.
        let text = try Repository.text(file).replacing(/`[^`\n]*`/, with: "")
        for match in text.matches(of: /\]\(([^)\s]+)\)/) {
            let parts = match.1.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
            guard !match.1.contains("://") else { continue }
            let target = parts[0].isEmpty ? file : folder + parts[0]
            #expect(Repository.exists(target), "\(file): \(match.1)")
            if parts.count == 2, target.hasSuffix(".md"), Repository.exists(target) {
                #expect(try Self.anchors(target).contains(String(parts[1])), "\(file): \(match.1)")
            }
        }
    }

    private static func anchors(_ file: String) throws -> [String] {
        try Repository.text(file).split(separator: "\n").filter { $0.hasPrefix("#") }.map { line in
            let title = line.drop { $0 == "#" || $0 == " " }.lowercased()
            return title.filter { $0.isLetter || $0.isNumber || $0 == " " || $0 == "-" }
                .replacing(" ", with: "-")
        }
    }

    /// A command that the program declares.
    struct Declared {
        /// As people type it: `demo`, `config check`.
        var words: String
        /// Whether `--help` leaves it out.
        var isHidden: Bool
    }

    /// Commands that do something themselves, in the order of `--help`, read from the declarations.
    static func commands() throws -> [Declared] {
        let parts = try Repository.sources("Sources/wecom-aibot").split(
            separator: /struct (?=\w+: (?:Async)?ParsableCommand \{)/)
        var declarations: [Substring: Substring] = [:]
        // A command's own configuration comes before the commands that are nested in it.
        for part in parts.dropFirst() { declarations[part.prefix { $0 != ":" }] = part }
        return children(of: "Program", in: declarations, under: Declared(words: "", isHidden: false))
    }

    private static func children(
        of type: Substring, in declarations: [Substring: Substring], under parent: Declared
    ) -> [Declared] {
        guard let list = declarations[type]?.firstMatch(of: /subcommands: \[([^\]]+)\]/) else { return [parent] }
        return list.1.matches(of: /(\w+)\.self/).flatMap { match -> [Declared] in
            let declaration = declarations[match.1] ?? ""
            let name = declaration.firstMatch(of: /commandName: "([a-z-]+)"/)?.1 ?? match.1.lowercased()[...]
            let words = parent.words.isEmpty ? String(name) : "\(parent.words) \(name)"
            let isHidden = parent.isHidden || declaration.contains("shouldDisplay: false")
            return children(of: match.1, in: declarations, under: Declared(words: words, isHidden: isHidden))
        }
    }
}
