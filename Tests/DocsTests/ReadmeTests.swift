import Foundation
import Testing

@Suite("README")
struct ReadmeTests {
    static let readmes = ["README.md", "README.zh-CN.md"]
    static let documents =
        readmes + [
            "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "docs/architecture.md", "docs/backends.md",
            "docs/configuration.md", "docs/logging.md", "docs/operations.md", "docs/protocol.md",
            "docs/threat-model.md",
        ]

    @Test("GW-12: names every command", arguments: readmes)
    func commands(file: String) throws {
        let text = try Repository.text(file)
        let commands = try Self.commands()
        #expect(commands.count >= 8)
        for command in commands {
            #expect(text.contains("`wecom-aibot \(command)`"), "\(file) does not name: \(command)")
        }
    }

    @Test("names no command that is not there", arguments: documents)
    func unknownCommands(file: String) throws {
        let known = Set(try Self.commands().map { $0.split(separator: " ")[0] })
        for match in try Repository.text(file).matches(of: /wecom-aibot ([a-z]+)/) {
            #expect(known.contains(match.1), "\(file): \(match.0)")
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
        for match in try Repository.text(file).matches(of: /\]\(([^)\s]+)\)/) {
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

    /// Commands as people type them, read from the declarations: `demo`, `config check` and so on.
    static func commands() throws -> [String] {
        let text = try Repository.sources("Sources/wecom-aibot")
        func children(_ pattern: Substring) -> [String] {
            pattern.matches(of: /(\w+)\.self/).map { String($0.1) }
        }
        func name(_ type: String) -> String {
            let declaration = text.components(separatedBy: "struct \(type): ").dropFirst().first?.prefix(400) ?? ""
            let own = declaration.components(separatedBy: "struct ")[0]
            return own.firstMatch(of: /commandName: "([a-z-]+)"/).map { String($0.1) } ?? type.lowercased()
        }
        let lists = text.matches(of: /subcommands: \[([^\]]+)\]/).map { children($0.1) }
        let nested = lists.filter { !$0.contains("Demo") }.flatMap { $0 }
        let top = lists.first { $0.contains("Demo") } ?? []
        return top.flatMap { type -> [String] in
            guard type == "ConfigCommand" else { return [name(type)] }
            return nested.map { "\(name(type)) \(name($0))" }
        }
    }
}
