import Logging
import Shared

/// What the directory of the enterprise says about whoever writes, asked through the application of an account. Without
/// one nobody is known, and nobody is in any department.
struct DirectoryDesk: Sendable {
    let agent: AgentDesk?
    let account: GatewayConfiguration.Account
    let logger: Logger

    private static let notMember =
        "🔒 这个群里只有指定部门的成员可以使用。 / In this group only members of a certain department are answered."
    private static let notKnown =
        "🔒 暂时无法核对你所在的部门，请稍后再试。 / Your department cannot be checked right now; please try again later."

    /// The same handler, which hears names, and is not asked for people outside the department that a group is limited to.
    func wrap(_ handler: @escaping MessageHandler) -> MessageHandler {
        { message, reply in
            if let line = await refusal(of: message) { return try await reply.append(line) }
            var message = message
            if message.sender.name == nil { message.sender.name = await agent?.name(of: message.sender.id) }
            try await handler(message, reply)
        }
    }

    /// What is said instead of an answer; nil to answer.
    private func refusal(of message: InboundMessage) async -> String? {
        guard message.conversation.kind == .group,
            let wanted = account.settings(forGroup: message.conversation.id).departmentID, !wanted.isEmpty
        else { return nil }
        var isMember: Bool?
        if let agent, let department = Int(wanted) {
            isMember = await agent.isMember(message.sender.id, of: department)
        }
        if isMember == true { return nil }
        logger.notice(
            "message kept out",
            metadata: .init([
                .messageID: message.id, .sender: message.sender.id,
                .reason: isMember == nil ? "department unknown" : "not in the department",
            ]))
        return isMember == nil ? Self.notKnown : Self.notMember
    }
}
