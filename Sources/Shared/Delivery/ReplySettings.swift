/// What is done about a message without an ack that is not idempotent (`delivery.onUnknown`).
public enum OnUnknown: String, Hashable, Sendable {
    /// Believed once anything sent later was acknowledged; sent again when its line died without that.
    case auto
    /// The same, and sent again once after the ack time-out.
    case resend
    /// Never sent again.
    case drop
}

/// How answers are shown while they grow. Times are measured on the monotonic clock.
public struct ReplySettings: Hashable, Sendable {
    /// Age of a bubble at which it is sealed and the answer is pushed instead. Safe under both documented windows (6 and
    /// 10 minutes).
    public var maxBubbleAge: Duration = .seconds(330)
    /// Least time between two refreshes of a bubble; doubled after one minute, tripled after three. Zero: the acks alone set
    /// the pace.
    public var minInterval: Duration = .seconds(1)
    /// Wait after a frame for which the connection had no room, or which the platform was too busy for.
    var roomPause: Duration { max(minInterval, .milliseconds(100)) }
    /// Silence after which the first hint replaces the waiting dots. Zero: no hints.
    public var firstHintAfter: Duration = .seconds(5)
    /// Time between further hints. Zero: only the first.
    public var hintEvery: Duration = .seconds(30)
    /// Texts of hints, in turn. Empty: no hints.
    public var hints: [String] = [
        "正在处理，请稍候… / Working on it…", "还在处理中，可以先忙别的，完成后会显示在这里。 / Still working; the answer will appear here.",
        "这个问题需要多一点时间… / This one takes a little longer…",
    ]
    /// First content of a bubble. The default makes the client show its animated dots.
    public var opening = "<think></think>"
    /// Whether every piece of a growing answer gets a frame of its own, and the handler waits for it, instead of the newest
    /// text as often as acks allow. For measurements against clients that work like that.
    public var sendsEveryDelta = false
    /// Whether the answer is shown while it grows, or only when it is complete.
    public var showsGrowth = true
    /// Time to wait for an ack; an unanswered snapshot holds the next one back for as long again.
    public var ackTimeout: Duration = .seconds(10)
    /// Silence after an unanswered final or message, with its session alive, that means that it was delivered. Longer than a
    /// dead connection can go unnoticed (75 s).
    public var assumeAfter: Duration = .seconds(75)
    /// What is done about a message that may or may not have arrived. Bubbles are always sent again: that shows nothing twice.
    public var onUnknown = OnUnknown.auto
    /// Most repetitions of one message whose line ended before the ack; after that it counts as delivered.
    public var maxRepeats = 5
    /// Age of a message from which on an answer that is pushed says it. Zero: never.
    public var ageNoticeAfter: Duration = .seconds(600)
    /// How long an answer that cannot be delivered is kept.
    public var keepFor: Duration = .seconds(24 * 3600)
    /// How long the line may be gone before a complete answer takes the fallback.
    public var fallbackAfter: Duration = .seconds(60)
    /// What to do with reasoning.
    public var reasoning: ReasoningFilter.Mode = .drop
    /// Bytes of a bubble kept free for notices.
    public var noticeBytes = 512
    /// Longest answer of one task in bytes.
    public var maxAnswerBytes = 8 << 20
    /// Most files and cards of an answer; what comes beyond is left out, and said so.
    public var maxAttachments = 50
    /// Texts that the program itself says.
    public var words = ReplyWords()

    /// Creates the defaults.
    public init() {}
}

/// What the program itself says to people, in Chinese and English.
public struct ReplyWords: Hashable, Sendable {
    /// End of a bubble that was sealed before the answer was there.
    public var handOver = "⏳ 回答还没完成，好了会另发一条消息。 / Not finished yet; the answer will come as a new message."
    /// The same where the answer will come by the fallback.
    public var handOverByFallback =
        "⏳ 回答还没完成，好了会通过应用消息单独发给你。 / Not finished yet; the answer will come as a direct message from the app."
    /// End of a bubble whose answer cannot come later by any way.
    public var overdue = "⌛ 处理超时，回答未能完成，请再问一次。 / This took too long and could not be finished; please ask again."
    /// Answer without anything visible in it.
    public var empty = "（没有内容可以显示。/ Nothing to show.）"
    /// Failure without words of its own.
    public var failed = "⚠️ 抱歉，处理时出错了，请稍后再试。 / Sorry, something went wrong. Please try again later."
    /// Stopped by `/stop`.
    public var stopped = "⏹ 已停止。 / Stopped."
    /// Program is shutting down.
    public var interrupted = "⚠️ 服务正在重启，请稍后再发一次。 / The service is restarting. Please send it again in a moment."
    /// End of a bubble whose answer the next run of the program will bring.
    public var parked = "⏸ 服务正在重启，回答稍后会另发一条消息。 / The service is restarting; the answer will come as a new message."
    /// Message whose answer made the program end several times.
    public var gaveUp = "⚠️ 抱歉，这条消息多次处理失败，已停止重试。 / Sorry, this message failed several times and is not tried again."
    /// Message that cannot be taken because it cannot be written down.
    public var notAccepted =
        "⚠️ 服务暂时无法受理新消息，请稍后再发。 / New messages cannot be taken right now. Please send it again later."
    /// Bubble of an answer that is a file or a card.
    public var seeBelow = "👇 请看下面的消息。 / See the message below."
    /// Card that cannot be shown.
    public var badCard = "⚠️ 这张卡片的内容有误，无法显示。 / The card is malformed and cannot be shown."
    /// Bubble that this program does not know.
    public var bubbleGone = "⌛ 这条消息已过期，请再问一次。 / This message has expired; please ask again."
    /// Content refused by the platform's check.
    public var refused = "⚠️ 这条回答未能通过平台的内容检查。 / The platform refused to show this answer."
    /// Answer longer than the bound.
    public var tooLong = "⚠️ 回答过长，后面的内容未能显示。 / The answer is too long; the rest is not shown."

