import ArgumentParser
import Foundation
import Simulator

/// The simulated bot's other sides: callback mode, and the application.
struct CallbackOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Where the bot's callbacks are posted.", valueName: "url"))
    var callbackUrl: String?

    @Option(help: "Token of the bot's callbacks.")
    var token: String?

    @Option(help: "EncodingAESKey of the bot's callbacks, 43 letters and digits.")
    var encodingAesKey: String?

    @Option(help: "The application's enterprise.")
    var corpId: String?

    @Option(help: "The application's secret.")
    var corpSecret: String?

    @Option(help: "The application's number.")
    var agentId: Int?

    @Option(help: ArgumentHelp("Where the application's callbacks are posted.", valueName: "url"))
    var agentCallbackUrl: String?

    @Option(help: "Token of the application's callbacks.")
    var agentToken: String?

    @Option(help: "EncodingAESKey of the application's callbacks.")
    var agentEncodingAesKey: String?

    func validate() throws {
        try whole([callbackUrl, token, encodingAesKey], "--callback-url, --token and --encoding-aes-key")
        try whole([corpId, corpSecret, agentId.map(String.init)], "--corp-id, --corp-secret and --agent-id")
        try whole(
            [agentCallbackUrl, agentToken, agentEncodingAesKey],
            "--agent-callback-url, --agent-token and --agent-encoding-aes-key")
        if agentCallbackUrl != nil, corpId == nil {
            throw ValidationError("--agent-callback-url needs --corp-id, --corp-secret and --agent-id")
        }
        for key in [encodingAesKey, agentEncodingAesKey].compactMap({ $0 }) {
            guard key.count == 43, key.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) }) else {
                throw ValidationError("an EncodingAESKey has 43 letters and digits")
            }
        }
    }

    private func whole(_ values: [String?], _ names: String) throws {
        let given = values.filter { $0 != nil }.count
        guard given == 0 || given == values.count else { throw ValidationError("give all of \(names), or none") }
    }

    /// The bot in callback mode; nil: none.
    var webhook: WebhookSide? {
        guard let callbackUrl, let token, let encodingAesKey else { return nil }
        return WebhookSide(callbackURL: callbackUrl, token: token, encodingAESKey: encodingAesKey)
    }

    /// The application; nil: none.
    var app: ApplicationSide? {
        guard let corpId, let corpSecret, let agentId else { return nil }
        var app = ApplicationSide(corpID: corpId, secret: corpSecret, agentID: agentId)
        app.callbackURL = agentCallbackUrl
        app.token = agentToken ?? ""
        app.encodingAESKey = agentEncodingAesKey ?? ""
        return app
    }
}
