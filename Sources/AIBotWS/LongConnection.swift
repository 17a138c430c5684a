public import Shared

/// The long connection as a channel: what it can carry, and the frames that carry it.
public struct LongConnection: Channel {
    /// Transport name.
    public static let name = "aibot-ws"

    /// What the long connection can carry (protocol reference, sections 8 to 13).
    public static let capabilities = Capabilities(
        channel: name, conversations: [.direct, .group], streams: true, pushes: true, maxTextBytes: 20_480,
        replyWindow: .seconds(600), streamWindow: .seconds(330), welcomeWindow: .seconds(5),
        mediaIn: [.image, .file, .video], mediaOut: [.image, .file, .voice, .video], cards: true)

    private let session: SessionRunner

    /// Creates the channel of one session.
    public init(_ session: SessionRunner) { self.session = session }

    /// What the long connection can carry.
    public var capabilities: Capabilities { Self.capabilities }

    /// Sends the frame of an operation and waits for its outcome.
    public func perform(
        _ operation: ChannelOperation, late: (@Sendable (LateVerdict) -> Void)?
    ) async -> SendOutcome {
        switch operation {
        case .stream(let route, let id, let content, let finish, let feedback):
            let frame = OutboundFrame.stream(
                ReqID(route.key), id: id, content: content, finish: finish, feedback: feedback)
            return await session.send(frame, late: late)
        case .reply(let route, let markdown, let feedback):
            return await session.send(.markdownReply(ReqID(route.key), markdown, feedback: feedback), late: late)
        case .push(let conversation, let markdown, let feedback):
            return await session.push(markdown, to: conversation, feedback: feedback, late: late)
        case .replyCard, .pushCard, .replyMedia, .pushMedia, .updateCard:
            return .rejected(PlatformError(code: 40_008))
        case .welcome(let route, let text):
            return await session.send(.welcome(ReqID(route.key), text: text), late: late)
        }
    }
}
