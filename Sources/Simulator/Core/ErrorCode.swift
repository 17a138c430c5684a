/// A refusal: platform errcode with the text that goes before the hint.
public struct PlatformRefusal: Error, Sendable, Hashable {
    /// Errcode on the wire.
    public var code: Int
    /// First part of errmsg.
    public var text: String
    /// Refusals raised before routing come back without `headers`.
    public var hidesReqID = false

    static let notSubscribed = PlatformRefusal(code: 846_609, text: "aibot websocket not subscribed")
    static let invalidReqID = PlatformRefusal(code: 846_605, text: "invalid req_id")
    static let requestExpired = PlatformRefusal(code: 846_604, text: "websocket request expired, response is invalid")
    static let alreadyResponded = PlatformRefusal(
        code: 846_606, text: "request already responded, cannot respond again")
    static let rate = PlatformRefusal(code: 846_607, text: "aibot send msg frequency limit exceeded")
    static let conflict = PlatformRefusal(
        code: 6_000, text: "more than one callers at the same time, data version conflict")
    static let messageType = PlatformRefusal(code: 40_008, text: "invalid message type")
    static let mediaID = PlatformRefusal(code: 40_007, text: "invalid media_id")
    static let chatID = PlatformRefusal(code: 93_006, text: "invalid chatid")
    static let noTarget = PlatformRefusal(code: 86_201, text: "invalid param")
    static let contentSize = PlatformRefusal(code: 45_002, text: "content size out of limit")
    static let taskID = PlatformRefusal(code: 42_014, text: "invalid taskid")
    static let buttonSize = PlatformRefusal(code: 40_016, text: "invalid button size")
    static let mediaKind = PlatformRefusal(code: 40_004, text: "invalid media type")
    static let uploadType = PlatformRefusal(code: 40_005, text: "invalid type param")
    static let mediaSize = PlatformRefusal(code: 40_006, text: "invalid media size")
    static let responseCode = PlatformRefusal(code: 40_058, text: "invalid response_code")
    static let usedCode = PlatformRefusal(code: 42_022, text: "code has been used")
    static let systemBusy = PlatformRefusal(code: -1, text: "system error")

    static func missing(_ field: String) -> PlatformRefusal {
        PlatformRefusal(code: 40_058, text: "missing field `\(field)`. invalid Request Parameter", hidesReqID: true)
    }

    static func wrongType(_ field: String) -> PlatformRefusal {
        PlatformRefusal(
            code: 40_058, text: "invalid type of field `\(field)`. invalid Request Parameter", hidesReqID: true)
    }

    static func streamExpired(window: Int) -> PlatformRefusal {
        PlatformRefusal(
            code: 846_608,
            text: "stream message update expired (>\(max(1, window / 60_000)) minutes), cannot update")
    }

    static func upload(_ problem: String) -> PlatformRefusal {
        PlatformRefusal(code: 40_058, text: "\(problem). invalid Request Parameter")
    }

    /// Text for an errcode that a fault asks for.
    static func forced(code: Int, text: String?, streamWindow: Int) -> PlatformRefusal {
        let known: [PlatformRefusal] = [
            notSubscribed, invalidReqID, requestExpired, alreadyResponded, rate, conflict, messageType, mediaID,
            chatID, noTarget, contentSize, taskID, buttonSize, systemBusy, streamExpired(window: streamWindow),
            PlatformRefusal(code: 853_000, text: "invalid bot_id or secret"),
            PlatformRefusal(code: 600_041, text: "invalid secret"),
            PlatformRefusal(code: 93_019, text: "invalid bot_id"),
            PlatformRefusal(code: 45_009, text: "reach max api daily quota limit"),
            PlatformRefusal(code: 40_201, text: "anti-spam check"),
            PlatformRefusal(code: 45_033, text: "api concurrent out of limit"),
            PlatformRefusal(code: 60_020, text: "not allow to access from your ip"),
            PlatformRefusal(code: 40_014, text: "invalid access_token"),
            PlatformRefusal(code: 42_001, text: "access_token expired"),
        ]
        let standard = known.first { $0.code == code }
        return PlatformRefusal(code: code, text: text ?? standard?.text ?? "error", hidesReqID: code == 40_058)
    }

    /// The whole errmsg: text, trace hint, address of the client, link.
    func message(hint: String, address: String) -> String {
        "\(text), hint: [\(hint)], from ip: \(address), "
            + "more info at https://open.work.weixin.qq.com/devtool/query?e=\(code)"
    }
}
