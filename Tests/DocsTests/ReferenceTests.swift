import Foundation
import Gateway
import Shared
import Testing

@Suite("Documents say what the program does")
struct ReferenceTests {
    @Test("GW-2: docs/configuration.md is the list that the program prints")
    func configurationKeys() throws {
        let text = try Repository.text("docs/configuration.md")
        let start = try #require(text.range(of: "| key |"))
        #expect(text[start.lowerBound...] == ConfigurationReference.markdown()[...])
    }

    @Test("GW-14: docs/capabilities.md is the table that the program prints and plans by")
    func capabilities() throws {
        let text = try Repository.text("docs/capabilities.md")
        #expect(text.contains(CapabilityTable.markdown()))
    }

    @Test("OPS-3: docs/logging.md lists the keys of log lines, and no others")
    func logKeys() throws {
        let cells = Repository.firstCells(of: try Repository.text("docs/logging.md"), below: "## Keys")
        #expect(cells.flatMap(Repository.codes) == LogKey.allCases.map(\.rawValue))
    }

    @Test("OPS-3: log lines that the operations guide explains are in the code")
    func logLines() throws {
        let heading = "## What the log says at three in the morning"
        let cells = Repository.firstCells(of: try Repository.text("docs/operations.md"), below: heading)
        let sources = try Repository.sources("Sources")
        #expect(cells.count > 10)
        for line in cells.flatMap(Repository.codes) {
            let message = line.prefix { $0 != "=" }
            // A key and its value follow the message: the last word before `=` is the key.
            let words = message.split(separator: " ")
            let constant = line.contains("=") ? words.dropLast().joined(separator: " ") : String(message)
            #expect(sources.contains("\"\(constant)\""), "no log line says: \(constant)")
        }
    }

    @Test("docs/protocol.md explains every error code that the program knows")
    func errorCodes() throws {
        let cells = Repository.firstCells(of: try Repository.text("docs/protocol.md"), below: "## Error codes")
        let listed = cells.flatMap { $0.matches(of: /-?[0-9]+/).compactMap { Int($0.0) } }
        #expect(listed.sorted() == PlatformError.knownCodes)
    }

    @Test("docs/reliability.md: tests of complaints are where it says")
    func complaints() throws {
        let rows = Repository.rows(
            of: try Repository.text("docs/reliability.md"), below: "## Complaints and their tests")
        #expect(rows.count >= 17)
        for row in rows {
            try #require(row.count == 3)
            let names = Repository.codes(in: row[1])
            let files = row[2].matches(of: /\]\(([^)]+)\)/).map { String($0.1) }
            #expect(!names.isEmpty && !files.isEmpty, "\(row[0])")
            let texts = try files.map { try Repository.text("docs/" + $0) }
            for name in names {
                #expect(texts.contains { $0.contains("\"\(name): ") }, "no test is called \(name) in \(files)")
            }
            for (file, text) in zip(files, texts) {
                #expect(names.contains { text.contains("\"\($0): ") }, "\(file) has no test of: \(row[0])")
            }
        }
    }

    @Test(
        "docs/architecture.md names the bounds of the code",
        arguments: [
            ("remembered message ids", Deduplicator().maxEntries),
            ("messages taken and not answered", EngineSettings().acceptedMessages),
            ("messages worked on at a time", EngineSettings().concurrentTasks),
            ("messages waiting in a conversation", EngineSettings().queuedPerConversation),
            ("text of an answer", EngineSettings().reply.maxAnswerBytes >> 20),
            ("files and cards of an answer", EngineSettings().reply.maxAttachments),
            ("text of a bubble", Chunker.streamLimitBytes),
            ("starts of a handler for one message", EngineSettings().maxAttempts),
            ("repeats of a push, file or card whose connection died", EngineSettings().reply.maxRepeats),
            ("conversations whose quota is counted", RateGovernor.maxConversations),
            ("size of a download", MediaSettings().maxBytes >> 20),
            ("file that is sent", MediaLimits.longConnection.maxBytes >> 20),
            ("cards of an answer", CardExtractor.maxCards),
            ("pictures in the Markdown of an answer", MarkdownImages.maxImages),
        ])
    func bounds(what: String, value: Int) throws {
        let text = try Repository.text("docs/architecture.md")
        let row = try #require(text.split(separator: "\n").first { $0.hasPrefix("| \(what) |") })
        let numbers = row.matches(of: /[0-9][0-9,]*/).compactMap { Int($0.0.filter { $0 != "," }) }
        #expect(numbers.contains(value), "\(row)")
    }
}
