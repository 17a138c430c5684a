import Shared

/// What a person reads when something goes wrong, in the language that the message was evidently written in.
enum Language: Sendable, Equatable {
    case chinese
    case english

    /// English only for text with Latin letters and not one Han character; Chinese is the default.
    init(of text: String) {
        var sawLatin = false
        for scalar in text.unicodeScalars.prefix(4096) {
            switch scalar.value {
            case 0x2E80...0x9FFF, 0xF900...0xFAFF, 0x20000...0x3FFFF:
                self = .chinese
                return
            case 0x41...0x5A, 0x61...0x7A: sawLatin = true
            default: break
            }
        }
        self = sawLatin ? .english : .chinese
    }

    /// Picks one of two wordings.
    func pick(_ chinese: String, _ english: String) -> String { self == .chinese ? chinese : english }
}

/// Texts for the person, by what happened.
enum Wording {
    case cutOff
    case timedOut
    case busy
    case refused
    case unreachable
    case serviceFailed
    case tooLong
    case empty
    case programFailed

    func text(_ language: Language) -> String {
        switch self {
        case .cutOff: language.pick("回答在这里中断了,请重新提问。", "The answer was cut off here. Please ask again.")
        case .timedOut: language.pick("等待回答超时,请稍后再试。", "The answer took too long. Please try again later.")
        case .busy: language.pick("服务正忙,请稍后再试。", "The service is busy. Please try again later.")
        case .refused:
            language.pick(
                "AI 服务拒绝了请求,请联系管理员检查配置。",
                "The AI service refused the request. Please ask your administrator to check its settings.")
        case .unreachable:
            language.pick("暂时连接不上 AI 服务,请稍后再试。", "The AI service cannot be reached. Please try again later.")
        case .serviceFailed: language.pick("AI 服务出错了,请稍后再试。", "The AI service failed. Please try again later.")
        case .tooLong:
            language.pick("AI 服务返回的数据过大,回答已中断。", "The AI service sent too much data; the answer was cut off.")
        case .empty:
            language.pick("AI 服务没有返回内容,请换个说法再试。", "The AI service returned nothing. Please rephrase and try again.")
        case .programFailed: language.pick("处理程序出错了,请稍后再试。", "The program that answers failed. Please try again later.")
        }
    }

    /// Failure with this text, in the language of the message.
    func failure(for message: InboundMessage, detail: String) -> BackendFailure {
        BackendFailure(userText: text(Language(of: message.text)), detail: detail)
    }
}
