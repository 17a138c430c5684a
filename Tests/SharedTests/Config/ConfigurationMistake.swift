import Testing

/// A wrong configuration and the one line it must give.
struct ConfigurationMistake: Sendable, CustomTestStringConvertible {
    let name: String
    let text: String
    let line: Int
    let path: String
    /// Words of the problem and of the fix.
    let words: [String]

    var testDescription: String { name }

    /// A file whose line 2 holds the keys of account `default`.
    static func account(_ name: String, _ keys: String, _ path: String, _ words: String...) -> Self {
        let place = path.isEmpty ? "" : "." + path
        return Self(
            name: name, text: "{channels: {wecom: {accounts: {default: {\n\(keys)\n}}}}}", line: 2,
            path: "channels.wecom.accounts.default" + place, words: words)
    }

    /// A file whose line 2 holds keys beside one good account.
    static func top(_ name: String, _ keys: String, _ path: String, _ words: String...) -> Self {
        Self(
            name: name,
            text: "{channels: {wecom: {accounts: {default: {bot: {botId: 'aibX', secret: 's'}}}}},\n\(keys)\n}",
            line: 2, path: path, words: words)
    }

    /// A file whose line 2 holds the keys of `channels.wecom`.
    static func channel(_ name: String, _ keys: String, _ path: String, _ words: String...) -> Self {
        Self(
            name: name, text: "{channels: {wecom: {\n\(keys)\n}}}", line: 2, path: "channels.wecom." + path,
            words: words)
    }

    private static let good = "botId: 'aibX', secret: 's'"
    private static let goodAgent = "agent: {corpId: 'ww1234567890abcdef', agentId: 1, corpSecret: 's'}"

    static let credentials: [Self] = [
        .account("AgentId in botId", "bot: {botId: '1000001', secret: 's'}", "bot.botId", "AgentId", "agent.agentId"),
        .account(
            "corpId in botId", "bot: {botId: 'ww1234567890abcdef', secret: 's'}", "bot.botId", "corpId", "agent.corpId"),
        .account("space in botId", "bot: {botId: ' aibX', secret: 's'}", "bot.botId", "space", "Copy the Bot ID"),
        .account(
            "line end in secret", "bot: {botId: 'aibX', secret: 'se\\n'}", "bot.secret", "line end", "Copy the Secret"),
        .account("AgentId in secret", "bot: {botId: 'aibX', secret: '1000001'}", "bot.secret", "AgentId"),
        .account("corpId in secret", "bot: {botId: 'aibX', secret: 'ww1234567890abcdef'}", "bot.secret", "corpId"),
        .account("botId in secret", "bot: {botId: 'aibX', secret: 'aibX'}", "bot.secret", "same as botId"),
        .account("no secret", "bot: {botId: 'aibX'}", "bot.secret", "needs secret", "bot.secret"),
        .account("no botId", "bot: {secret: 's'}", "bot.botId", "needs botId", "bot.botId"),
        .account("empty secret", "bot: {botId: 'aibX', secret: ''}", "bot.secret", "needs secret"),
        .account(
            "mode websocket, callback keys", "bot: {mode: 'websocket', token: 't', encodingAESKey: '\(sampleKey)'}",
            "bot.botId", "mode websocket needs botId and secret"),
        .account(
            "mode webhook, long connection's keys", "bot: {mode: 'webhook', \(good)}",
            "bot.encodingAESKey", "mode webhook needs encodingAESKey and token"),
        .account(
            "mode webhook alone", "bot: {mode: 'webhook'}", "bot.encodingAESKey",
            "mode webhook needs encodingAESKey and token", "bot.token"),
        .account(
            "keys of a third-party application, in the agent",
            "agent: {corpId: 'ww1234567890abcdef', agentId: 1, corpSecret: 's', suiteId: 'wwSUITE'}", "agent.suiteId",
            "third-party application", "not supported", "self-built"),
        .account(
            "keys of a third-party application, in the account",
            "bot: {botId: 'aibX', secret: 's'}, suiteSecret: 'x'", "suiteSecret", "third-party application"),
        .account(
            "both modes half filled", "bot: {botId: 'aibX', token: 't'}", "bot.secret", "half of", "Complete one pair"),
        .account("token without key", "bot: {token: 't'}", "bot.encodingAESKey", "needs encodingAESKey"),
        .account(
            "short AES key", "bot: {token: 't', encodingAESKey: '\(sampleKey.dropLast())'}", "bot.encodingAESKey",
            "has 42 characters", "43"),
        .account(
            "padded AES key", "bot: {token: 't', encodingAESKey: '\(sampleKey.dropLast())='}", "bot.encodingAESKey",
            "other than letters and digits"),
        .account(
            "half a previous key", "bot: {\(good), previousKey: {token: 't'}}", "bot.previousKey.encodingAESKey",
            "encodingAESKey is missing"),
        .account(
            "agent without number", "agent: {corpId: 'ww1234567890abcdef', corpSecret: 's'}", "agent.agentId",
            "needs agentId"),
        .account(
            "agent without secret", "agent: {corpId: 'ww1234567890abcdef', agentId: 1}", "agent.corpSecret",
            "needs corpSecret"),
        .account(
            "half a callback of an agent",
            "agent: {corpId: 'ww1234567890abcdef', agentId: 1, corpSecret: 's', token: 't'}",
            "agent.encodingAESKey", "encodingAESKey is missing"),
        .account("bot id as corpId", "agent: {corpId: 'aibX', agentId: 1, corpSecret: 's'}", "agent.corpId", "Bot ID"),
        .account(
            "agentId in words", "agent: {corpId: 'ww1234567890abcdef', agentId: 'one', corpSecret: 's'}",
            "agent.agentId",
            "no AgentId", "1000001"),
        .channel(
            "nothing configured", "accounts: {default: {name: 'x'}}", "accounts.default.bot",
            "neither a bot nor an agent"),
        .account(
            "variable not set", "bot: {botId: 'aibX', secret: {env: 'NOT_SET'}}", "bot.secret", "NOT_SET is not set"),
        .account("file missing", "bot: {botId: 'aibX', secret: {file: '/none'}}", "bot.secret", "/none cannot be read"),
        .account("bad reference", "bot: {botId: 'aibX', secret: {environment: 'X'}}", "bot.secret", "{env: \"NAME\"}"),
        .account(
            "secret is a number", "bot: {botId: 'aibX', secret: 12}", "bot.secret", "expected a secret, found a number"),
    ]

