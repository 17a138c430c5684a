import Testing

@testable import Shared

struct ReasoningCase: Sendable, CustomTestStringConvertible {
    let name: String
    let input: String
    let answer: String
    let reasoning: String
    var testDescription: String { name }

    static let all = [
        ReasoningCase(name: "block first", input: "<think>why</think>\n\nYes.", answer: "Yes.", reasoning: "why"),
        ReasoningCase(name: "thinking", input: "<thinking>why</thinking>Yes.", answer: "Yes.", reasoning: "why"),
        ReasoningCase(name: "thought, letter case", input: "\n<Thought>w</THOUGHT> 好", answer: "\n好", reasoning: "w"),
        ReasoningCase(name: "unclosed", input: "<think>never ends </thin", answer: "", reasoning: "never ends </thin"),
        ReasoningCase(name: "other closer", input: "<thinking>a</think>b", answer: "b", reasoning: "a"),
        ReasoningCase(
            name: "opener inside", input: "<think>a <think> b</think>c", answer: "c", reasoning: "a <think> b"),
        ReasoningCase(name: "two blocks", input: "<think>a</think><think>b</think>c", answer: "c", reasoning: "ab"),
        ReasoningCase(name: "at a line's start", input: "A\n  <think>x</think>\nB", answer: "A\n  B", reasoning: "x"),
        ReasoningCase(name: "in a line", input: "Say <think>x</think>", answer: "Say <think>x</think>", reasoning: ""),
        ReasoningCase(name: "inline code", input: "`<think>` is a tag", answer: "`<think>` is a tag", reasoning: ""),
        ReasoningCase(
            name: "fence", input: "```xml\n<think>x</think>\n```\n<think>y</think>\nZ",
            answer: "```xml\n<think>x</think>\n```\nZ", reasoning: "y"),
        ReasoningCase(
            name: "nested fence", input: "````\n```\n<think>\n````\n<think>y", answer: "````\n```\n<think>\n````\n",
            reasoning: "y"),
        ReasoningCase(
            name: "fence in a quote", input: "> ~~~\n> x\n<think>\n> ~~~\n", answer: "> ~~~\n> x\n<think>\n> ~~~\n",
            reasoning: ""),
        ReasoningCase(
            name: "fence inside reasoning", input: "<think>```\n</think>ok", answer: "ok", reasoning: "```\n"),
        ReasoningCase(
            name: "false tags", input: "<thin\n<<think>a\n<think/>", answer: "<thin\n<<think>a\n<think/>", reasoning: ""
        ),
        ReasoningCase(name: "closer alone", input: "a\n</think>\nb", answer: "a\n</think>\nb", reasoning: ""),
        ReasoningCase(
            name: "false closer", input: "<think>a</<</thinks></think>b", answer: "b", reasoning: "a</<</thinks>"),
        ReasoningCase(name: "held at the end", input: "a\n<thi", answer: "a\n<thi", reasoning: ""),
        ReasoningCase(name: "CJK", input: "<think>想一想</think>答案 👩‍👩‍👧‍👦", answer: "答案 👩‍👩‍👧‍👦", reasoning: "想一想"),
    ]
}

@Suite("Reasoning filter")
struct ReasoningFilterTests {
    private func run(_ filter: inout ReasoningFilter, _ deltas: [String]) -> ReasoningFilter.Output {
        var result = ReasoningFilter.Output(answer: "", reasoning: "")
        for delta in deltas {
            let output = filter.feed(delta)
            result.answer += output.answer
            result.reasoning += output.reasoning
        }
        let last = filter.finish()
        return .init(answer: result.answer + last.answer, reasoning: result.reasoning + last.reasoning)
    }

    @Test("P16: reasoning is separated wherever the deltas are split", arguments: ReasoningCase.all)
    func splits(sample: ReasoningCase) {
        let scalars = Array(sample.input.unicodeScalars)
        for first in 0...scalars.count {
            for second in first...scalars.count {
                let parts = [scalars[..<first], scalars[first..<second], scalars[second...]].map { part in
                    String(String.UnicodeScalarView(part))
                }
                var fold = ReasoningFilter(mode: .fold)
                let output = run(&fold, parts)
                #expect(output == .init(answer: sample.answer, reasoning: sample.reasoning), "split \(first) \(second)")
                var drop = ReasoningFilter(mode: .drop)
                #expect(run(&drop, parts) == .init(answer: sample.answer, reasoning: ""))
                #expect(drop.thinkBlock == nil)
            }
        }
    }

    @Test("P16: drop lets no byte of reasoning out, from any source")
    func drop() {
        var filter = ReasoningFilter(mode: .drop)
        #expect(filter.feedReasoning("secret") == .init(answer: "", reasoning: ""))
        for character in "<think>secret" {
            #expect(filter.feed(String(character)) == .init(answer: "", reasoning: ""))
        }
        #expect(filter.isReasoning)
        #expect(filter.finish() == .init(answer: "", reasoning: ""))
    }

    @Test("P16: fold shows one closed block at any time")
    func fold() {
        var filter = ReasoningFilter(mode: .fold)
        #expect(filter.thinkBlock == nil)
        _ = filter.feedReasoning("first ")
        _ = filter.feed("<think>then </th")
        #expect(filter.thinkBlock == "<think>first then </think>\n")
        #expect(filter.feed("ink>answer").answer == "answer")
        _ = filter.feed("\n<think>a <think> b</think>")
        #expect(filter.thinkBlock == "<think>first then a <\u{200B}think> b</think>\n")
    }

    @Test("P16: the folded block is bounded")
    func bounded() {
        for bound in 0...40 {
            var filter = ReasoningFilter(mode: .fold, maxBlockBytes: bound)
            _ = filter.feedReasoning(String(repeating: "想<think>", count: 50))
            let block = filter.thinkBlock ?? ""
            #expect(block.utf8.count <= bound + 19)
            #expect(!block.contains("\u{FFFD}"))
        }
        var filter = ReasoningFilter(mode: .fold, maxBlockBytes: 10)
        _ = filter.feedReasoning("想一想再说")
        #expect(filter.thinkBlock == "<think>想一想…</think>\n")
    }

    @Test("P16: output that starts inside reasoning")
    func headless() {
        var filter = ReasoningFilter(mode: .fold, startsInReasoning: true)
        #expect(run(&filter, ["so ", "on\n</think>\n\nDone"]) == .init(answer: "Done", reasoning: "so on\n"))
    }
}
