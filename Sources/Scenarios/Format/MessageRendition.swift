import AIBotWS
import Shared

/// Messages and events as JSON, for comparing them with what a scenario expects.
enum MessageRendition {
    static func message(_ message: InboundMessage) -> JSONValue {
        .dictionary([
            "id": .string(message.id.rawValue), "conversation": conversation(message.conversation),
            "sender": .string(message.sender.id.rawValue),
            "corporation": message.sender.corporation.map { .string($0) },
            "text": .string(message.text), "parts": .array(message.parts.map(part)),
            "quote": message.quote.map { quote in
                .dictionary([
                    "type": .string(quote.type), "text": .string(quote.text), "parts": .array(quote.parts.map(part)),
                ])
            },
            "click": message.click.map(click), "createdAt": .integer(Int(message.createdAt)),
        ])
    }

    static func event(_ event: InboundEvent) -> JSONValue {
        switch event {
        case .message(let message, let route):
            return .dictionary([
                "event": "message", "takesReplies": .bool(route.takesReplies), "route": .string(route.key),
                "message": self.message(message),
            ])
        case .enterChat(let id, let sender, let route):
            return .dictionary([
                "event": "enter_chat", "id": .string(id.rawValue), "sender": .string(sender.id.rawValue),
                "route": .string(route.key),
            ])
        case .feedback(let feedback): return self.feedback(feedback)
        case .other(let id, let type):
            return .dictionary(["event": "other", "id": .string(id.rawValue), "type": .string(type)])
        }
    }

    private static func feedback(_ feedback: Feedback) -> JSONValue {
        let verdict: JSONValue =
            switch feedback.verdict {
            case .accurate: "accurate"
            case .inaccurate: "inaccurate"
            case .withdrawn: "withdrawn"
            case .unknown(let number): .integer(number)
            }
        return .dictionary([
            "event": "feedback", "id": .string(feedback.id.rawValue), "feedbackID": .string(feedback.feedbackID),
            "verdict": verdict, "content": feedback.content.map { .string($0) },
            "reasons": .array(feedback.reasons.map { .integer($0) }),
            "conversation": conversation(feedback.conversation), "sender": .string(feedback.sender.id.rawValue),
        ])
    }

    private static func conversation(_ conversation: Conversation) -> JSONValue {
        .string("\(conversation.kind == .direct ? "single" : "group") \(conversation.id)")
    }

    private static func part(_ part: MessagePart) -> JSONValue {
        switch part {
        case .text(let text): .dictionary(["text": .string(text)])
        case .voice(let transcript): .dictionary(["voice": .string(transcript)])
        case .media(let media):
            .dictionary([
                "media": .string(media.kind.rawValue), "url": .string(media.url), "key": media.key.map { .string($0) },
                "name": media.name.map { .string($0) },
            ])
        case .unknown(let type): .dictionary(["unknown": .string(type)])
        }
    }

    private static func click(_ click: CardClick) -> JSONValue {
        var selected = JSONValue.object([])
        for (question, options) in click.selected.sorted(by: { $0.key < $1.key }) {
            selected = selected.setting(question, to: .array(options.map { .string($0) }))
        }
        return .dictionary([
            "card": .string(click.cardType), "task": .string(click.taskID), "key": .string(click.eventKey),
            "selected": selected,
        ])
    }
}
