import Testing

@testable import Shared

@Suite("Configuration")
struct ConfigurationTests {
    private let bot = "bot: {botId: 'aibONE', secret: 'sss'}"

    private func sample() throws -> GatewayConfiguration {
        let result = loadConfiguration(canonicalSample, environment: canonicalEnvironment, files: canonicalFiles)
        #expect(result.errors.map(\.description) == [])
        return try #require(result.configuration)
    }

    private func account(_ text: String) throws -> GatewayConfiguration.Account {
        let result = loadConfiguration("{channels: {wecom: {\(text)}}}")
        #expect(result.errors.map(\.description) == [])
        let wecom = try #require(result.configuration).wecom
        return try #require(wecom.accounts[wecom.defaultAccount])
    }

    @Test("GW-2: the canonical sample is read, every value of the bot")
    func canonicalBot() throws {
        let account = try #require(try sample().wecom.accounts["default"])
        #expect(account.enabled && account.name == "Helpdesk")
        let bot = account.bot
        #expect(bot.mode == .websocket && bot.effectiveMode == .websocket)
        #expect(bot.botID == "aibSAMPLE01" && bot.secret == Secret("plantedBotSecret"))
        #expect(bot.wsURL == "wss://openws.work.weixin.qq.com")
        #expect(bot.heartbeat == .seconds(30) && bot.ackTimeout == .seconds(10) && bot.replyTimeout == .seconds(5))
        #expect(bot.reconnect.minimum == .seconds(1) && bot.reconnect.maximum == .seconds(60))
        #expect(bot.onReplaced == .wait)
        #expect(bot.token == Secret("tokenOne") && bot.encodingAESKey == Secret(sampleKey))
        #expect(bot.previousKey.token == Secret("tokenTwo") && bot.previousKey.encodingAESKey == Secret(sampleKey))
        #expect(bot.receiveID.isEmpty && bot.webhookPath.isEmpty && bot.displayName.isEmpty && bot.welcomeText.isEmpty)
        #expect(bot.streamPlaceholderContent.isEmpty && bot.maxSteps == 10)
        #expect(bot.directMessages.policy == .pairing && bot.directMessages.allowFrom.isEmpty)
    }

    @Test("AG-1, WB-1: a bot with callback keys, and an application that only sends, are complete")
    func callbackShapes() throws {
        let keys = "token: 't', encodingAESKey: '\(sampleKey)'"
        for bot in [
            "bot: {\(keys)}", "bot: {mode: 'webhook', \(keys)}", "bot: {mode: 'webhook', botId: 'aibX', \(keys)}",
        ] {
            #expect(try account(bot).bot.effectiveMode == .webhook, "\(bot)")
        }
        let agent = "corpId: 'ww1234567890abcdef', agentId: 1000002"
        for secret in ["corpSecret: 's'", "accessToken: 'a'"] {
            let account = try account("agent: {\(agent), \(secret)}")
            #expect(account.bot.effectiveMode == nil && !account.agent.receives && account.agent.agentID == 1_000_002)
        }
        #expect(try account("agent: {\(agent), corpSecret: 's', \(keys)}").agent.receives)
        // Nobody calls one that only sends, so that it needs no listener.
        let silent = loadConfiguration(
            "{channels: {wecom: {agent: {\(agent), corpSecret: 's'}}}, gateway: {listen: ''}}")
        #expect(silent.errors.isEmpty && silent.warnings.isEmpty)
    }

    @Test("GW-2: the canonical sample is read, every value of the agent and the account")
    func canonicalAccount() throws {
        let account = try #require(try sample().wecom.accounts["default"])
        let agent = account.agent
        #expect(agent.corpID == "ww1234567890abcdef" && agent.corpSecret == Secret("plantedCorpSecret"))
        #expect(agent.agentID == 1_000_001 && agent.token == Secret("tokenThree"))
        #expect(agent.encodingAESKey == Secret(sampleKey) && agent.accessToken == nil && agent.receives)
        #expect(agent.apiBaseURL == "https://qyapi.weixin.qq.com" && agent.webhookPath.isEmpty)
        #expect(!agent.allowGroupSend && agent.welcomeText.isEmpty && agent.directMessages.policy == .pairing)
        #expect(account.groupPolicy == .open && account.groupAllowFrom.isEmpty)
        #expect(account.settings(forGroup: "wrOTHER").requireMention == true)
        let group = account.settings(forGroup: "wrGROUP")
        #expect(group.requireMention == false && group.tools == ["weather"] && group.departmentID == "2")
        #expect(group.allowFrom == nil)
        #expect(account.historyLimit == 20 && account.directHistoryLimit == 10 && account.textChunkLimit == 2_048)
        #expect(account.streamMode == .partial && !account.blockStreaming)
        #expect(account.draftChunk.minCharacters == 100 && account.draftChunk.maxCharacters == 500)
        let stream = account.stream
        #expect(stream.maxDuration == .seconds(330) && stream.minInterval == .seconds(1))
        #expect(stream.hintInterval == .seconds(30) && stream.hints == ["Still at it"])
        #expect(stream.thinking == .drop && stream.attachAboveBytes == 0)
        #expect(account.lateReplyKeep == .seconds(86_400))
        #expect(account.network.timeout == .seconds(15) && account.network.retries == 2)
        #expect(account.network.retryDelay == .milliseconds(500) && account.network.egressProxy == .none)
        #expect(account.network.caFile.isEmpty)
    }

