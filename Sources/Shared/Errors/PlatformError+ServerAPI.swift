extension PlatformError {
    /// The number for a caller whose address is not among the trusted ones.
    static let addressNotTrusted = 60_020

    /// What an administrator does about it; nil when nothing is known, or nothing is needed.
    public var advice: String? {
        guard origin == .bot, Self.knownCodes.contains(code) else { return serverEntry?.advice(exitAddress) }
        return nil
    }

    /// Every number of the server API with a known meaning.
    public static var serverCodes: [Int] { serverTable.keys.sorted() }

    /// What a number of the server API means.
    struct ServerEntry: Sendable {
        let reaction: Reaction
        let meaning: String
        private let words: String?

        init(_ reaction: Reaction, _ meaning: String, _ words: String? = nil) {
            self.reaction = reaction
            self.meaning = meaning
            self.words = words
        }

        func advice(_ exitAddress: String?) -> String? {
            words?.replacing("ADDRESS", with: exitAddress.map { "\($0)" } ?? "the address of this machine's exit")
        }
    }

    /// The entry by number. When the token itself is fetched, what elsewhere speaks of a token speaks of the secret.
    var serverEntry: ServerEntry? {
        if origin == .tokenRequest, let entry = Self.tokenTable[code] { return entry }
        return Self.serverTable[code]
    }

    private static let tokenAdvice =
        "A fixed accessToken is not renewed: put in a new one, or give corpSecret instead, and tokens are fetched."
    private static let secretAdvice =
        "Correct corpId and corpSecret of the agent: both must be of the same enterprise, the secret of this application."
    private static let agentAdvice =
        "agentId and corpSecret must be of the same application; its page in the admin console shows both."
    private static let rangeAdvice =
        "Widen the visible range of the application in the admin console; groups need the root department in it."
    private static let groupAdvice =
        "An application reaches only groups that it made itself (86008). Write with a bot that is in the group, or to users."
    private static let addressAdvice =
        "Add ADDRESS to the trusted addresses (企业可信 IP) of the application, or set network.egressProxyUrl to a proxy whose "
        + "address is among them; it takes about a minute."

    private static let tokenTable: [Int: ServerEntry] = [
        40_001: .init(.credentials, "secret wrong", secretAdvice),
        40_013: .init(.credentials, "corp id unknown", secretAdvice),
        40_091: .init(.credentials, "secret of another enterprise", secretAdvice),
    ]

    private static let serverTable: [Int: ServerEntry] = [
        -1: .init(.retry, "platform busy"),
        40_001: .init(.refreshToken, "access token or secret refused"),
        40_003: .init(
            .receiver, "user id unknown",
            "Check the user id; it is the account name of the admin console, not the display name."),
        40_004: .init(.sendAsFile, "kind of media not allowed"),
        40_005: .init(.sendAsFile, "kind of file not allowed"),
        40_006: .init(.sendAsFile, "file too large, or not larger than 5 bytes"),
        40_007: .init(.uploadAgain, "media id unknown or older than three days"),
        40_008: .init(.failFrame, "kind of message not allowed here"),
        40_009: .init(.sendAsFile, "picture too large"),
        40_011: .init(.sendAsFile, "video too large"),
        40_013: .init(.configuration, "corp id unknown", secretAdvice),
        40_014: .init(.refreshToken, "access token not valid", tokenAdvice),
        40_031: .init(.receiver, "receiver ids not valid", "Check the user ids of the target."),
        40_032: .init(.split, "too many receivers"),
        40_033: .init(.failFrame, "character not allowed"),
        40_035: .init(.failFrame, "parameter not allowed"),
        40_050: .init(.receiver, "chat id unknown", groupAdvice),
        40_056: .init(.configuration, "application number (agentId) not valid", agentAdvice),
        40_058: .init(.failFrame, "parameter missing or not allowed"),
        40_063: .init(.failFrame, "parameter empty"),
        40_068: .init(
            .receiver, "tag unknown",
            "Check the name of the tag; the application sees the tags of the whole enterprise."),
        40_091: .init(.configuration, "secret of another enterprise", secretAdvice),
        40_094: .init(.failFrame, "address without its scheme"),
        40_123: .init(.sendAsFile, "format of the picture not allowed"),
        41_001: .init(.failFrame, "access token missing"),
        41_002: .init(.configuration, "corp id missing", "Set corpId of the agent."),
        41_004: .init(.configuration, "secret missing", "Set corpSecret of the agent."),
        41_006: .init(.failFrame, "media id missing"),
        41_011: .init(.configuration, "application number (agentId) missing", agentAdvice),
        42_001: .init(.refreshToken, "access token expired", tokenAdvice),
        44_001: .init(.failFrame, "upload without content"),
        44_004: .init(.failFrame, "text empty"),
        45_001: .init(.sendAsFile, "media too large"),
        45_002: .init(.split, "content too long"),
        45_007: .init(.sendAsFile, "voice longer than 60 s"),
        45_008: .init(.failFrame, "wrong number of articles"),
        45_009: .init(
            .pauseConversation,
            "calls too frequent (some descriptions have this number for texts over 2,048 bytes, which are split here)",
            "The calls go on by themselves after a pause of 1, 5 or 60 minutes; if it comes back, send less."
        ),
        45_015: .init(.sendAsFile, "kind of media not allowed (the platform itself has 40004 for it)"),
        45_016: .init(.uploadAgain, "media id not valid (the platform itself has 40007 for it)"),
        45_033: .init(.retry, "too many calls at a time"),
        45_034: .init(.failFrame, "address without its scheme"),
        46_004: .init(
            .receiver, "user unknown",
            "Check the user id; it is the account name of the admin console, not the display name."),
        48_002: .init(
            .configuration, "application may not use this function",
            "Grant the application this permission in the admin console."),
        48_004: .init(
            .configuration, "permission of the application was revoked",
            "Authorize the application anew in the admin console."),
        48_006: .init(
            .configuration, "permission of the application was withdrawn",
            "Authorize the application anew in the admin console."),
        50_002: .init(.configuration, "member outside the range of the application", rangeAdvice),
        50_003: .init(.configuration, "application disabled", "Enable the application in the admin console."),
        60_003: .init(.receiver, "department unknown", "Check the number of the department."),
        60_011: .init(.configuration, "no right to this member, department or group", rangeAdvice),
        60_020: .init(.configuration, "not allow to access from your ip", addressAdvice),
        60_021: .init(.configuration, "member outside the range of the application", rangeAdvice),
        60_111: .init(
            .receiver, "user id unknown",
            "Check the user id; it is the account name of the admin console, not the display name."),
        60_123: .init(.receiver, "department unknown", "Check the number of the department."),
        81_013: .init(
            .receiver,
            "every receiver is unknown, outside the range of the application, or without an interface licence",
            "Check the ids of the target, the visible range of the application and the licences in the admin console."),
        82_001: .init(.failFrame, "no receiver"),
        82_002: .init(.split, "more than 100 departments"),
        82_003: .init(.split, "more than 100 tags"),
        85_002: .init(.refuseContent, "content has forbidden words"),
        86_001: .init(.receiver, "chat id unknown", groupAdvice),
        86_003: .init(.receiver, "chat id unknown", groupAdvice),
        86_008: .init(.receiver, "group was made by another application", groupAdvice),
        301_002: .init(.configuration, "access token of another application", agentAdvice),
        301_016: .init(.sendAsFile, "voice not valid"),
        301_017: .init(.sendAsFile, "voice is not AMR"),
        830_002: .init(.fetchInPieces, "media too large for one answer"),
    ]
}
