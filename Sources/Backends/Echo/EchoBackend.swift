public import Shared

/// Answers with what it was sent. As a demo it also knows words that show what an answer can be.
///
/// Demo words (`help` lists them) match the whole text, in Chinese or English, whatever the case.
public struct EchoBackend: Backend {
    /// It answers every message by itself.
    public let keepsSessions = false

    private let demo: Bool
    private let clock: any MonotonicClock

    /// Creates the backend.
    ///
    /// - Parameters:
    ///   - demo: whether the demo words work and the echo is streamed in small pieces.
    ///   - clock: paces the demo's answers.
    public init(demo: Bool, clock: any MonotonicClock) {
        self.demo = demo
        self.clock = clock
    }

    /// Echoes the message, or performs the demo word.
    public func answer(_ request: BackendRequest, to reply: any Replying) async throws {
        let message = request.message
        let language = Language(of: message.text)
        guard demo else {
            try await reply.append(MessageEcho.text(of: message, language: language))
            return
        }
        guard let word = DemoWord(message.text) else {
            let echo = MessageEcho.text(of: message, language: language)
            let greeting = language.pick("收到!你发来的是:\n\n", "Got it! You sent:\n\n")
            let hint = language.pick("\n\n(发送 `帮助` 看看还能做什么。)", "\n\n(Send `help` to see what else I can do.)")
            try await stream(greeting + echo + hint, to: reply)
            return
        }
        try await perform(word, language: language, to: reply)
    }

    private func perform(_ word: DemoWord, language: Language, to reply: any Replying) async throws {
        switch word {
        case .help: try await stream(DemoTexts.help(language), to: reply)
        case .long: try await stream(DemoTexts.long(), pieceLength: 60, pause: .milliseconds(25), to: reply)
        case .table: try await stream(DemoTexts.table(language), to: reply)
        case .code: try await stream(DemoTexts.code(language), to: reply)
        case .slow:
            try await pause(for: .seconds(8))
            try await stream(
                language.pick(
                    "让你久等了:刚才 8 秒我什么都没说,所以你先看到了提示。",
                    "Thanks for waiting: I was silent for 8 seconds, so you saw hints first."),
                to: reply)
        case .think:
            for piece in pieces(of: DemoTexts.thoughts(language), length: 8) {
                try await reply.think(piece)
                try await pause(for: .milliseconds(60))
            }
            try await stream(language.pick("想好了:答案是 **42**。", "Done thinking: the answer is **42**."), to: reply)
        case .fail:
            throw BackendFailure(
                userText: language.pick(
                    "演示:后端出错了。真实的故障也会这样清楚地告诉你。", "Demo: the backend failed. A real failure is told just as clearly."),
                detail: "demo word: fail")
        }
    }

    private func stream(
        _ text: String, pieceLength: Int = 12, pause length: Duration = .milliseconds(60), to reply: any Replying
    ) async throws {
        for piece in pieces(of: text, length: pieceLength) {
            try await reply.append(piece)
            try await pause(for: length)
        }
    }

    private func pause(for length: Duration) async throws {
        try await clock.sleep(until: clock.now.advanced(by: length), tolerance: nil)
    }

    private func pieces(of text: String, length: Int) -> [String] {
        var pieces: [String] = []
        var rest = text[...]
        while !rest.isEmpty {
            pieces.append(String(rest.prefix(length)))
            rest = rest.dropFirst(length)
        }
        return pieces
    }
}

/// Words that the demo answers specially.
enum DemoWord: CaseIterable, Sendable {
    case help
    case long
    case table
    case code
    case slow
    case think
    case fail

    /// Names in English and Chinese.
    var names: (english: String, chinese: [String]) {
        switch self {
        case .help: ("help", ["帮助"])
        case .long: ("long", ["长文"])
        case .table: ("table", ["表格"])
        case .code: ("code", ["代码"])
        case .slow: ("slow", ["慢", "慢慢来"])
        case .think: ("think", ["思考"])
        case .fail: ("fail", ["失败", "出错"])
        }
    }

    /// Word that the whole text is, spaces around it aside.
    init?(_ text: String) {
        guard text.utf8.count <= 64 else { return nil }
        let word = text.lowercased().filter { !$0.isWhitespace }
        guard let match = Self.allCases.first(where: { $0.names.english == word || $0.names.chinese.contains(word) })
        else { return nil }
        self = match
    }
}

/// Plain words for everything that a message carries.
enum MessageEcho {
    static func text(of message: InboundMessage, language: Language) -> String {
        var blocks: [String] = []
        if !message.text.isEmpty { blocks.append(message.text) }
        let others = message.parts.compactMap { Self.name(of: $0, language: language) }
        if !others.isEmpty {
            let list = others.joined(separator: language.pick("、", ", "))
            blocks.append(language.pick("附件:", "Attachments: ") + list)
        }
        if let quote = message.quote {
            let names = quote.parts.compactMap { Self.name(of: $0, language: language) }
            let shown = (quote.text.isEmpty ? [] : [quote.text]) + names
            blocks.append(language.pick("引用:", "Quoted: ") + shown.joined(separator: language.pick("、", ", ")))
        }
        if let click = message.click {
            blocks.append(language.pick("点击了:", "Clicked: ") + click.eventKey)
        }
        return blocks.isEmpty ? language.pick("(空消息)", "(empty message)") : blocks.joined(separator: "\n\n")
    }

    /// Words for a part that is not text; nil for text.
    static func name(of part: MessagePart, language: Language) -> String? {
        switch part {
        case .text, .voice: return nil
        case .unknown(let type): return type
        case .media(let media):
            let kind =
                switch media.kind {
                case .image: language.pick("图片", "image")
                case .file: language.pick("文件", "file")
                case .video: language.pick("视频", "video")
                case .voice: language.pick("语音", "voice")
                }
            return media.name.map { kind + " " + $0 } ?? kind
        }
    }
}
