import AIBotWS
import Foundation
public import Shared

extension Gateway: GatewayControl {
    /// Where every running account stands.
    public func status() async -> GatewayStatus {
        let statuses = accounts.map { account -> AccountStatus in
            let state = states[account.place]
            var status = AccountStatus(
                name: account.name, botID: BotID(account.botID), session: state.session, since: state.since)
            status.channel = account.channel
            status.openTurns = account.bot.openTurns
            status.waiting = account.bot.waitingTurns
            status.lastInboundAt = state.lastInboundAt
            return status
        }
        return GatewayStatus(
            version: version, pid: ProcessInfo.processInfo.processIdentifier,
            uptimeSeconds: startedAt.duration(to: clock.now).inSeconds, accounts: statuses)
    }

    /// Sends to every target through the connection of the account.
    ///
    /// - Throws: for an unknown account, a file that cannot be sent, a card that cannot be shown.
    public func send(_ request: SendRequest) async throws(GatewayError) -> [SendResult] {
        let sides = try running(request.account)
        let parts = try await parts(of: request.content, sides[0])
        return await withTaskGroup(of: (Int, SendResult).self) { group in
            var results: [Int: SendResult] = [:]
            for (index, target) in request.targets.enumerated() {
                // Enough for a broadcast; the quota of each conversation is minded by its engine.
                if index >= 16, let (done, result) = await group.next() { results[done] = result }
                group.addTask { (index, await send(parts, to: target, request, sides)) }
            }
            for await (index, result) in group { results[index] = result }
            return request.targets.indices.compactMap { results[$0] }
        }
    }

    private func send(
        _ parts: [PartContent], to target: Target, _ request: SendRequest, _ sides: [RunningAccount]
    ) async -> SendResult {
        do throws(GatewayError) {
            let (account, conversation) = try side(for: target, sides)
            let given = request.ledgerID(for: target).rawValue
            let key = given.isEmpty ? "\(UUID().uuidString.lowercased())@\(target)" : given
            _ = try await account.bot.push(named(parts), to: conversation, key: key)
            let tasks: [LedgerTask]
            do throws(LedgerTrouble) { tasks = try await ledger.trace(messageID: MessageID(key)) } catch {
                throw GatewayError(.closed, error.description)
            }
            guard let task = tasks.last(where: { $0.entry.message.account.rawValue == account.name }) else {
                throw GatewayError(.closed, "the ledger lost sight of it")
            }
            return SendResult(target: target, task: task, untrustedAddress: untrustedAddress(sides))
        } catch {
            return SendResult(target: target, refused: error)
        }
    }

    private func untrustedAddress(_ sides: [RunningAccount]) -> String? {
        sides.lazy.compactMap { $0.agent?.untrustedAddress }.first
    }

    /// The side of an account that reaches a target.
    private func side(
        for target: Target, _ sides: [RunningAccount]
    ) throws(GatewayError) -> (RunningAccount, Conversation) {
        guard let way = try configuration.wecom.accounts[sides[0].name]?.way(to: target) else {
            throw GatewayError(.closed, "the account is gone")
        }
        return (sides.first { ($0.agent != nil) == way.byAgent } ?? sides[0], way.conversation)
    }

    /// The sides of an account, at least one.
    private func running(_ name: String?) throws(GatewayError) -> [RunningAccount] {
        let wanted = try configuration.sendingAccount(name, of: accountNames)
        return accounts.filter { $0.name == wanted }
    }

    private func parts(
        of content: SendRequest.Content, _ account: RunningAccount
    ) async throws(GatewayError) -> [PartContent] {
        switch content {
        case .text(let text): return [.text(text)]
        case .markdown(let text): return [.text(text)]
        case .card(let json):
            do {
                let card = try TemplateCard(json: json)
                return [.card(json: card.json, taskID: card.taskID ?? "", text: card.text)]
            } catch {
                throw GatewayError(.invalidConfiguration, "the card cannot be shown: \(error)")
            }
        case .file(let path):
            let media = try await account.media.resolve(path: path)
            return [.media(path: media.path, kind: media.kind, name: media.name, bytes: media.bytes)]
        }
    }

    /// Every sent card has an id of its own, to each target another one.
    private func named(_ parts: [PartContent]) -> [PartContent] {
        parts.map { part in
            guard case .card(let json, "", let text) = part, let card = try? TemplateCard(json: json) else {
                return part
            }
            let named = card.withTaskID(nextCardID())
            return .card(json: named.json, taskID: named.taskID ?? "", text: text)
        }
    }

    /// Ends every wait for a connection, and takes replaced bots back. An account that is named gets a new connection even
    /// when it is online: it may be, and hear nothing.
    ///
    /// - Throws: for an account that does not run.
    public func reconnect(account: String?) async throws(GatewayError) -> [String] {
        let chosen = try account.map { name throws(GatewayError) in try running(name) } ?? accounts
        for side in chosen {
            if account == nil { await side.bot.reconnect() } else { await side.bot.renew() }
        }
        return chosen.map(\.name).reduce(into: []) { if $0.last != $1 { $0.append($1) } }
    }

    /// Makes a dead task deliverable again, and begins with it.
    public func retry(_ task: TaskID) async throws(LedgerTrouble) -> Bool {
        guard try await ledger.revive(task, at: wallClock.unixMilliseconds) else { return false }
        for account in accounts { await account.bot.takeUp(task) }
        return true
    }

    /// Gives a task up, and stops what is being done for it.
    public func drop(_ task: TaskID, at: Int64) async throws(LedgerTrouble) -> Bool {
        for account in accounts { account.bot.abandon(task) }
        return try await ledger.drop(task, at: at)
    }
}
