@testable import Shared

/// Reads a configuration with a fixed environment and files.
func loadConfiguration(
    _ text: String, environment: [String: String] = [:], files: [String: String] = [:]
) -> ConfigurationResult {
    struct NoSuchFile: Error {}
    return GatewayConfiguration.load(text: text, file: "test.json5", environment: environment) { path in
        guard let content = files[path] else { throw NoSuchFile() }
        return content
    }
}

/// An EncodingAESKey of the right form.
let sampleKey = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"

/// The canonical form with every key given.
let canonicalSample = """
    {
      channels: { wecom: {
        enabled: true,
        defaultAccount: "default",
        accounts: { default: {
          enabled: true, name: "Helpdesk",
          bot: {
            mode: "websocket",
            botId: "aibSAMPLE01", secret: {env: "WECOM_BOT_SECRET"},
            wsUrl: "wss://openws.work.weixin.qq.com",
            heartbeatSeconds: 30, ackTimeoutSeconds: 10, replyTimeoutSeconds: 5,
            reconnect: {minSeconds: 1, maxSeconds: 60}, onReplaced: "wait",
            token: "tokenOne", encodingAESKey: "\(sampleKey)", receiveId: "", webhookPath: "",
            previousKey: {token: "tokenTwo", encodingAESKey: "\(sampleKey)"}, displayName: "",
            welcomeText: "", streamPlaceholderContent: "", maxSteps: 10,
            dm: {policy: "pairing", allowFrom: []},
          },
          agent: {
            corpId: "ww1234567890abcdef", corpSecret: {file: "/run/secrets/corp"}, agentId: 1000001,
            token: "tokenThree", encodingAESKey: "\(sampleKey)",
            accessToken: null, apiBaseUrl: "https://qyapi.weixin.qq.com", webhookPath: "",
            allowGroupSend: false, welcomeText: "", dm: {policy: "pairing", allowFrom: []},
          },
          groupPolicy: "open", groupAllowFrom: [],
          groups: {"*": {requireMention: true}, "wrGROUP": {requireMention: false, tools: ["weather"], departmentId: "2"}},
          historyLimit: 20, dmHistoryLimit: 10, textChunkLimit: 2048,
          streamMode: "partial", blockStreaming: false, draftChunk: {minChars: 100, maxChars: 500},
          stream: {maxSeconds: 330, minIntervalSeconds: 1, hintSeconds: 30, hints: ["Still at it"], thinking: "drop", attachAboveBytes: 0},
          lateReply: {keepHours: 24},
        }},
        network: {egressProxyUrl: "", caFile: "", timeoutSeconds: 15, retries: 2, retryDelaySeconds: 0.5},
        media: {maxBytes: 83886080, dir: "", retentionHours: 24, cleanupOnStart: true, localRoots: [], allowPrivateHosts: []},
        dynamicAgents: {enabled: false, dmCreateAgent: true, groupEnabled: true, adminUsers: []},
      }},
      backends: {
        default: {type: "echo"},
        gpt: {type: "openai", baseUrl: "http://127.0.0.1:11434/v1", model: "small", apiKey: {env: "OPENAI_API_KEY"},
              system: "Be brief.", vision: true, tools: ["weather"], timeoutSeconds: 600},
        script: {type: "command", command: ["./answer.py"], timeoutSeconds: 600},
        flow: {type: "http", url: "http://127.0.0.1:9000/chat", headers: {"X-Key": "headerSecret"}},
      },
      tools: {weather: {description: "Tells the weather", parameters: {type: 'object'}, command: ["./weather.sh"]}},
      bindings: [{backend: "gpt", match: {account: "default", group: "wrGROUP", user: "lin.wei"}}],
      cron: [{name: "brief", cron: "0 9 * * 1-5", tz: "Asia/Shanghai", message: "Good morning", session: "isolated", announce: true, account: "default", to: "party:1"}],
      delivery: {onUnknown: "auto", keepDays: 30},
      limits: {concurrentTasks: 64, queuedPerConversation: 20, perConversationPerMinute: 30, perConversationPerHour: 1000},
      sessions: {busy: "queue", mergeSeconds: 0.8, idleResetHours: 0},
      gateway: {listen: "127.0.0.1:18789", admin: "127.0.0.1:18790", adminToken: {env: "ADMIN_TOKEN"}, stateDir: "~/.wecom-aibot",
                stopSeconds: 25, log: {level: "info", format: "text", messageText: false}},
    }
    """

/// The secrets that `canonicalSample` refers to.
let canonicalEnvironment = [
    "WECOM_BOT_SECRET": "plantedBotSecret", "OPENAI_API_KEY": "plantedKey", "ADMIN_TOKEN": "plantedAdmin",
]
/// The files that `canonicalSample` refers to.
let canonicalFiles = ["/run/secrets/corp": "plantedCorpSecret\n"]
/// Every secret of `canonicalSample`.
let plantedSecrets = [
    "plantedBotSecret", "plantedKey", "plantedAdmin", "plantedCorpSecret", "tokenOne", "tokenTwo", "tokenThree",
    sampleKey, "headerSecret",
]