    static let values: [Self] = [
        .account("plain ws", "bot: {\(good), wsUrl: 'ws://ws.example.com'}", "bot.wsUrl", "not encrypted", "wss://"),
        .account(
            "https as wsUrl", "bot: {\(good), wsUrl: 'https://ws.example.com'}", "bot.wsUrl",
            "does not start with wss://"),
        .account("no URL", "bot: {\(good), wsUrl: 'ws.example.com'}", "bot.wsUrl", "no URL"),
        .account(
            "unknown onReplaced", "bot: {\(good), onReplaced: 'takover'}", "bot.onReplaced", "not known", "\"takeover\""
        ),
        .account("unknown mode", "bot: {\(good), mode: 'ws'}", "bot.mode", "\"websocket\", \"webhook\""),
        .account(
            "unknown dm policy", "bot: {\(good), dm: {policy: 'all'}}", "bot.dm.policy", "\"pairing\", \"allowlist\""),
        .account(
            "unknown groupPolicy", "bot: {\(good)}, groupPolicy: 'pairing'", "groupPolicy", "\"open\", \"allowlist\""),
        .account("unknown streamMode", "bot: {\(good)}, streamMode: 'full'", "streamMode", "\"off\", \"partial\""),
        .account(
            "unknown thinking", "bot: {\(good)}, stream: {thinking: 'show'}", "stream.thinking", "\"drop\", \"fold\""),
        .account("stream too long", "bot: {\(good)}, stream: {maxSeconds: 600}", "stream.maxSeconds", "0.1 to 570"),
        .account("heartbeat off", "bot: {\(good), heartbeatSeconds: 0}", "bot.heartbeatSeconds", "0.1 to 300"),
        .account(
            "seconds in quotes", "bot: {\(good), ackTimeoutSeconds: '10'}", "bot.ackTimeoutSeconds",
            "found a string", "without quotes"),
        .account("flag in quotes", "bot: {\(good)}, blockStreaming: 'true'", "blockStreaming", "true or false"),
        .account("half a number", "bot: {\(good)}, historyLimit: 1.5", "historyLimit", "whole number from 0 to 1000"),
        .account("NaN", "bot: {\(good)}, stream: {hintSeconds: NaN}", "stream.hintSeconds", "out of range"),
        .account(
            "reversed backoff", "bot: {\(good), reconnect: {minSeconds: 90}}", "bot.reconnect.minSeconds", "more than"),
        .account("reversed chunk", "bot: {\(good)}, draftChunk: {minChars: 600}", "draftChunk.minChars", "more than"),
        .account("list as string", "bot: {\(good), dm: {allowFrom: 'lin.wei'}}", "bot.dm.allowFrom", "expected a list"),
        .account("space in a user id", "bot: {\(good), dm: {allowFrom: ['lin wei']}}", "bot.dm.allowFrom[0]", "space"),
        .account("bot is a string", "bot: 'aibX'", "bot", "expected an object"),
        .account(
            "department without an agent", "bot: {\(good)}, groups: {'*': {departmentId: '7'}}",
            "groups.*.departmentId", "only an agent can tell"),
        .account(
            "department by name", "bot: {\(good)}, \(goodAgent), groups: {wr1: {departmentId: 'Sales'}}",
            "groups.wr1.departmentId", "whole number"),
        .account(
            "department 0", "bot: {\(good)}, \(goodAgent), groups: {wr1: {departmentId: 0}}",
            "groups.wr1.departmentId", "whole number"),
        .channel(
            "department for all accounts, one without an agent",
            "groups: {'*': {departmentId: 7}}, accounts: {default: {bot: {\(good)}}}", "groups.*.departmentId",
            "only an agent can tell"),
        .account(
            "SOCKS proxy", "bot: {\(good)}, network: {egressProxyUrl: 'socks5://p:1'}", "network.egressProxyUrl",
            "no proxy"),
        .account("path without slash", "bot: {\(good), webhookPath: 'wecom'}", "bot.webhookPath", "starts with /"),
        .top("listen without port", "gateway: {listen: '0.0.0.0'}", "gateway.listen", "host:port"),
        Self(
            name: "callbacks of a bot without a listener",
            text: "{channels: {wecom: {bot: {token: 't', encodingAESKey: '\(sampleKey)'}}},\ngateway: {listen: ''}}",
            line: 2, path: "gateway.listen", words: ["account default takes callbacks", "127.0.0.1:18789"]),
        Self(
            name: "callbacks of an application without a listener",
            text:
                "{channels: {wecom: {bot: {botId: 'aibX', secret: 's'}, agent: {corpId: 'ww1234567890abcdef', agentId: 1, "
                + "corpSecret: 's', token: 't', encodingAESKey: '\(sampleKey)'}}},\ngateway: {listen: ''}}",
            line: 2, path: "gateway.listen", words: ["takes callbacks"]),
        .top("port too high", "gateway: {admin: '127.0.0.1:70000'}", "gateway.admin", "host:port"),
        .top("same address twice", "gateway: {admin: '127.0.0.1:18789'}", "gateway.admin", "same address"),
        .top("unknown level", "gateway: {log: {level: 'verbose'}}", "gateway.log.level", "\"info\""),
        .top("control character", "gateway: {stateDir: '/a\\0b'}", "gateway.stateDir", "control character"),
    ]

