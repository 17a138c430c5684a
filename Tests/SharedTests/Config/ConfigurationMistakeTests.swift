import Testing

@testable import Shared

@Suite("Configuration mistakes")
struct ConfigurationMistakeTests {
    @Test(
        "P27 setup.mistakes: each wrong file gives exactly one line with file, line, key and fix",
        arguments: ConfigurationMistake.credentials + ConfigurationMistake.values + ConfigurationMistake.references)
    func oneLine(_ mistake: ConfigurationMistake) {
        let result = loadConfiguration(mistake.text)
        let lines = result.errors.map(\.description)
        #expect(lines.count == 1, "\(lines)")
        #expect(result.configuration == nil)
        let line = lines.first ?? ""
        let start = "test.json5:\(mistake.line): " + (mistake.path.isEmpty ? "" : mistake.path + ": ")
        #expect(line.hasPrefix(start), "\(line)")
        for words in mistake.words { #expect(line.contains(words), "\(line)") }
        #expect(line.hasSuffix(".") || line.hasSuffix("?"))
        #expect(!line.contains("\n") && !line.contains(".."))
    }

    @Test("all mistakes of a file are told at once, in its order")
    func allAtOnce() {
        let text = """
            {
              channels: {wecom: {accounts: {default: {
                bot: {botId: '1000001'},
                groupPolicy: 'none',
              }}}},
              gateway: {listen: 'x', stopSeconds: -1},
              backends: {b: {type: 'http'}},
            }
            """
        let result = loadConfiguration(text)
        #expect(result.errors.map(\.line) == [3, 3, 4, 6, 6, 7])
    }

    @Test(
        "unknown keys warn with the nearest known key",
        arguments: [
            (
                "bot: {botId: 'aibX', secret: 's', heartbeatSecond: 3}",
                "Did you mean channels.wecom.accounts.default.bot.heartbeatSeconds?"
            ),
            (
                "bot: {botId: 'aibX', secret: 's', welcome_text: 'x'}",
                "Did you mean channels.wecom.accounts.default.bot.welcomeText?"
            ),
            (
                "bot: {botId: 'aibX', secret: 's'}, gropuPolicy: 'open'",
                "Did you mean channels.wecom.accounts.default.groupPolicy?"
            ),
            (
                "bot: {botId: 'aibX', secret: 's'}, heartbeatSeconds: 3",
                "It belongs at channels.wecom.accounts.<account>.bot.heartbeatSeconds"
            ),
            ("bot: {botId: 'aibX', secret: 's', zebra: 3}", "see the list of keys"),
        ])
    func unknownKeys(keys: String, words: String) {
        let result = loadConfiguration("{channels: {wecom: {accounts: {default: {\n\(keys)\n}}}}}")
        #expect(result.errors.isEmpty && result.configuration != nil)
        #expect(result.warnings.count == 1)
        #expect(result.warnings.first?.line == 2)
        #expect(result.warnings.first?.description.contains(words) == true, "\(result.warnings)")
    }

    @Test(
        "settings that cannot work as they stand warn",
        arguments: [
            ("groups: {'*': {requireMention: false}}", "does not deliver"),
            ("groups: {x: {tools: ['none']}}", "no tool named"),
            ("groupAllowFrom: ['wr1']", "does not look at groupAllowFrom"),
        ])
    func warnings(keys: String, words: String) {
        let bot = "bot: {botId: 'aibX', secret: 's'}"
        let result = loadConfiguration("{channels: {wecom: {accounts: {default: {\(bot),\n\(keys)}}}}}")
        #expect(result.errors.isEmpty)
        #expect(result.warnings.map(\.line) == [2])
        #expect(result.warnings.first?.problem.contains(words) == true)
    }

    private static let webhook = "bot: {token: 't', encodingAESKey: '\(sampleKey)', webhookPath: '/in'}"

    @Test("WB-5: a webhook bot hears of mentions only, whatever the file wants")
    func mentionsOnly() {
        let text =
            "{channels: {wecom: {accounts: {default: {\(Self.webhook),\ngroups: {'*': {requireMention: false}}}}}}}"
        let result = loadConfiguration(text)
        #expect(result.errors.isEmpty && result.warnings.map(\.line) == [2])
        #expect(result.warnings.first?.problem.contains("does not deliver group messages that do not mention") == true)
    }

    @Test(
        "WB-1: two accounts that a callback cannot tell apart warn; another token, path or a disabled account does not")
    func sharedPath() {
        let load = { (second: String) in
            loadConfiguration(
                "{channels: {wecom: {defaultAccount: 'a', accounts: {a: {\(Self.webhook)},\nb: {\(second)}}}}}")
        }
        let warned = load(Self.webhook)
        #expect(warned.errors.isEmpty && warned.configuration != nil)
        #expect(warned.warnings.map(\.line) == [2])
        #expect(warned.warnings.first?.keyPath == "channels.wecom.accounts.b.bot.webhookPath")
        #expect(warned.warnings.first?.problem.contains("accounts a and b") == true)
        for fine in [
            Self.webhook.replacing("'t'", with: "'u'"), Self.webhook.replacing("/in", with: "/other"),
            Self.webhook + ", enabled: false",
        ] {
            #expect(load(fine).warnings.isEmpty && load(fine).errors.isEmpty)
        }
    }

    @Test("a hostile file is answered quickly, with a bounded number of lines")
    func bounded() {
        let keys = (0..<60_000).map { "k\($0):1," }.joined()
        let unknown = loadConfiguration("{channels: {wecom: {bot: {botId: 'aibX', secret: 's'}}}, \(keys)}")
        #expect(unknown.warnings.count == ConfigurationReader.maxIssues)
        #expect(unknown.warnings.contains { $0.problem.contains("more of these") })
        let accounts = (0..<60_000).map { "a\($0):{}," }.joined()
        let many = loadConfiguration("{channels: {wecom: {accounts: {\(accounts)}}}}")
        #expect(many.errors.map(\.keyPath) == ["channels.wecom.accounts"])
        let users = (0..<60_000).map { _ in "'a b'," }.joined()
        let bad = loadConfiguration(
            "{channels: {wecom: {bot: {botId: 'aibX', secret: 's', dm: {allowFrom: [\(users)]}}}}}")
        #expect(bad.errors.count == ConfigurationReader.maxIssues)
    }

    @Test(
        "whatever single byte or value of a good file is damaged, reading it ends with lines, not with a trap",
        arguments: 0..<4)
    func damaged(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let bytes = Array(canonicalSample.utf8)
        let values = ["-1", "1e308", "NaN", "9223372036854775808", "null", "''", "[[]]", "{a: {}}", "'\\0'", "true"]
        let document = try JSON5Document(parsing: bytes)
        var refused = 0
        for _ in 0..<100 {
            var changed = bytes
            changed[Int.random(in: changed.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            let key = try #require(ConfigurationKeys.all.randomElement(using: &generator))
            let path = key.path.replacing("<account>", with: "default").replacing("[]", with: "[0]")
            let value = values.randomElement(using: &generator) ?? "1"
            let edited = JSON5Path(parsing: path).flatMap { try? document.setting($0, to: value) } ?? "{"
            for candidate in [changed, Array(edited.utf8)] {
                let result = GatewayConfiguration.load(
                    bytes: candidate, file: "test.json5", environment: canonicalEnvironment
                ) { canonicalFiles[$0] ?? "" }
                if result.configuration == nil { refused += 1 }
                #expect((result.configuration == nil) == !result.errors.isEmpty)
            }
        }
        #expect(refused > 50)
    }

    @Test("a backend warns of keys of another type")
    func foreignKeys() {
        let text =
            "{channels: {wecom: {bot: {botId: 'aibX', secret: 's'}}}, backends: {default: {type: 'echo', model: 'x'}}}"
        #expect(loadConfiguration(text).warnings.map(\.keyPath) == ["backends.default.model"])
    }

    @Test("GW-10: headers are for both kinds of services")
    func headers() {
        for backend in ["type: 'openai', baseUrl: 'http://h/v1', model: 'm'", "type: 'http', url: 'http://h'"] {
            let text =
                "{channels: {wecom: {bot: {botId: 'aibX', secret: 's'}}}, "
                + "backends: {default: {\(backend), headers: {'x-team': 'a'}}}}"
            let result = loadConfiguration(text)
            #expect(result.warnings.isEmpty && result.errors.isEmpty, "\(result.warnings)")
        }
    }

    @Test("an issue is one line whatever the file says")
    func oneLineAlways() {
        let result = loadConfiguration(
            "{channels: {wecom: {bot: {botId: 'aibX', secret: 's'}}}, 'a\\nb\\u2028c\\u001b': 1}")
        let line = result.warnings.first?.description ?? ""
        #expect(line.contains("test.json5:1: "))
        #expect(!line.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x2028 })
        let issue = ConfigurationIssue(file: "a\nb", position: .start, keyPath: "", problem: "p", fix: "f")
        #expect(!issue.description.contains("\n"))
    }

    @Test("no issue holds a secret", arguments: ["PLANTED secret", "1000001777", "ww00000planted000"])
    func issuesHoldNoSecret(secret: String) {
        let keys = ["secret", "token", "encodingAESKey", "botId", "onReplaced", "heartbeatSeconds", "wsUrl", "dm"]
        for key in keys {
            let result = loadConfiguration(
                "{channels: {wecom: {accounts: {a: {bot: {botId: 'aib Y', \(key)x: 1, secret: 's'}, agent: {\(key): '\(secret)'}}}}}}"
            )
            let bot = loadConfiguration("{channels: {wecom: {accounts: {a: {bot: {\(key): '\(secret)'}}}}}}")
            for issue in result.errors + result.warnings + bot.errors + bot.warnings {
                #expect(!issue.description.contains(secret))
            }
        }
    }
}
