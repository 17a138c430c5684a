/// Recognizes keys of older forms of the file, and says what to write instead. Reading those forms themselves has its
/// place here too.
enum ConfigurationShapes {
    /// What is wrong and what to write, for a key that is not canonical; nil when it is not known from an older form.
    static func advice(for path: JSON5Path) -> (problem: String, fix: String)? {
        let keys = path.segments.map { segment -> String in
            if case .key(let key) = segment { return key }
            return ""
        }
        guard keys.first == "channels", keys.count >= 2 else { return nil }
        if keys.count == 2, ["wecom_aibot", "wecomAibot", "wecom-aibot"].contains(keys[1]) {
            return (
                "this older form of the file is not read",
                "Write its bot_id and secret as botId and secret at channels.wecom.accounts.aibot.bot"
            )
        }
        guard keys[1] == "wecom" else { return nil }
        if let key = keys.last, thirdPartyKeys.contains(key) {
            return (
                "this key is one of a third-party application (suite), which is not supported",
                "Make a self-built application in the admin console and write its corpId, agentId and corpSecret at agent"
            )
        }
        if keys.count == 3 { return flatKey(keys[2], account: "channels.wecom.accounts.default") }
        if keys.count == 5, keys[2] == "accounts" {
            return flatKey(keys[4], account: JSON5Path("channels", "wecom", "accounts", keys[3]).description)
        }
        return nil
    }

    /// Keys that older files have straight at the channel or account, and where they belong in `bot`.
    private static let botKeys = [
        "botId": "botId", "bot_id": "botId", "wsUrl": "wsUrl", "ws_url": "wsUrl", "websocketUrl": "wsUrl",
        "websocket_url": "wsUrl", "receiveId": "receiveId", "webhookPath": "webhookPath", "welcomeText": "welcomeText",
        "welcome_text": "welcomeText", "welcome_message": "welcomeText", "welcomeMessage": "welcomeText", "dm": "dm",
        "reply_timeout": "replyTimeoutSeconds", "max_steps": "maxSteps",
        "processing_message": "streamPlaceholderContent", "streamPlaceholderContent": "streamPlaceholderContent",
        "dmPolicy": "dm.policy", "allowFrom": "dm.allowFrom", "allow_from": "dm.allowFrom",
    ]

    /// The same for `agent`.
    private static let agentKeys = [
        "corpId": "corpId", "corp_id": "corpId", "corpSecret": "corpSecret", "agentId": "agentId",
        "agent_id": "agentId", "webhookToken": "token", "webhookUrl": "webhookPath", "accessToken": "accessToken",
        "apiBaseUrl": "apiBaseUrl",
    ]

    /// Keys of applications that a provider makes for many enterprises.
    private static let thirdPartyKeys: Set<String> = [
        "suiteId", "suite_id", "suiteSecret", "suite_secret", "suiteTicket", "suite_ticket", "suiteToken",
        "permanentCode", "permanent_code", "providerSecret", "provider_secret", "authCorpId", "auth_corpid",
    ]

    private static func flatKey(_ key: String, account: String) -> (problem: String, fix: String)? {
        let problem = "this key belongs to a bot or agent"
        if let name = botKeys[key] { return (problem, "Write \(account).bot.\(name)") }
        if let name = agentKeys[key] { return (problem, "Write \(account).agent.\(name)") }
        switch key {
        case "secret":
            return (problem, "Write \(account).bot.secret, or \(account).agent.corpSecret beside a corpId")
        case "token":
            return (problem, "Write \(account).bot.token, or \(account).agent.token beside a corpId")
        case "encodingAESKey", "encoding_aes_key":
            return (problem, "Write \(account).bot.encodingAESKey, or \(account).agent.encodingAESKey beside a corpId")
        case "defaultAccountId": return ("this key has another name now", "Write channels.wecom.defaultAccount")
        case "apiType": return ("this key is not needed", "Remove it")
        default: return nil
        }
    }
}