    static let references: [Self] = [
        .top("backend without type", "backends: {default: {url: 'http://x'}}", "backends.default.type", "needs type"),
        .top("unknown type", "backends: {default: {type: 'opnai'}}", "backends.default.type", "probably \"openai\""),
        .top(
            "openai without model", "backends: {default: {type: 'openai', baseUrl: 'http://h/v1'}}",
            "backends.default.model",
            "needs model"),
        .top(
            "command without command", "backends: {default: {type: 'command'}}", "backends.default.command",
            "needs command"),
        .top("http without url", "backends: {default: {type: 'http'}}", "backends.default.url", "needs url"),
        .top(
            "two backends, none default", "backends: {a: {type: 'echo'}, b: {type: 'echo'}}", "backends",
            "none is named default"),
        .top(
            "binding to nowhere", "backends: {gpt: {type: 'echo'}}, bindings: [{backend: 'gtp'}]",
            "bindings[0].backend",
            "Did you mean \"gpt\""),
        .top(
            "binding to no account", "bindings: [{backend: 'default', match: {account: 'other'}}]",
            "bindings[0].match.account",
            "no account named \"other\""),
        .top("binding without backend", "bindings: [{match: {user: 'x'}}]", "bindings[0].backend", "needs backend"),
        .top(
            "bad cron", "cron: [{name: 'n', cron: '0 25 * * *', message: 'm', to: 'user:x'}]", "cron[0].cron",
            "five fields"),
        .top(
            "cron without target",
            "cron: [{name: 'n', cron: '@daily', message: 'm'}]".replacing("@daily", with: "0 9 * * *"),
            "cron[0].to", "needs to"),
        .top("tool without command", "tools: {w: {description: 'd'}}", "tools.w.command", "needs command"),
        .channel(
            "unknown default account", "defaultAccount: 'mian', accounts: {main: {bot: {\(good)}}}", "defaultAccount",
            "Did you mean \"main\""),
        .channel(
            "one bot twice", "accounts: {default: {bot: {\(good)}}, b: {bot: {\(good)}}}", "accounts.default.bot.botId",
            "same bot"),
        .channel("bad account name", "accounts: {'a/b': {bot: {\(good)}}}", #"accounts."a/b""#, "callback path"),
        .channel(
            "shared half pair", "bot: {botId: 'aibX'}, accounts: {a: {}}", "accounts.a.bot.secret", "needs secret"),
        .channel("flat token", "token: 't'", "token", "channels.wecom.accounts.default.bot.token"),
        .channel(
            "flat corpId", "corpId: 'ww1234567890abcdef'", "corpId", "channels.wecom.accounts.default.agent.corpId"),
        .channel("flat botId", "botId: 'aibX'", "botId", "channels.wecom.accounts.default.bot.botId"),
        .channel(
            "old default account", "defaultAccountId: 'a', accounts: {default: {bot: {\(good)}}}", "defaultAccountId",
            "channels.wecom.defaultAccount"),
        Self(
            name: "older channel", text: "{channels: {\nwecom_aibot: {bot_id: 'x', secret: 's'}}}", line: 2,
            path: "channels.wecom_aibot", words: ["channels.wecom.accounts.aibot.bot"]),
        Self(
            name: "no bot at all", text: "{\n}", line: 1, path: "channels.wecom.accounts",
            words: ["no bot is configured"]),
        Self(name: "no object", text: "[]", line: 1, path: "", words: ["expected an object"]),
        Self(name: "syntax", text: "{\n a: 'x }", line: 2, path: "", words: ["never closed"]),
    ]
}
