extension TemplateCard {
    /// The card as Markdown, for places that cannot show cards. Never invisible.
    ///
    /// Whatever can be chosen is numbered through the whole card, so that a person can answer by number or by word. Looks
    /// and pictures are lost, pictures become addresses; mini programs cannot be reached from text.
    public var text: String {
        var text = CardMarkdown()
        switch self {
        case .textNotice(let card):
            text.title(card.mainTitle)
            text.figure(card.emphasis)
            text.paragraph(card.subtitle)
            text.quote(card.quote)
            text.fields(card.fields)
            text.jumps(card.jumps)
            text.link(card.action)
            text.menu(card.menu)
        case .newsNotice(let card):
            text.title(card.mainTitle)
            text.images(card.image, card.imageText)
            text.quote(card.quote)
            text.paragraphs(card.paragraphs)
            text.fields(card.fields)
            text.jumps(card.jumps)
            text.link(card.action)
            text.menu(card.menu)
        case .buttonInteraction(let card):
            text.title(card.mainTitle)
            text.paragraph(card.subtitle)
            text.quote(card.quote)
            text.fields(card.fields)
            if let selection = card.selection { text.select(selection) }
            text.choices(nil, card.buttons.map { ($0.text, false) })
            if let action = card.action { text.link(action) }
            text.menu(card.menu)
        case .voteInteraction(let card):
            text.title(card.mainTitle)
            text.choices(nil, card.checkbox.options.map { ($0.text, $0.isChecked == true) })
        case .multipleInteraction(let card):
            text.title(card.mainTitle)
            for select in card.selects { text.select(select) }
        }
        let result = text.blocks.joined(separator: "\n\n")
        return VisibleText.isVisible(result) ? result : "[\(cardType)]"
    }
}

/// Collects the blocks of a card's Markdown.
private struct CardMarkdown {
    private(set) var blocks: [String] = []
    /// Number of the last thing to choose.
    private var number = 0
    private var addresses: Set<String> = []

    /// On one line: line ends would end the emphasis or the list entry.
    private static func line(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).joined(separator: " ")
    }

    private mutating func add(_ lines: [String?]) {
        let lines = lines.compactMap(\.self).filter { VisibleText.isVisible($0) }
        if !lines.isEmpty { blocks.append(lines.joined(separator: "\n")) }
    }

    private mutating func linked(_ text: String, _ url: String?) -> String {
        guard let url else { return Self.line(text) }
        addresses.insert(url)
        let address = url.reduce(into: "") { result, character in
            switch character {
            case "(": result += "%28"
            case ")": result += "%29"
            default: result.append(character)
            }
        }
        return "[\(Self.line(text))](\(address))"
    }

    private static func bold(_ text: String?) -> String? {
        text.flatMap { VisibleText.isVisible($0) ? "**\(line($0))**" : nil }
    }

    mutating func title(_ title: CardTitle?) { add([Self.bold(title?.title), title?.desc]) }

    mutating func figure(_ figure: CardTitle?) {
        add([[Self.bold(figure?.title), figure?.desc.map(Self.line)].compactMap(\.self).joined(separator: " ")])
    }

    mutating func paragraph(_ text: String?) { add([text]) }

    mutating func quote(_ quote: CardQuote?) {
        guard let quote else { return }
        var lines = [quote.title, quote.text].compactMap(\.self).flatMap { $0.split(whereSeparator: \.isNewline) }
            .map(String.init)
        if let first = lines.first { lines[0] = linked(first, quote.url) }
        add(lines.map { "> " + $0 })
    }

    mutating func fields(_ fields: [CardField]?) {
        var lines: [String] = []
        for field in fields ?? [] {
            let value = linked(field.value ?? field.userID ?? field.url ?? "", field.url)
            lines.append("- \(Self.line(field.name)): \(value)")
        }
        add(lines)
    }

    mutating func jumps(_ jumps: [CardJump]?) {
        var lines: [String] = []
        for jump in jumps ?? [] {
            let question = jump.question.map { ": " + Self.line($0) } ?? ""
            lines.append("- " + linked(jump.title, jump.url) + question)
        }
        add(lines)
    }

    mutating func paragraphs(_ paragraphs: [CardParagraph]?) {
        for paragraph in paragraphs ?? [] { add([Self.bold(paragraph.title), paragraph.desc]) }
    }

    mutating func images(_ image: CardImage?, _ imageText: CardImageText?) {
        link(CardLink(type: 1, url: image?.url))
        guard let imageText else { return }
        add([imageText.title.map { linked($0, imageText.url) }, imageText.desc])
        link(CardLink(type: 1, url: imageText.imageURL))
    }

    /// An address on a line of its own, unless the text has it already.
    mutating func link(_ link: CardLink) {
        if let url = link.url, addresses.insert(url).inserted { add([url]) }
    }

    mutating func select(_ select: CardSelect) {
        choices(select.title, select.options.map { ($0.text, $0.id == select.selectedID) })
    }

    mutating func menu(_ menu: CardMenu?) {
        if let menu { choices(menu.desc, menu.entries.map { ($0.text, false) }) }
    }

    mutating func choices(_ heading: String?, _ choices: [(text: String, isChosen: Bool)]) {
        var lines = [heading.map { Self.line($0) + ":" }]
        for choice in choices {
            number += 1
            lines.append("\(number). " + Self.line(choice.text) + (choice.isChosen ? " ✓" : ""))
        }
        add(lines)
    }
}
