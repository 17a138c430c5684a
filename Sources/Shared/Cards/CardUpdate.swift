/// Redraws cards at once when they are clicked, without asking anybody: the click must be answered within five seconds.
public enum CardUpdate {
    /// Stands before the text of what was chosen. No space: clients show about four characters of a button.
    static let mark = "✓"

    /// `card` with the choice of `click` marked.
    ///
    /// - A button: it gets a ✓, which another button loses; the others stay, as they may be meant to be pressed later. What
    ///   was chosen from the list beside the buttons is shown and locked.
    /// - The button that sends in a vote or a form: it gets a ✓, the choices are shown and locked.
    /// - A menu entry, or a key that the card does not have: nothing changes.
    ///
    /// The task id is that of the click, as the platform draws nothing under another one. A valid card stays valid, and
    /// marking the same click twice changes nothing.
    public static func marking(_ card: TemplateCard, click: CardClick) -> TemplateCard {
        let marked: TemplateCard =
            switch card {
            case .textNotice, .newsNotice: card
            case .buttonInteraction(let card): .buttonInteraction(marking(card, click))
            case .voteInteraction(let card): .voteInteraction(marking(card, click))
            case .multipleInteraction(let card): .multipleInteraction(marking(card, click))
            }
        return marked.withTaskID(click.taskID)
    }

    private static func marking(_ card: ButtonInteractionCard, _ click: CardClick) -> ButtonInteractionCard {
        guard card.buttons.contains(where: { $0.key == click.eventKey }) else { return card }
        var card = card
        for index in card.buttons.indices {
            let button = card.buttons[index]
            card.buttons[index].text = button.key == click.eventKey ? marked(button.text) : unmarked(button.text)
        }
        card.selection = card.selection.map { locked($0, click) }
        return card
    }

    private static func marking(_ card: VoteInteractionCard, _ click: CardClick) -> VoteInteractionCard {
        guard card.submit.key == click.eventKey else { return card }
        var card = card
        card.submit.text = marked(card.submit.text)
        card.checkbox.isDisabled = true
        guard let given = click.selected[card.checkbox.questionKey] else { return card }
        let known = card.checkbox.options.map(\.id).filter(given.contains)
        let chosen = Set(card.checkbox.mode ?? 0 == 0 ? known.prefix(1) : known[...])
        for index in card.checkbox.options.indices {
            card.checkbox.options[index].isChecked = chosen.contains(card.checkbox.options[index].id)
        }
        return card
    }

    private static func marking(_ card: MultipleInteractionCard, _ click: CardClick) -> MultipleInteractionCard {
        guard card.submit.key == click.eventKey else { return card }
        var card = card
        card.submit.text = marked(card.submit.text)
        card.selects = card.selects.map { locked($0, click) }
        return card
    }

    private static func locked(_ select: CardSelect, _ click: CardClick) -> CardSelect {
        var select = select
        select.isDisabled = true
        if let id = click.selected[select.questionKey]?.first, select.options.contains(where: { $0.id == id }) {
            select.selectedID = id
        }
        return select
    }

    private static func marked(_ text: String) -> String {
        text.hasPrefix(mark) ? text : CardText.cut(mark + text, to: 10)
    }

    /// Without the mark; a text of nothing else keeps it, since a button needs a text.
    private static func unmarked(_ text: String) -> String {
        text.hasPrefix(mark) && text != mark ? String(text.dropFirst(mark.count)) : text
    }
}
