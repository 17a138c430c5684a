import Shared
import Testing

@testable import WebhookCompat

@Suite("Callbacks of an application, random")
struct AgentCallbackFuzzTests {
    private static let names = [
        "FromUserName", "ToUserName", "CreateTime", "MsgType", "MsgId", "Event", "EventKey", "TaskId", "ChangeType",
        "Content",
        "MediaId", "Recognition", "Location_X", "Label", "ChatId", "SelectedItems", "SelectedItem", "QuestionKey",
        "OptionIds",
        "OptionId", "ResponseCode", "CardType", "FileName", "Url",
    ]
    private static let values = [
        "", "sys", "SYS", "lin.wei", "text", "event", "voice", "image", "location", "link", "template_card_event",
        "subscribe",
        "change_contact", "click", "/new", "-9223372036854775808", "9223372036854775807", "1767225600", "\u{0}", " \n",
        String(repeating: "长", count: 300),
    ]

    private static func element(_ random: inout SeededGenerator, _ name: String, depth: Int) -> CallbackElement {
        func pick(_ list: [String]) -> String { list[Int(random.next() % UInt64(list.count))] }
        var element = CallbackElement(name: name)
        if depth > 0 {
            for _ in 0..<Int(random.next() % 9) {
                element.children.append(Self.element(&random, pick(names), depth: depth - 1))
            }
        }
        element.text = pick(values)
        return element
    }

    @Test(
        "AG-2: whatever the elements are, keys are short, nothing takes replies, and nobody is nobody",
        arguments: [1, 2, 3])
    func random(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let decoder = AgentCallbackDecoder(account: "a")
        var messages = 0
        for _ in 0..<3_000 {
            let root = Self.element(&random, "xml", depth: 4)
            let callback = decoder.decode(root, receivedAt: 5)
            #expect(callback == decoder.decode(root, receivedAt: 5))
            switch callback {
            case .event(.message(let message, let route)):
                messages += 1
                #expect(!message.id.rawValue.isEmpty && message.id.rawValue.utf8.count <= 128)
                #expect(!route.takesReplies && !message.sender.id.rawValue.isEmpty)
                #expect(message.sender.id.rawValue.lowercased() != "sys" && message.createdAt >= 0)
            case .event(.other(let id, _)), .directoryChanged(let id): #expect(id.rawValue.utf8.count <= 128)
            case .greeting(let greeting): #expect(!greeting.user.rawValue.isEmpty)
            case .ignored: break
            case .event: Issue.record("not an event of an application")
            }
        }
        #expect(messages > 300)
    }
}
