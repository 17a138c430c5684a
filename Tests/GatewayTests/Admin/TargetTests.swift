import Shared
import Testing

@Suite("Targets")
struct TargetTests {
    @Test(
        "push.afterRestart: P11, AG-5: every form of a target is read, and read back from what is written",
        arguments: [
            ("user:lin.wei", Target.user("lin.wei")), ("lin.wei", .user("lin.wei")), ("LinWei", .user("LinWei")),
            ("wecom:lin.wei", .user("lin.wei")), ("wecom:user:lin.wei", .user("lin.wei")),
            ("group:wrABCdef", .group("wrABCdef")), ("wrABCdefABCdefABCdefA", .group("wrABCdefABCdefABCdefA")),
            ("wecom:wcABCdefABCdefABCdefA", .group("wcABCdefABCdefABCdefA")), ("wright", .user("wright")),
            ("wecom:group:wrABCdef", .group("wrABCdef")),
            ("user:wren", .user("wren")), ("group:other", .group("other")), ("Group:wrA", .group("wrA")),
            ("party:1", .department("1")), ("dept:3", .department("3")), ("7", .department("7")),
            ("user:7", .user("7")),
            ("chat:wrX", .group("wrX")), ("wecom:chat:wrX", .group("wrX")), ("department:2", .department("2")),
            ("wecom:department:2", .department("2")),
            ("tag:Ops", .tag("Ops")), ("wecom:tag:developer", .tag("developer")), ("tag:运维", .tag("运维")),
            ("user:a@b_c-d", .user("a@b_c-d")),
        ])
    func forms(text: String, expected: Target) throws {
        let target = try Target(text)
        #expect(target == expected)
        #expect(try Target(target.description) == expected)
        #expect(try Target("wecom:" + target.description) == expected)
    }

    @Test(
        "push.afterRestart: P11: a target that cannot be read is refused with a sentence",
        arguments: [
            "", "user:", "wecom:", "wecom:user:", "group: wr1", "user:a b", "party:sales", "party:", "webhook:abc",
            "nobody:x", "user:a:b", "wecom:wecom:x", "user:\u{7}", "user:" + String(repeating: "x", count: 257),
        ])
    func mistakes(text: String) throws {
        let error = try #require(throws: GatewayError.self) { try Target(text) }
        #expect(error.code == .invalidConfiguration && error.message.contains("target '"))
    }

    @Test("push.afterRestart: P11, AG-5: a bot writes to users and groups; for the rest the sentence names the Agent")
    func reach() throws {
        #expect(try Target("lin.wei").botConversation() == Conversation(kind: .direct, id: "lin.wei"))
        #expect(try Target("group:wrX").botConversation() == Conversation(kind: .group, id: "wrX"))
        for text in ["party:1", "tag:Ops"] {
            let error = try #require(throws: GatewayError.self) { try Target(text).botConversation() }
            #expect(error.message.hasPrefix("\(text): ") && error.message.contains("Agent"))
        }
    }
}
