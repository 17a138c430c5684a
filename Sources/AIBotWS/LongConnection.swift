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
    private let clock: any MonotonicClock

    /// Creates the channel of one session.
    ///
    /// - Parameter clock: times the waits of uploads.
    public init(_ session: SessionRunner, clock: any MonotonicClock = SystemMonotonicClock()) {
        self.session = session
        self.clock = clock
    }

    /// What the long connection can carry.
    public var capabilities: Capabilities { Self.capabilities }

    /// Runs on the session, which lives on the transport's thread.
    public func run<Result: Sendable>(
        _ body: nonisolated(nonsending) @Sendable () async -> Result
    ) async -> Result { await session.run(body) }

    /// Sends the frame of an operation and waits for its outcome.
    public nonisolated(nonsending) func perform(
        _ operation: ChannelOperation, late: (@Sendable (LateVerdict) -> Void)?
    ) async -> SendOutcome {
        switch operation {
        case .stream(let route, let id, let content, let finish, let feedback):
            let frame = OutboundFrame.stream(
                ReqID(route.key), id: id, content: content, finish: finish, feedback: feedback)
            return await session.send(frame, late: late)
        case .seal(let route, let id, let content, _, let feedback):
            // Pictures are messages of their own here; whoever plans by the capabilities sends none along.
            let frame = OutboundFrame.stream(
                ReqID(route.key), id: id, content: content, finish: true, feedback: feedback)
            return await session.send(frame, late: late)
        case .reply(let route, let markdown, let feedback):
            return await session.send(.markdownReply(ReqID(route.key), markdown, feedback: feedback), late: late)
        case .push(let conversation, let markdown, let feedback):
            return await session.push(markdown, to: conversation, feedback: feedback, late: late)
        case .replyMedia(let route, let media):
            return await session.send(.mediaReply(ReqID(route.key), media), late: late)
        case .pushMedia(let conversation, let media):
            return await session.send(.pushMedia(await session.nextReqID(.send), to: conversation, media), late: late)
        case .replyCard(let route, let json):
            return await send(json, late) { .cardReply(ReqID(route.key), $0) }
        case .pushCard(let conversation, let json):
            let id = await session.nextReqID(.send)
            return await send(json, late) { .pushCard(id, to: conversation, $0) }
        case .updateCard(let route, let json):
            return await send(json, late) { .updateCard(ReqID(route.key), $0) }
        case .welcome(let route, let text):
            return await session.send(.welcome(ReqID(route.key), text: text), late: late)
        }
    }

    /// A card that is no JSON object is refused here, with the number that the platform has for it.
    private nonisolated(nonsending) func send(
        _ json: String, _ late: (@Sendable (LateVerdict) -> Void)?, frame: (JSONValue) -> OutboundFrame
    ) async -> SendOutcome {
        guard let card = try? JSONValue(parsing: json.utf8), case .object = card else {
            return .rejected(PlatformError(code: 40_058))
        }
        return await session.send(frame(card), late: late)
    }

    /// Uploads a file in pieces; two at a time and session, others wait. Goes on over a reconnect.
    public func upload(_ media: OutboundMedia, progress: (@Sendable (Int) -> Void)?) async -> UploadOutcome {
        await MediaUpload(session: session, clock: clock).upload(media, progress: progress)
    }
}
