import Testing

@testable import Shared

@Suite("Configuration printing and secrets")
struct ConfigurationPrintTests {
    private func sample() throws -> GatewayConfiguration {
        try #require(
            loadConfiguration(canonicalSample, environment: canonicalEnvironment, files: canonicalFiles).configuration)
    }

    @Test("secrets are never printed: description, reflection, dump, interpolation")
    func secretsNeverPrinted() throws {
        let configuration = try sample()
        var output = "\(configuration)" + String(reflecting: configuration) + String(describing: configuration)
        dump(configuration, to: &output)
        output += configuration.text(includingDefaults: true) + configuration.text()
        output += configuration.accessSentences().joined() + "\(configuration.notYetEffective())"
        output += "\(try #require(EgressProxy("http://lin:plantedKey@h:1")))"
        dump(EgressProxy("http://lin:plantedKey@h:1"), to: &output)
        for secret in plantedSecrets { #expect(!output.contains(secret), "\(secret.prefix(3))…") }
        #expect(output.contains("<secret>"))
    }

    @Test("a secret has no children and no text form of its own")
    func secret() {
        let secret = Secret("hidden")
        var dumped = ""
        dump([secret, secret], to: &dumped)
        #expect("\(secret)\(String(reflecting: secret))\(Optional(secret) as Any)\(dumped)".contains("hidden") == false)
        #expect(Mirror(reflecting: secret).children.isEmpty)
        #expect(secret.reveal() == "hidden")
        #expect((secret as Any) is any Encodable == false)
        #expect((secret as Any) is any Decodable == false)
    }

    @Test("a secret from a file loses one trailing newline, no more")
    func secretFile() throws {
        #expect(try Secret(file: "f") { _ in "a\n" } == Secret("a"))
        #expect(try Secret(file: "f") { _ in "a\r\n" } == Secret("a"))
        #expect(try Secret(file: "f") { _ in "a\n\n" } == Secret("a\n"))
        #expect(try Secret(file: "f") { _ in " a" } == Secret(" a"))
        #expect(throws: Secret.SourceError.empty("f")) { try Secret(file: "f") { _ in "\n" } }
        #expect(throws: Secret.SourceError.variableNotSet("V")) { try Secret(variable: "V", in: [:]) }
        #expect(throws: Secret.SourceError.empty("V")) { try Secret(variable: "V", in: ["V": ""]) }
    }

    @Test("what is shown is JSON5, and reads back as the same configuration but for the secrets")
    func showReadsBack() throws {
        let configuration = try sample()
        for includingDefaults in [true, false] {
            // Keys have a length, so the mark is replaced by something that passes.
            let text = configuration.text(includingDefaults: includingDefaults)
                .replacing("encodingAESKey: \"<secret>\"", with: "encodingAESKey: \"\(sampleKey)\"")
            let result = loadConfiguration(text)
            #expect(result.errors.map(\.description) == [])
            let again = try #require(result.configuration)
            #expect(again.text(includingDefaults: true) == configuration.text(includingDefaults: true))
        }
    }

    @Test("defaults are left out, or marked")
    func defaults() throws {
        let text = "{channels: {wecom: {accounts: {a: {bot: {botId: 'aibX', secret: 's', maxSteps: 4}}}}}}"
        let configuration = try #require(loadConfiguration(text).configuration)
        #expect(
            configuration.text() == """
                {
                    channels: {
                        wecom: {
                            defaultAccount: "a",
                            accounts: {
                                a: {
                                    bot: {
                                        botId: "aibX",
                                        secret: "<secret>",
                                        maxSteps: 4,
                                    },
                                },
                            },
                        },
                    },
                    backends: {
                        default: {
                            type: "echo",
                        },
                    },
                }

                """)
        let full = configuration.text(includingDefaults: true)
        #expect(full.contains("heartbeatSeconds: 30, // default\n") && full.contains("maxSteps: 4,\n"))
    }

    @Test("the key list has every key of the canonical sample, with the default the reader uses")
    func keyList() throws {
        let paths = Set(ConfigurationKeys.all.map(\.path))
        #expect(paths.count == ConfigurationKeys.all.count)
        let document = try JSON5Document(parsing: canonicalSample)
        let free = [
            "accounts": "<account>", "groups": "<chatId>", "backends": "<backend>", "tools": "<tool>",
            "headers": "<header>",
        ]
        func check(_ value: JSON5Value, _ prefix: String, _ parent: String) {
            switch value.content {
            case .object(let members) where !paths.contains(prefix):
                for member in members {
                    let name = free[parent] ?? member.key
                    check(member.value, prefix.isEmpty ? name : prefix + "." + name, member.key)
                }
            case .array(let elements) where !paths.contains(prefix):
                for element in elements { check(element, prefix + "[]", "[]") }
            default:
                // The network stands at the channel in the sample and is documented at the account.
                let path = prefix.replacing("channels.wecom.network", with: "channels.wecom.accounts.<account>.network")
                #expect(paths.contains(path), "\(prefix)")
            }
        }
        check(document.root, "", "")
        let defaults = Dictionary(uniqueKeysWithValues: ConfigurationKeys.all.map { ($0.path, $0.defaultValue) })
        #expect(defaults["channels.wecom.accounts.<account>.bot.heartbeatSeconds"] == "30")
        #expect(defaults["channels.wecom.accounts.<account>.network.retryDelaySeconds"] == "0.5")
        #expect(defaults["gateway.listen"] == "\"127.0.0.1:18789\"")
        #expect(defaults["sessions.mergeSeconds"] == "0.8")
        #expect(defaults["channels.wecom.accounts.<account>.bot.secret"] == "null")
    }

    @Test("every default of the list is itself accepted by the reader")
    func defaultsAreValid() throws {
        let text =
            "{channels: {wecom: {accounts: {default: {bot: {botId: 'aibX', secret: 's'}}}}}, backends: {default: {type: 'echo'}}}"
        var document = try JSON5Document(parsing: text)
        for key in ConfigurationKeys.all where !key.path.contains("[]") && !key.path.contains("<tool>") {
            if ["bot.botId", "bot.secret", "agentId"].contains(where: key.path.hasSuffix) { continue }
            let path = key.path.replacing("<account>", with: "default").replacing("<backend>", with: "default")
                .replacing("<chatId>", with: "wrX").replacing(".<header>", with: "")
            document = try JSON5Document(
                parsing: document.setting(
                    try #require(JSON5Path(parsing: path)),
                    to: key.path == path || !key.path.contains("<header>") ? key.defaultValue : "{}"))
        }
        let result = loadConfiguration(String(decoding: document.bytes, as: UTF8.self))
        #expect(result.errors.map(\.description) == [])
    }

    @Test("the reference is a table with one row per key")
    func reference() {
        let lines = ConfigurationReference.markdown().split(separator: "\n")
        #expect(lines.count == ConfigurationKeys.all.count + 2)
        for line in lines { #expect(line.replacing("\\|", with: "").filter { $0 == "|" }.count == 5, "\(line)") }
    }

    @Test("the nearest name: one slip is found, a stranger is not")
    func nearest() {
        let names = ["heartbeatSeconds", "groupPolicy", "dm", "url"]
        #expect(NearestKey.find("heartbeat_seconds", among: names) == "heartbeatSeconds")
        #expect(NearestKey.find("gropuPolicy", among: names) == "groupPolicy")
        #expect(NearestKey.find("ulr", among: names) == "url")
        #expect(NearestKey.find("x", among: names) == nil)
        #expect(NearestKey.find(String(repeating: "groupPolicy", count: 1_000), among: names) == nil)
        #expect(NearestKey.distance(Array("kitten"), Array("sitting")) == 3)
        #expect(NearestKey.distance(Array("ab"), Array("ba")) == 1)
    }
}
