public import Shared

extension GatewayConfiguration {
    /// Judges a send as the running program would, without sending.
    ///
    /// - Returns: name of the account that sends.
    /// - Throws: `GatewayError.invalidConfiguration` for an account that does not run, or the first target that cannot be
    ///   written to.
    public func check(_ request: SendRequest) throws(GatewayError) -> String {
        let running = wecom.enabledAccounts.filter { $0.value.bot.effectiveMode != nil || $0.value.agent.hasAnyKey }
        let name = try sendingAccount(request.account, of: running.keys.sorted())
        for target in request.targets { _ = try running[name]?.way(to: target) }
        return name
    }

    /// The account that sends: the one that is named, else the only one, else the default one.
    ///
    /// - Parameter names: accounts that run.
    func sendingAccount(_ name: String?, of names: [String]) throws(GatewayError) -> String {
        let wanted = name ?? (names.count == 1 ? names[0] : wecom.defaultAccount)
        guard names.contains(wanted) else {
            throw GatewayError(
                .invalidConfiguration, "no account \(wanted) runs; these do: \(names.joined(separator: ", "))")
        }
        return wanted
    }
}

extension GatewayConfiguration.Account {
    /// How a target is reached: by the bot where that can write first, else by the application.
    ///
    /// - Throws: `GatewayError.invalidConfiguration` for a target that neither reaches.
    func way(to target: Target) throws(GatewayError) -> (byAgent: Bool, conversation: Conversation) {
        guard agent.hasAnyKey else {
            let conversation = try target.botConversation()
            guard bot.effectiveMode == .websocket else {
                throw GatewayError(
                    .invalidConfiguration,
                    "\(target): a bot in callback mode cannot write first: it only answers. Give the account an agent, or "
                        + "connect the bot by the long connection (bot.botId and bot.secret)")
            }
            return (false, conversation)
        }
        switch target {
        case .user, .group: if bot.effectiveMode == .websocket { return (false, try target.botConversation()) }
        case .department, .tag: break
        }
        return (true, try target.agentConversation(allowGroupSend: agent.allowGroupSend))
    }
}
