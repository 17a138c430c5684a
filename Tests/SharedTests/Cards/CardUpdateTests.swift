import Testing

@testable import Shared

@Suite("Marked cards")
struct CardUpdateTests {
    private func click(_ card: TemplateCard, _ key: String, _ selected: [String: [String]] = [:]) -> CardClick {
        CardClick(cardType: card.cardType, taskID: card.taskID ?? "", eventKey: key, selected: selected)
    }

    @Test("WS-18: the pressed button is marked, the choice beside it locked; another press moves the mark")
    func button() throws {
        let card = try CardFixtures.card("respond-card-button")
        let marked = CardUpdate.marking(card, click: click(card, "deploy_approve", ["env": ["prod"]]))
        guard case .buttonInteraction(let buttons) = marked else { throw CardProblem("", "is another type", "") }
        #expect(buttons.buttons.map(\.text) == ["✓批准", "拒绝"])
        #expect(buttons.selection?.selectedID == "prod" && buttons.selection?.isDisabled == true)
        let moved = CardUpdate.marking(marked, click: click(card, "deploy_reject", ["env": ["prod"]]))
        guard case .buttonInteraction(let buttons) = moved else { throw CardProblem("", "is another type", "") }
        #expect(buttons.buttons.map(\.text) == ["批准", "✓拒绝"])
    }

    @Test("WS-18: a vote is locked with what was chosen; of a single choice only one")
    func vote() throws {
        var card = try CardFixtures.card("respond-card-vote")
        let choice = ["choice": ["opt_c", "opt_b", "other"]]
        guard case .voteInteraction(var vote) = CardUpdate.marking(card, click: click(card, "vote_submit", choice))
        else {
            throw CardProblem("", "is another type", "")
        }
        #expect(vote.checkbox.options.map(\.isChecked) == [false, true, true] && vote.checkbox.isDisabled == true)
        #expect(vote.submit.text == "✓提交")
        vote.checkbox.mode = 0
        card = .voteInteraction(vote)
        guard case .voteInteraction(let single) = CardUpdate.marking(card, click: click(card, "vote_submit", choice))
        else {
            throw CardProblem("", "is another type", "")
        }
        #expect(single.checkbox.options.map(\.isChecked) == [false, true, false])
    }

    @Test("WS-18: a form is locked with what was chosen")
    func form() throws {
        let card = try CardFixtures.card("respond-card-multiple")
        let choice = ["branch": ["dev"], "target": ["none"]]
        guard case .multipleInteraction(let form) = CardUpdate.marking(card, click: click(card, "form_submit", choice))
        else { throw CardProblem("", "is another type", "") }
        #expect(form.selects.map(\.selectedID) == ["dev", nil] && form.selects.allSatisfy { $0.isDisabled == true })
    }

    @Test("WS-18: a marked card is valid, carries the id of the click, and marking again changes nothing")
    func properties() throws {
        var random = SeededGenerator(seed: 7)
        let keys = ["deploy_approve", "deploy_reject", "deploy_done", "vote_submit", "form_submit", "unknown", ""]
        let options = ["staging", "prod", "opt_a", "opt_b", "opt_c", "main", "dev", "ios", "x", ""]
        for name in CardFixtures.names {
            for _ in 0..<60 {
                var card = try CardFixtures.card(name)
                if case .buttonInteraction(var buttons) = card, Bool.random(using: &random) {
                    buttons.buttons[0].text = "批准发布到生产环境"
                    card = .buttonInteraction(buttons)
                }
                let selected = Dictionary(
                    uniqueKeysWithValues: ["env", "choice", "branch", "target"].map { question in
                        (question, (0..<3).map { _ in options[Int.random(in: 0..<options.count, using: &random)] })
                    })
                let id = Bool.random(using: &random) ? "t-click" : ""
                let click = CardClick(
                    cardType: card.cardType, taskID: id,
                    eventKey: keys[Int.random(in: 0..<keys.count, using: &random)], selected: selected)
                let marked = CardUpdate.marking(card, click: click)
                try marked.validate()
                #expect(try TemplateCard(json: marked.json) == marked)
                #expect(CardUpdate.marking(marked, click: click) == marked)
                #expect(marked.taskID == (id.isEmpty ? card.taskID : id))
            }
        }
    }
}
