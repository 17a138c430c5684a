import Shared
import Testing

@testable import WebhookCompat

@Suite("connection of the callback listener")
struct ConnectionMachineTests {
    private enum Input {
        case head(last: Bool = false)
        case whole
        case answer(last: Bool = false)
        case out
    }

    /// What follows each input; an answer that has to say that it is the last counts as `.close`.
    private static func actions(
        _ inputs: [Input], _ machine: inout ConnectionMachine
    ) -> [ConnectionMachine.Action] {
        inputs.map { input in
            switch input {
            case .head(let last): machine.began(isLast: last)
            case .whole: machine.received()
            case .answer(let last): machine.answering(isLast: last) ? .close : .nothing
            case .out: machine.answered()
            }
        }
    }

    @Test("WB-5: a request has its time, then its answer, then the connection rests")
    func oneRequest() {
        var machine = ConnectionMachine()
        let actions = Self.actions([.head(), .whole, .answer(), .out], &machine)
        #expect(actions == [.startTimer, .startTimer, .nothing, .rest])
        #expect(!machine.isAtWork && machine.reads)
    }

    @Test("WB-5: a request that came behind another one gets its time when that is answered")
    func ahead() {
        var machine = ConnectionMachine()
        let first = Self.actions([.head(), .whole, .head()], &machine)
        #expect(first == [.startTimer, .startTimer, .nothing])
        #expect(machine.isAtWork)
        let second = Self.actions([.answer(), .out], &machine)
        #expect(second == [.nothing, .startTimer])
        #expect(!machine.isAtWork)
        let third = Self.actions([.whole, .answer(), .out], &machine)
        #expect(third == [.startTimer, .nothing, .rest])
    }

    @Test("WB-5: the last answer ends the connection, whoever says that it is the last")
    func last() {
        for (peer, own) in [(true, false), (false, true)] {
            var machine = ConnectionMachine()
            let actions = Self.actions([.head(last: peer), .whole, .answer(last: own), .out], &machine)
            #expect(actions == [.startTimer, .startTimer, .nothing, .close])
        }
    }

    @Test("WB-5: an answer before its request is whole, or to what was none, is the last, and nothing more is read")
    func cutOff() {
        for inputs: [Input] in [[.head(), .answer(), .out], [.answer(), .out], [.answer(), .out, .answer(), .out]] {
            var machine = ConnectionMachine()
            let actions = Self.actions(inputs, &machine)
            #expect(actions.suffix(2) == [.close, .linger])
            #expect(!machine.reads && !machine.isAtWork)
        }
    }

    @Test("WB-5: in whatever order things happen, an answer to half a request stays the last")
    func random() {
        var random = SeededGenerator(seed: 21)
        for _ in 0..<1_000 {
            var machine = ConnectionMachine()
            var isCutOff = false
            for _ in 0..<50 {
                let input: Input = [.head(), .whole, .answer(), .out][Int.random(in: 0..<4, using: &random)]
                let action = Self.actions([input], &machine)
                isCutOff = isCutOff || action == [.close]
                if case .out = input { #expect((action == [.linger]) == isCutOff) }
                #expect(machine.reads == !isCutOff)
            }
        }
    }
}
