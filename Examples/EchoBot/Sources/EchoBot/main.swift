import AIBotWS
import Foundation

let environment = ProcessInfo.processInfo.environment
guard let id = environment["WECOM_BOT_ID"], let secret = environment["WECOM_BOT_SECRET"] else {
    print("Set WECOM_BOT_ID and WECOM_BOT_SECRET (and WECOM_WS_URL for another endpoint than the platform's).")
    exit(2)
}

let bot = try AIBotClient(
    botID: BotID(id), secret: secret, url: environment["WECOM_WS_URL"] ?? AIBotClient.platformURL)

// The bubble opens at once and grows as text is added; it is sealed when the handler returns.
try await bot.run { message, reply in
    try await reply.append("You said: ")
    for word in message.text.split(separator: " ", omittingEmptySubsequences: false) {
        try await reply.append("\(word) ")
    }
}
