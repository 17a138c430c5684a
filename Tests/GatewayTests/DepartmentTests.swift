import Foundation
import Shared
import Testing

@testable import Gateway
@testable import Shared

/// Keeps the text of an answer.
private final class Answer: Replying, @unchecked Sendable {
    // Touched under `lock` alone.
    private let lock = NSLock()
    private var said = ""

    var text: String { lock.withLock { said } }
    func append(_ delta: String) { lock.withLock { said += delta } }
    func replace(with text: String) { lock.withLock { said = text } }
    func think(_ delta: String) {}
    func attach(_ attachment: Shared.Attachment) {}
}

@Suite("Groups of one department")
struct DepartmentTests {
    @Test(
        "GW-3: without an application nobody is known to be in a department, so nobody is answered",
        arguments: ["7", "Sales"])
    func withoutApplication(department: String) async throws {
        var account = GatewayConfiguration.Account()
        var settings = GatewayConfiguration.GroupSettings()
        settings.departmentID = department
        account.groups = ["wrFixture": settings]
        let log = LogCapture()
        let desk = DirectoryDesk(agent: nil, account: account, logger: log.logger)
        let handler = desk.wrap { _, reply in try await reply.append("answered") }
        var message = LedgerTask.sample().entry.message
        let refused = Answer()
        try await handler(message, refused)
        #expect(refused.text.contains("🔒"))
        #expect(log.text.contains("message kept out"))
        message.conversation = Conversation(kind: .group, id: "wrOther")
        let answered = Answer()
        try await handler(message, answered)
        #expect(answered.text == "answered")
    }
}
