import Foundation
import Shared

/// Writes the one JSON object that a command gets on its standard input and an HTTP service as its body.
enum RequestEncoder {
    /// What a media part carries in place of a path where nobody fetches attachments.
    static let attachmentError = "The attachment was not downloaded."

    /// JSON text of the request, on one line.
    static func encode(_ request: BackendRequest) throws -> [UInt8] {
        Array(try JSONEncoder.stable.encode(Body(request)))
    }

    /// Words for a click that came without text.
    static func describe(_ click: CardClick) -> String {
        let selected = click.selected.sorted { $0.key < $1.key }
            .map { "\($0.key)=\($0.value.joined(separator: ","))" }.joined(separator: "; ")
        let choice = selected.isEmpty ? "" : " with \(selected)"
        return "[The user clicked \(click.eventKey) on the card \(click.taskID)\(choice)]"
    }
}

private struct Body: Encodable {
    var message: Message
    var history: [History]
    var session: Session
    var attempt: Int

    init(_ request: BackendRequest) {
        message = Message(request.message)
        history = request.history.map { History(role: $0.role.rawValue, text: $0.text, at: $0.at) }
        session = Session(id: request.sessionID, workspace: request.workspace)
        attempt = request.attempt
    }
}

private struct History: Encodable {
    var role: String
    var text: String
    var at: Int64
}

private struct Session: Encodable {
    var id: String
    var workspace: String?
}

private struct Message: Encodable {
    var id: String
    var account: String
    var channel: String
    var conversation: Conversation
    var sender: Person
    var text: String
    var parts: [Part]
    var quote: QuotedMessage?
    var event: Event?
    var createdAt: Int64

    init(_ message: InboundMessage) {
        id = message.id.rawValue
        account = message.account.rawValue
        channel = message.channel
        conversation = message.conversation
        sender = Person(id: message.sender.id.rawValue, name: message.sender.name)
        parts = message.parts.map(Part.init)
        quote = message.quote.map(QuotedMessage.init)
        event = message.click.map(Event.init)
        createdAt = message.createdAt
        text = message.text.isEmpty ? message.click.map(RequestEncoder.describe) ?? "" : message.text
    }
}

private struct Person: Encodable {
    var id: String
    var name: String?
}

private struct Part: Encodable {
    var type: String
    var text: String?
    var path: String?
    var name: String?
    var mime: String?
    var size: Int?
    var error: String?

    init(_ part: MessagePart) {
        switch part {
        case .text(let words):
            type = "text"
            text = words
        case .voice(let transcript):
            type = "voice"
            text = transcript
        case .media(let media):
            type = media.kind.rawValue
            path = media.path
            name = media.name
            mime = media.mime
            size = media.bytes
            error = media.path == nil ? media.failure ?? RequestEncoder.attachmentError : nil
        case .unknown(let name):
            type = name
        }
    }
}

private struct QuotedMessage: Encodable {
    var type: String
    var text: String?
    var path: String?
    var error: String?

    init(_ quote: Quote) {
        type = quote.type
        text = quote.text.isEmpty ? nil : quote.text
        let media = quote.parts.lazy.compactMap { if case .media(let media) = $0 { media } else { nil } }.first
        path = media?.path
        error = media.flatMap { $0.path == nil ? $0.failure ?? RequestEncoder.attachmentError : nil }
    }
}

private struct Event: Encodable {
    var type = "template_card_event"
    var cardType: String
    var taskID: String
    var eventKey: String
    var selected: [String: [String]]

    private enum CodingKeys: String, CodingKey {
        case type
        case cardType = "card_type"
        case taskID = "task_id"
        case eventKey = "event_key"
        case selected
    }

    init(_ click: CardClick) {
        cardType = click.cardType
        taskID = click.taskID
        eventKey = click.eventKey
        selected = click.selected
    }
}
