import Foundation
import WebhookCompat

let environment = ProcessInfo.processInfo.environment
guard let token = environment["WECOM_BOT_TOKEN"], let key = environment["WECOM_BOT_AES_KEY"] else {
    print("Set WECOM_BOT_TOKEN and WECOM_BOT_AES_KEY (and WECOM_LISTEN for another address than 127.0.0.1:18789).")
    exit(2)
}
guard let listen = NetworkAddress(environment["WECOM_LISTEN"] ?? "127.0.0.1:18789") else {
    print("WECOM_LISTEN is not HOST:PORT.")
    exit(2)
}

// The platform calls http://HOST:PORT/wecom/bot, by way of whatever terminates TLS in front.
let bot = try WebhookBotService(token: token, encodingAESKey: key, listen: listen)
try await bot.run { message, reply in
    try await reply.append("You said: " + message.text)
}