    /// More files and cards than an answer may have.
    public var tooManyAttachments =
        "⚠️ 附件和卡片太多，后面的没有发送。 / Too many files and cards; the rest is not sent."

    /// Message of a kind that this version does not understand.
    public var unknownKind = "🤔 这类消息暂时还看不懂，请用文字再说一次。 / I cannot read this kind of message yet; please say it in text."
    /// Voice message of which nothing was understood.
    public var emptyVoice = "🎙 没有听清，请再说一次或改用文字。 / I could not make that out; please say it again or type it."
    /// Mention without a word.
    public var bareMention = "在呢，请直接说要做什么。 / Yes? Tell me what you need."
    /// Attachment that cannot be read.
    public var attachment = "📎 收到了附件，但目前还不能读取其中的内容。 / I got the attachment, but cannot read what is in it yet."
    /// Too many messages waiting in the conversation.
    public var queueFull =
        "🚦 这个会话里等待的消息太多了，这条没有受理，请稍后再发。 / Too many messages are waiting here; this one was not taken. Please send it again later."
    /// Confirmation of `/new` and `/reset`.
    public var newSession = "🆕 已开始新的会话。 / New session."
    /// Answer to `/help`.
    public var help = """
        可用命令 / Commands:
        - `/new`, `/reset` 开始新的会话 / new session
        - `/stop` 停止正在进行的任务 / stop what is running
        - `/status` 查看状态 / show status
        - `/help` 显示本帮助 / show this
        """
    /// Nothing to stop.
    public var nothingToStop = "没有正在进行的任务。 / Nothing is running."

    /// Beginning of an answer to a message of long ago.
    public func late(_ age: Duration) -> String {
        let minutes = max(1, Int(age.inSeconds / 60))
        let (chinese, english) =
            minutes < 120
            ? ("\(minutes) 分钟", "\(minutes) minutes")
            : minutes < 2_880
                ? ("\(minutes / 60) 小时", "\(minutes / 60) hours")
                : ("\(minutes / 1_440) 天", "\(minutes / 1_440) days")
        return "🕗 这是对 \(chinese)前那条消息的回答。 / Answer to your message of \(english) ago."
    }

    /// Answer to `/status`: messages at work and waiting in this conversation, and its session.
    public func status(running: Int, waiting: Int, session: Int) -> String {
        "✅ 在线。正在处理 \(running) 条，等待 \(waiting) 条，会话 \(session + 1)。 / Online; \(running) at work, \(waiting) waiting, session \(session + 1)."
    }

    /// Confirmation of `/stop`.
    public func stopping(_ count: Int) -> String { "⏹ 已停止 \(count) 项任务。 / Stopped \(count)." }

    /// File of an answer that this channel does not take.
    public func cannotSend(_ name: String) -> String { "📎 \(name)：这里不能发送文件。 / \(name): files cannot be sent here." }

    /// File that the platform did not take.
    public func notSent(_ name: String) -> String {
        "📎 \(name)：文件没能发出去，请稍后再试。 / \(name): the file could not be sent. Please try again later."
    }

    /// File or card that another channel delivers.
    public func sentByFallback(_ name: String) -> String {
        "📎 \(name) 已通过应用消息单独发给你。 / \(name): sent to you as a direct message from the app."
    }

    /// End of an answer whose whole text follows as a file.
    public func attached(_ name: String, _ bytes: Int) -> String {
        "📄 回答较长，全文见附件 \(name)（\((bytes + 1_023) / 1_024) KB）。 / The whole answer is attached: \(name)."
    }

    /// Bubble of a message that waits for others of its conversation.
    public func queued(ahead: Int) -> String {
        "⏳ 前面还有 \(ahead) 条消息，处理完就轮到这条。 / \(ahead) ahead of this one."
    }

    /// Creates the defaults.
    public init() {}
}
