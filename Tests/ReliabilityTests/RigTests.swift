import Foundation
import Simulator
import Testing

@Suite("The crash rig sees what it is there to see")
struct RigTests {
    private static let question = Question(number: 7, kind: .slow, user: "user.1", group: nil, point: 1)

    private static func look(
        _ texts: [String], for question: Question = question, beside others: [Question] = []
    ) -> Judge.Sighting {
        var settings = SimulatorConfiguration()
        let bot = SimulatorBot(id: question.side.bot, secret: "SIM-SECRET-not-real", name: "Helper")
        settings.bots = [bot]
        settings.users = Traffic.users.map { SimulatorUser(id: $0, name: $0) }
        let simulator = PlatformSimulator(configuration: settings, clock: .manual())
        var core = simulator.snapshot
        _ = core.connectionOpened(ConnectionID(1), now: 0)
        let frames =
            [
                #"{"cmd":"aibot_subscribe","headers":{"req_id":"s"},"body":{"bot_id":"\#(bot.id)","secret":"\#(bot.secret)"}}"#
            ]
            + texts.enumerated().map { number, text in
                #"{"cmd":"aibot_send_msg","headers":{"req_id":"p\#(number)"},"body":{"chatid":"user.1","chat_type":1,"msgtype":"markdown","markdown":{"content":"\#(text)"}}}"#
            }
        for frame in frames { _ = core.frameReceived(ConnectionID(1), Array(frame.utf8), now: 1) }
        var judge = Judge()
        return judge.look(
            at: { core.view(of: $0) }, media: { core.storedMedia($0)?.bytes }, questions: [question] + others)[
                question.tag] ?? Judge.Sighting()
    }

    private static func pieces(_ range: Range<Int>) -> String {
        range.map { "m00007.\($0 < 10 ? "00" : "0")\($0)" }.joined(separator: " words ")
    }

    @Test("an answer in two bubbles is whole")
    func whole() {
        let sighting = Self.look([Self.pieces(0..<5), Self.pieces(5..<12)])
        #expect(sighting.isWhole(Self.question))
        #expect(sighting.most == 1)
    }

    @Test("a piece that is nowhere is missed")
    func missing() {
        #expect(!Self.look([Self.pieces(0..<5), Self.pieces(6..<12)]).isWhole(Self.question))
        #expect(!Self.look([]).isWhole(Self.question))
    }

    @Test("a piece that is shown twice is counted twice, also within one bubble")
    func twice() {
        #expect(Self.look([Self.pieces(0..<12), Self.pieces(11..<12)]).most == 2)
        #expect(Self.look([Self.pieces(0..<12) + " " + Self.pieces(3..<4)]).most == 2)
    }

    @Test("a long answer that ends with a line is whole where the side has no way for more, and nowhere else")
    func cut() {
        func long(_ side: Side) -> Question {
            Question(number: 7, kind: .long, side: side, user: "user.1", group: nil, point: 1)
        }
        let line = "⚠️ 回答过长，后面的内容未能显示。"
        func texts(_ count: Int) -> [String] {
            [Self.longPieces(0..<count / 2), Self.longPieces(count / 2..<count) + " " + line]
        }
        #expect(Self.look(texts(400), for: long(.hook)).isWhole(long(.hook)))
        #expect(!Self.look(texts(120), for: long(.hook)).isWhole(long(.hook)))
        #expect(!Self.look([Self.longPieces(0..<400)], for: long(.hook)).isWhole(long(.hook)))
        #expect(!Self.look([Self.longPieces(1..<400) + line], for: long(.hook)).isWhole(long(.hook)))
        #expect(!Self.look(texts(400), for: long(.pair)).isWhole(long(.pair)))
        #expect(Self.look([Self.longPieces(0..<660)], for: long(.pair)).isWhole(long(.pair)))
    }

    private static func longPieces(_ range: Range<Int>) -> String {
        range.map { number in "m00007." + String(repeating: "0", count: 3 - "\(number)".count) + "\(number)" }
            .joined(separator: " ")
    }

    @Test("words stand in for cards and files only where the side cannot carry them")
    func standIns() {
        func asked(_ kind: Question.Kind, _ side: Side) -> Question {
            Question(number: 7, kind: kind, side: side, user: "user.1", group: nil, point: 1)
        }
        let card = ["m00007.000 card", "**m00007** a card of its own"]
        #expect(Self.look(card, for: asked(.card, .hook)).isWhole(asked(.card, .hook)))
        #expect(!Self.look(card, for: asked(.card, .socket)).isWhole(asked(.card, .socket)))
        #expect(Self.look(card + card, for: asked(.card, .hook)).most == 2)
        let file = ["m00007.000 file", "📎 m00007.txt：这里不能发送文件。"]
        #expect(Self.look(file, for: asked(.file, .hook)).isWhole(asked(.file, .hook)))
        #expect(!Self.look(file, for: asked(.file, .app)).isWhole(asked(.file, .app)))
    }

    @Test("an answer in another conversation is a stray")
    func strays() {
        let asked = Question(number: 7, kind: .short, user: "user.2", group: nil, point: 1)
        let neighbor = Question(number: 8, kind: .short, user: "user.1", group: nil, point: 1)
        let texts = ["m00007.000", "m00008.000"]
        #expect(Self.look(texts, for: asked, beside: [neighbor]).strangers == [neighbor.conversation])
        #expect(Self.look(texts, for: neighbor, beside: [asked]).strangers.isEmpty)
    }

    @Test("the digest of another file is no answer")
    func digests() {
        let media = Question(number: 7, kind: .media, user: "user.1", group: nil, point: 1)
        #expect(!Self.look(["m00007.000 sha256=00"], for: media).isWhole(media))
        #expect(Self.look(["m00007.000 sha256=\(media.digest)"], for: media).isWhole(media))
    }

    @Test(
        "a trace names a duplicate by tries, by doubt or by hand-over",
        arguments: [
            (#"{"kind":"text","state":"acked","attempts":1,"possibleDuplicate":false}"#, false, false),
            (#"{"kind":"text","state":"acked","attempts":2,"possibleDuplicate":false}"#, false, true),
            (#"{"kind":"text","state":"assumed","attempts":1,"possibleDuplicate":false}"#, false, true),
            (#"{"kind":"text","state":"unknown","attempts":1,"possibleDuplicate":false}"#, false, true),
            (#"{"kind":"text","state":"acked","attempts":1,"possibleDuplicate":true}"#, false, true),
            (#"{"kind":"text","state":"acked","attempts":1,"possibleDuplicate":false}"#, true, true),
        ], [0, 2])
    func traces(part: (text: String, isHandedOver: Bool, names: Bool), earlierBubbles: Int) {
        let text =
            #"{"messageId":"a","stories":[{"state":"done","attempts":1,"bubbles":1,"earlierBubbles":\#(earlierBubbles),"handedOver":\#(part.isHandedOver),"parts":[\#(part.text)]}]}"#
        let trace = Trace(Program.Outcome(status: 0, output: text, errors: ""))
        #expect(trace.hasTask)
        #expect(trace.namesDuplicate == (part.names || earlierBubbles > 0))
        #expect(!Trace(Program.Outcome(status: 1, output: "", errors: "unknown")).hasTask)
    }
}
