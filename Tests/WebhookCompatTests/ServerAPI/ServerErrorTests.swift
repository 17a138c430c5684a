import Shared
import Testing

@Suite("Refusals of the server API")
struct ServerErrorTests {
    /// Section 12 of the protocol reference, and what two descriptions add.
    static let codes = [
        -1, 40_001, 40_003, 40_004, 40_005, 40_006, 40_007, 40_008, 40_009, 40_011, 40_013, 40_014, 40_031, 40_032,
        40_033, 40_035, 40_050, 40_056, 40_058, 40_063, 40_091, 40_123, 41_001, 41_002, 41_004, 41_006, 41_011, 42_001,
        44_001, 44_004, 45_001, 45_002, 45_007, 45_008, 45_009, 45_015, 45_016, 45_033, 46_004, 48_002, 48_004, 48_006,
        50_002, 50_003, 60_011, 60_020, 60_021, 60_111, 81_013, 82_001, 82_002, 82_003, 85_002, 86_001, 86_003, 86_008,
        301_002, 301_016, 301_017, 830_002,
    ]

    @Test("AG-8: every number has a meaning, and what an administrator has to do has words", arguments: codes)
    func known(code: Int) {
        let error = PlatformError(code: code, origin: .serverAPI)
        #expect(!error.meaning.contains("not in the known table"))
        #expect(PlatformError.serverCodes.contains(code))
        if [.configuration, .refreshToken, .receiver].contains(error.reaction), code != 40_001 {
            #expect(error.advice?.isEmpty == false)
        }
    }

    @Test(
        "AG-8: reactions",
        arguments: [
            (-1, PlatformError.Reaction.retry), (40_001, .refreshToken), (40_014, .refreshToken),
            (42_001, .refreshToken),
            (40_003, .receiver), (40_031, .receiver), (60_111, .receiver), (81_013, .receiver), (86_008, .receiver),
            (40_004, .sendAsFile), (45_015, .sendAsFile), (301_017, .sendAsFile), (40_007, .uploadAgain),
            (45_016, .uploadAgain), (45_009, .pauseConversation), (45_033, .retry), (60_020, .configuration),
            (48_002, .configuration), (301_002, .configuration), (85_002, .refuseContent), (45_002, .split),
            (830_002, .fetchInPieces), (44_004, .failFrame), (9_999_999, .permanent),
        ])
    func reactions(code: Int, reaction: PlatformError.Reaction) {
        #expect(PlatformError(code: code, origin: .serverAPI).reaction == reaction)
    }

    @Test("AG-8: of the token request the same numbers mean the credentials", arguments: [40_001, 40_013, 40_091])
    func tokenRequest(code: Int) {
        let error = PlatformError(code: code, origin: .tokenRequest)
        #expect(error.reaction == .credentials && error.advice?.contains("corpSecret") == true)
    }

    @Test("AG-8: 60020 names our address and the proxy setting")
    func address() {
        let message =
            "not allow to access from your ip, hint: [1658], from ip: 203.0.113.7, more info at https://open.example/60020"
        let error = PlatformError(code: 60_020, message: message, origin: .serverAPI)
        #expect(error.exitAddress == "203.0.113.7" && error.hint == "1658")
        #expect(error.description.contains("203.0.113.7"))
        #expect(
            error.advice?.contains("203.0.113.7") == true && error.advice?.contains("network.egressProxyUrl") == true)
        #expect(PlatformError(code: 60_020, message: "from ip: 2001:db8::7, x").exitAddress == "2001:db8::7")
        for message in ["", "from ip: ", "from ip: nowhere", "from ip: " + String(repeating: "1", count: 99)] {
            #expect(PlatformError(code: 60_020, message: message).exitAddress == nil, "\(message)")
        }
        // Kept without its origin, as in a ledger, the number still has its words.
        #expect(PlatformError(code: 60_020).advice?.contains("network.egressProxyUrl") == true)
        #expect(PlatformError(code: 40_003, message: message, origin: .serverAPI).exitAddress == nil)
    }

    @Test("AG-8: an unknown number keeps its hint")
    func unknown() {
        let error = PlatformError(code: 987_654, message: "x, hint: [42]", origin: .serverAPI)
        #expect(error.reaction == .permanent && error.description.contains("987654") && error.hint == "42")
        #expect(error.advice == nil)
    }

    @Test("AG-8: what a bot hears keeps its meaning")
    func bot() {
        #expect(PlatformError(code: 40_001).reaction == .credentials)
        #expect(PlatformError(code: 45_033).reaction == .pauseConversation)
        #expect(PlatformError(code: 40_008).reaction == .sendAsMarkdown)
        #expect(PlatformError(code: 93_006).advice == nil)
    }
}
