import Testing

@testable import Shared

@Suite("PlatformError")
struct PlatformErrorTests {
    /// Section 19 of the protocol reference.
    static let reactions: [(Int, PlatformError.Reaction)] = [
        (-1, .retry), (6_000, .retry), (40_007, .uploadAgain), (40_008, .sendAsMarkdown), (40_016, .sendCardAsText),
        (40_058, .failFrame), (40_201, .refuseContent), (42_014, .sendCardAsText), (45_002, .split),
        (45_009, .pauseConversation), (45_033, .pauseConversation), (86_201, .failFrame), (93_001, .unreachable),
        (93_006, .unreachable), (93_008, .unreachable), (93_019, .credentials), (600_041, .credentials),
        (853_000, .credentials), (40_001, .credentials), (40_013, .credentials), (846_604, .push), (846_605, .push),
        (846_606, .push), (846_607, .pauseConversation), (846_608, .streamOver), (846_609, .recycleConnection),
        (600_039, .sendAsMarkdown), (1, .permanent), (.max, .permanent), (.min, .permanent),
    ]

    @Test("WS-6: every number has its reaction", arguments: reactions.indices)
    func reaction(index: Int) {
        let (code, reaction) = Self.reactions[index]
        #expect(PlatformError(code: code).reaction == reaction)
    }

    @Test("WS-6: only the hint of the words is kept, and no more than 64 characters of it")
    func hint() {
        #expect(PlatformError(code: 1, message: "x, hint: [17], from ip: 203.0.113.9").hint == "17")
        #expect(PlatformError(code: 1, message: "x, hint: [17").hint == nil)
        #expect(PlatformError(code: 1, message: "hint: []").hint?.isEmpty == true)
        #expect(PlatformError(code: 1, message: "no such thing").hint == nil)
        let long = PlatformError(code: 1, message: "hint: [" + String(repeating: "9", count: 10_000) + "]")
        #expect(long.hint?.count == 64)
        #expect(!PlatformError(code: 846_607, message: "from ip: 203.0.113.9").description.contains("203"))
    }

    @Test("GW: errors of the package show their word, their sentence and the platform's number")
    func gatewayError() {
        let error = GatewayError(.rejected, "push refused", platform: PlatformError(code: 93_006))
        #expect(error.description.hasPrefix("rejected: push refused: errcode 93006"))
        #expect(GatewayError.Code.closed.description == "closed")
    }
}