    @Test("GW-2: the canonical sample is read, everything beside the accounts")
    func canonicalRest() throws {
        let configuration = try sample()
        let wecom = configuration.wecom
        #expect(wecom.enabled && wecom.defaultAccount == "default" && wecom.accounts.count == 1)
        #expect(wecom.media == GatewayConfiguration.Media() && wecom.media.maxBytes == 83_886_080)
        #expect(wecom.media.retention == .seconds(86_400) && wecom.media.cleanupOnStart)
        #expect(wecom.dynamicAgents == GatewayConfiguration.DynamicAgents() && wecom.dynamicAgents.groups)
        let gpt = try #require(configuration.backends["gpt"])
        #expect(gpt.type == .openai && gpt.baseURL == "http://127.0.0.1:11434/v1" && gpt.model == "small")
        #expect(gpt.apiKey == Secret("plantedKey") && gpt.system == "Be brief." && gpt.vision)
        #expect(gpt.tools == ["weather"] && gpt.timeout == .seconds(600))
        #expect(configuration.backends["default"]?.type == .echo)
        #expect(configuration.backends["script"]?.command == ["./answer.py"])
        #expect(configuration.backends["flow"]?.url == "http://127.0.0.1:9000/chat")
        #expect(configuration.backends["flow"]?.headers == ["X-Key": Secret("headerSecret")])
        #expect(configuration.tools["weather"]?.parameters == #"{"type":"object"}"#)
        #expect(configuration.tools["weather"]?.command == ["./weather.sh"])
        #expect(configuration.bindings.first?.backend == "gpt" && configuration.bindings.first?.match.user == "lin.wei")
        let job = try #require(configuration.cron.first)
        #expect(job.name == "brief" && job.schedule == "0 9 * * 1-5" && job.timeZone == "Asia/Shanghai")
        #expect(job.message == "Good morning" && job.session == .isolated && job.announce)
        #expect(job.account == "default" && job.target == "party:1")
        #expect(configuration.delivery == GatewayConfiguration.Delivery())
        #expect(configuration.delivery.keep == .seconds(30 * 86_400) && configuration.delivery.onUnknown == .auto)
        #expect(configuration.limits == GatewayConfiguration.Limits() && configuration.limits.concurrentTasks == 64)
        #expect(configuration.sessions.merge == .milliseconds(800) && configuration.sessions.idleReset == .zero)
        #expect(configuration.gateway.listen == NetworkAddress(host: "127.0.0.1", port: 18_789))
        #expect(
            configuration.gateway.admin?.port == 18_790 && configuration.gateway.adminToken == Secret("plantedAdmin"))
        #expect(configuration.gateway.stateDirectory == "~/.wecom-aibot")
        #expect(configuration.gateway.stopTimeout == .seconds(25) && configuration.gateway.log.level == .info)
    }

    @Test("the smallest file: one bot, echo backend, everything else default")
    func smallest() throws {
        let result = loadConfiguration("{channels: {wecom: {accounts: {help: {\(bot)}}}}}")
        let configuration = try #require(result.configuration)
        #expect(result.errors.isEmpty && result.warnings.isEmpty)
        #expect(configuration.wecom.defaultAccount == "help")
        #expect(configuration.backends == ["default": GatewayConfiguration.Backend()])
        #expect(configuration.backendName(account: "help", group: nil, user: "lin.wei") == "default")
        #expect(configuration.limits == GatewayConfiguration.Limits())
    }

    @Test("GW-2: keys at channels.wecom are defaults for every account")
    func inheritance() throws {
        let text = """
            {channels: {wecom: {
              bot: {heartbeatSeconds: 20, dm: {policy: 'open'}, welcomeText: 'Hi'}, groupPolicy: 'disabled', streamMode: 'off',
              groups: {'*': {requireMention: true}}, network: {retries: 5, timeoutSeconds: 3},
              accounts: {
                a: {\(bot)},
                b: {bot: {botId: 'aibTWO', secret: 'ttt', welcomeText: null, dm: {allowFrom: ['mei.chen']}}, groupPolicy: 'open',
                    groups: {wrX: {allowFrom: [1001]}}, network: {retries: 1}},
              }, defaultAccount: 'a' }}}
            """
        let result = loadConfiguration(text)
        #expect(result.errors.map(\.description) == [])
        let wecom = try #require(result.configuration).wecom
        let (first, second) = (try #require(wecom.accounts["a"]), try #require(wecom.accounts["b"]))
        #expect(first.bot.heartbeat == .seconds(20) && second.bot.heartbeat == .seconds(20))
        #expect(first.bot.welcomeText == "Hi" && second.bot.welcomeText.isEmpty)
        #expect(first.bot.directMessages.policy == .open && second.bot.directMessages.policy == .open)
        #expect(second.bot.directMessages.allowFrom == ["mei.chen"])
        #expect(first.groupPolicy == .disabled && second.groupPolicy == .open && second.streamMode == .off)
        #expect(second.settings(forGroup: "wrX").allowFrom == ["1001"])
        #expect(second.settings(forGroup: "wrX").requireMention == true)
        #expect(first.network.retries == 5 && second.network.retries == 1)
        #expect(first.network.timeout == .seconds(3) && second.network.timeout == .seconds(3))
    }

    @Test("GW-2: a bot straight at channels.wecom is the account default")
    func implicitAccount() throws {
        #expect(try account("\(bot), groupPolicy: 'disabled'").groupPolicy == .disabled)
        #expect(try account(bot).bot.botID == "aibONE")
    }

    @Test("GW-2: the mode follows from the keys")
    func modes() throws {
        let key = "token: 't', encodingAESKey: '\(sampleKey)'"
        #expect(try account("accounts: {a: {\(bot)}}").bot.effectiveMode == .websocket)
        #expect(try account("accounts: {a: {bot: {\(key)}}}").bot.effectiveMode == .webhook)
        #expect(
            try account("accounts: {a: {bot: {botId: 'aibX', secret: 's', \(key)}}}").bot.effectiveMode == .websocket)
        #expect(try account("accounts: {a: {bot: {mode: 'webhook', \(key)}}}").bot.effectiveMode == .webhook)
        let agent = try account(
            "accounts: {a: {agent: {corpId: 'ww1234567890abcdef', agentId: '1000001', accessToken: 'x'}}}")
        #expect(agent.bot.effectiveMode == nil && agent.agent.agentID == 1_000_001 && !agent.agent.receives)
    }

    @Test("WS-1: ws:// for loopback hosts alone", arguments: ["localhost", "127.0.0.1", "127.8.9.1", "[::1]"])
    func loopback(host: String) throws {
        let url = "ws://\(host):8787/ws?x=1"
        #expect(try account("accounts: {a: {bot: {botId: 'aibX', secret: 's', wsUrl: '\(url)'}}}").bot.wsURL == url)
    }

    @Test("the egress proxy: env, plain, with credentials that are not shown")
    func proxy() throws {
        #expect(EgressProxy("env") == .environment)
        #expect(EgressProxy("") == EgressProxy.none)
        let proxy = try #require(EgressProxy("http://us%40er:p%3Aw@proxy.example.com:3128"))
        #expect(
            proxy
                == .proxy(
                    NetworkAddress(host: "proxy.example.com", port: 3_128), user: "us@er", password: Secret("p:w")))
        #expect(proxy.description == "http://<secret>@proxy.example.com:3128")
        for wrong in ["https://p:1", "socks5://p:1", "p:1", "http://", "http://p:1/path", "http://p:x", "http://p:0"] {
            #expect(EgressProxy(wrong) == nil, "\(wrong)")
        }
    }

    @Test("a disabled account needs none of its secrets")
    func disabledAccount() {
        let text =
            "{channels: {wecom: {accounts: {default: {\(bot)}, old: {enabled: false, bot: {botId: 'x y', secret: {env: 'NONE'}}}}}}}"
        #expect(loadConfiguration(text).errors.isEmpty)
    }

    @Test("OPS-2: whoever needs no secrets reads a file without having them")
    func withoutSecrets() throws {
        struct NoFile: Error {}
        let load = { (resolves: Bool) in
            GatewayConfiguration.load(
                bytes: Array(canonicalSample.utf8), file: "c", environment: [:], resolvesSecrets: resolves
            ) { _ in throw NoFile() }
        }
        #expect(load(true).errors.count == 4)
        let read = load(false)
        #expect(read.errors.map(\.description) == [])
        #expect(read.configuration?.gateway.stateDirectory == "~/.wecom-aibot")
        #expect(read.configuration?.wecom.accounts["default"]?.bot.secret == nil)
    }

    @Test("bindings: first match, then default, then the only one")
    func bindings() throws {
        let base = "channels: {wecom: {accounts: {a: {\(bot)}}}}"
        let two =
            "backends: {x: {type: 'echo'}, default: {type: 'echo'}}, bindings: [{backend: 'x', match: {group: '*', user: 'lin.wei'}}]"
        let configuration = try #require(loadConfiguration("{\(base), \(two)}").configuration)
        #expect(configuration.backendName(account: "a", group: "wrA", user: "lin.wei") == "x")
        #expect(configuration.backendName(account: "a", group: nil, user: "lin.wei") == "default")
        #expect(configuration.backendName(account: "a", group: "wrA", user: "mei.chen") == "default")
        let only = try #require(loadConfiguration("{\(base), backends: {x: {type: 'echo'}}}").configuration)
        #expect(only.backendName(account: "a", group: nil, user: "u") == "x")
    }

    @Test("GW-3: config check says in one sentence who is answered")
    func access() throws {
        func sentence(_ keys: String) throws -> String {
            let result = loadConfiguration("{channels: {wecom: {accounts: {a: {\(keys)}}}}}")
            return try #require(result.configuration?.accessSentences().first)
        }
        #expect(
            try sentence(bot)
                == "Account a: the bot answers direct messages of users whom an operator approved only; in every group it answers everyone who mentions it."
        )
        let open = "bot: {botId: 'aibONE', secret: 'sss', dm: {policy: 'open'}}, groupPolicy: 'disabled'"
        #expect(
            try sentence(open)
                == "Account a: the bot answers direct messages of everyone; messages in groups are not answered.")
        let listed =
            "bot: {botId: 'aibONE', secret: 'sss', dm: {policy: 'allowlist', allowFrom: ['a', 'b']}}, "
            + "groupPolicy: 'allowlist', groupAllowFrom: ['wr1'], groups: {wr1: {allowFrom: ['a']}}"
        #expect(
            try sentence(listed)
                == "Account a: the bot answers direct messages of the 2 users in allowFrom only; in one group it answers everyone who mentions it, with rules of their own for one group."
        )
        let agent = "agent: {corpId: 'ww1234567890abcdef', agentId: 1, corpSecret: 's'}"
        let departments =
            "\(bot), \(agent), groups: {'*': {departmentId: 7}, wr1: {departmentId: '8'}, wr2: {departmentId: ''}}"
        #expect(
            try sentence(departments).hasSuffix(
                "in every group it answers everyone in department 7 who mentions it, with rules of their own for 2 groups "
                    + "(1 of them for the members of a department)."))
    }

    @Test("limits of 0 count nothing, whatever the other one says")
    func unlimited() {
        for limits in ["perConversationPerHour: 0", "perConversationPerMinute: 0", "perConversationPerHour: 30"] {
            #expect(loadConfiguration("{channels: {wecom: {\(bot)}}, limits: {\(limits)}}").errors.isEmpty, "\(limits)")
        }
        let more = loadConfiguration("{channels: {wecom: {\(bot)}}, limits: {perConversationPerHour: 29}}")
        #expect(more.errors.map(\.keyPath) == ["limits.perConversationPerMinute"])
    }

    @Test("keys that change nothing yet are listed, and nothing else")
    func notYetEffective() throws {
        let keys = try sample().notYetEffective().map(\.keyPath)
        let account = "channels.wecom.accounts.default"
        #expect(keys.contains("cron") && keys.contains("tools") && !keys.contains("\(account).agent"))
        #expect(keys.contains("backends.gpt.tools") && keys.contains("\(account).bot.dm.policy"))
        #expect(!keys.contains("\(account).historyLimit") && !keys.contains("\(account).bot.botId"))
        let open = "bot: {botId: 'aibONE', secret: 's', dm: {policy: 'open'}}"
        let quiet = try #require(loadConfiguration("{channels: {wecom: {accounts: {a: {\(open)}}}}}").configuration)
        #expect(quiet.notYetEffective() == [])
        let merging = try #require(
            loadConfiguration("{channels: {wecom: {accounts: {a: {\(open)}}}}, sessions: {mergeSeconds: 2}}")
                .configuration)
        #expect(merging.notYetEffective().map(\.keyPath) == ["sessions.mergeSeconds"])
    }
}
