public import Shared

/// What the webhook transports can carry. Their callbacks and API calls come with them; the data is here already, so that
/// plans and reports speak of every channel.
public enum WebhookChannels {
    /// The bot in callback mode: bubbles are refreshed when the platform polls, pushes go by `response_url` alone.
    public static let bot = Capabilities(
        channel: "bot-webhook", conversations: [.direct, .group], streams: true, pushes: false, maxTextBytes: 20_480,
        replyWindow: .seconds(360), streamWindow: .seconds(330), welcomeWindow: .seconds(5),
        mediaIn: [.image, .file, .video], mediaOut: [.image], cards: true, hasSession: false, bubblesPerMessage: 1,
        lateReply: .init(window: .seconds(3_600), cards: [.direct]),
        bubbleImages: .init(count: 10, bytes: 10_000_000, totalBytes: 16 << 20))

    /// The self-built application: whole messages by the server API.
    public static let agent = Capabilities(
        channel: "agent", conversations: [.direct], streams: false, pushes: true, maxTextBytes: 2_048,
        replyWindow: .zero, streamWindow: .zero, welcomeWindow: nil, mediaIn: [.image, .voice, .video, .file],
        mediaOut: [.image, .voice, .video, .file], cards: true, hasSession: false)
}
