extension TemplateCard {
    /// Largest card text that is read, in bytes of UTF-8 (assumed; real cards have a few kilobytes).
    public static let maxBytes = 64 << 10

    /// Reads a card, or an object with a card under `template_card`, as models and people write it.
    ///
    /// Repaired: numbers written as strings and the reverse, trailing commas and other liberties of JSON5, unknown fields
    /// (dropped), texts longer than clients show (cut), `type` of a link left out. `source` is dropped, because it is
    /// reported to make the whole card vanish. A task id that is missing, or that the platform would not take, reads as nil:
    /// the sender gives the card one. Everything else is held to the platform's limits, since it may accept a bad card
    /// and never show it.
    ///
    /// - Throws: the first thing that is wrong.
    public init(json: String) throws(CardProblem) {
        let limits = JSON5Limits(maxBytes: Self.maxBytes, maxDepth: 32)
        let root: JSON5Value
        do {
            root = try JSON5Document(parsing: json, limits: limits).root
        } catch {
            let place = error.problems.first.map { " at line \($0.position.line), column \($0.position.column)" } ?? ""
            throw CardProblem("", "is not JSON\(place)", "Write one JSON object")
        }
        // Fields are named as in the card, whether or not it stands in a wrapper.
        let card = root.member("template_card")?.value ?? root
        guard let reader = CardReader(card, path: "") else {
            throw CardProblem("", "is \(card.kindInWords)", "Write an object with \"card_type\"")
        }
        try self.init(reading: reader)
    }

    private init(reading reader: CardReader) throws(CardProblem) {
        guard let kind = Kind(rawValue: try reader.required("card_type")) else {
            let names = Kind.allCases.map(\.rawValue).joined(separator: ", ")
            throw CardProblem(reader.field("card_type"), "is no type of card", "Use one of \(names)")
        }
        switch kind {
        case .textNotice: self = .textNotice(try TextNoticeCard(reading: reader))
        case .newsNotice: self = .newsNotice(try NewsNoticeCard(reading: reader))
        case .buttonInteraction: self = .buttonInteraction(try ButtonInteractionCard(reading: reader))
        case .voteInteraction: self = .voteInteraction(try VoteInteractionCard(reading: reader))
        case .multipleInteraction: self = .multipleInteraction(try MultipleInteractionCard(reading: reader))
        }
        try validate()
    }
}

extension TextNoticeCard {
    fileprivate init(reading reader: CardReader) throws(CardProblem) {
        self.init(
            action: try CardLink(reading: try reader.requiredObject("card_action")),
            mainTitle: try reader.title("main_title", 26, 30),
            emphasis: try reader.title("emphasis_content", 10, 15),
            quote: try reader.quote(),
            subtitle: try reader.text("sub_title_text", most: 112),
            fields: try reader.fields(),
            jumps: try reader.jumps(),
            menu: try reader.menu(),
            taskID: try reader.taskID(),
            feedback: try reader.feedback())
    }
}

extension NewsNoticeCard {
    fileprivate init(reading reader: CardReader) throws(CardProblem) {
        self.init(
            mainTitle: try reader.requiredTitle(),
            action: try CardLink(reading: try reader.requiredObject("card_action")),
            image: try reader.image(),
            imageText: try reader.imageText(),
            quote: try reader.quote(),
            paragraphs: try reader.paragraphs(),
            fields: try reader.fields(),
            jumps: try reader.jumps(),
            menu: try reader.menu(),
            taskID: try reader.taskID(),
            feedback: try reader.feedback())
    }
}

extension ButtonInteractionCard {
    fileprivate init(reading reader: CardReader) throws(CardProblem) {
        let action = try reader.object("card_action")
        let selection = try reader.object("button_selection")
        self.init(
            mainTitle: try reader.requiredTitle(),
            buttons: try reader.requiredList("button_list") { button throws(CardProblem) in
                let style = try button.integer("style")
                return CardButton(
                    text: try button.requiredText("text", most: 10), key: try button.required("key"),
                    // Only a look: one that does not exist is no reason to refuse the card.
                    style: style.flatMap { (1...4).contains($0) ? $0 : nil })
            },
            quote: try reader.quote(),
            subtitle: try reader.text("sub_title_text", most: 112),
            fields: try reader.fields(),
            action: try CardLink(optionally: action),
            selection: try CardSelect(optionally: selection),
            menu: try reader.menu(),
            taskID: try reader.taskID(),
            feedback: try reader.feedback())
    }
}

extension VoteInteractionCard {
    fileprivate init(reading reader: CardReader) throws(CardProblem) {
        let checkbox = try reader.requiredObject("checkbox")
        let options = try checkbox.requiredList("option_list") { option throws(CardProblem) in
            CardCheckbox.Option(
                id: try option.required("id"), text: try option.requiredText("text", most: 11),
                isChecked: try option.bool("is_checked"))
        }
        self.init(
            mainTitle: try reader.requiredTitle(),
            checkbox: CardCheckbox(
                questionKey: try checkbox.required("question_key"), options: options,
                mode: try checkbox.integer("mode").map { min(max($0, 0), 1) }, isDisabled: try checkbox.bool("disable")),
            submit: try reader.submit(),
            taskID: try reader.taskID(),
            feedback: try reader.feedback())
    }
}

extension MultipleInteractionCard {
    fileprivate init(reading reader: CardReader) throws(CardProblem) {
        self.init(
            mainTitle: try reader.requiredTitle(),
            selects: try reader.requiredList("select_list") { select throws(CardProblem) in
                try CardSelect(reading: select)
            },
            submit: try reader.submit(),
            taskID: try reader.taskID(),
            feedback: try reader.feedback())
    }
}

extension CardLink {
    fileprivate init(reading reader: CardReader) throws(CardProblem) {
        self.init(
            type: try reader.linkType([("url", 1), ("appid", 2)]) ?? 0, url: try reader.string("url"),
            appID: try reader.string("appid"), pagePath: try reader.string("pagepath"))
    }

    fileprivate init?(optionally reader: CardReader?) throws(CardProblem) {
        guard let reader else { return nil }
        try self.init(reading: reader)
    }
}

extension CardSelect {
    fileprivate init(reading reader: CardReader) throws(CardProblem) {
        self.init(
            questionKey: try reader.required("question_key"), title: try reader.text("title", most: 13),
            options: try reader.requiredList("option_list") { option throws(CardProblem) in
                Option(id: try option.required("id"), text: try option.requiredText("text", most: 10))
            },
            selectedID: try reader.string("selected_id"), isDisabled: try reader.bool("disable"))
        // Preselects nothing then, which is no reason to refuse the card.
        if !options.contains(where: { $0.id == selectedID }) { selectedID = nil }
    }

    fileprivate init?(optionally reader: CardReader?) throws(CardProblem) {
        guard let reader else { return nil }
        try self.init(reading: reader)
    }
}

extension CardReader {
    fileprivate func title(_ key: String, _ title: Int, _ desc: Int) throws(CardProblem) -> CardTitle? {
        guard let reader = try object(key) else { return nil }
        let result = CardTitle(
            title: try reader.text("title", most: title), desc: try reader.text("desc", most: desc))
        return result.title == nil && result.desc == nil ? nil : result
    }

    fileprivate func requiredTitle() throws(CardProblem) -> CardTitle {
        guard let title = try title("main_title", 26, 30) else { throw missing("main_title") }
        return title
    }

    fileprivate func quote() throws(CardProblem) -> CardQuote? {
        guard let reader = try object("quote_area") else { return nil }
        let quote = CardQuote(
            title: try reader.text("title"), text: try reader.text("quote_text"),
            type: try reader.linkType([("url", 1), ("appid", 2)]), url: try reader.string("url"),
            appID: try reader.string("appid"), pagePath: try reader.string("pagepath"))
        return quote.title == nil && quote.text == nil ? nil : quote
    }

    fileprivate func fields() throws(CardProblem) -> [CardField]? {
        try list("horizontal_content_list") { field throws(CardProblem) in
            CardField(
                name: try field.requiredText("keyname", most: 5), value: try field.text("value", most: 26),
                type: try field.linkType([("url", 1), ("userid", 3)]), url: try field.string("url"),
                userID: try field.string("userid"))
        }
    }

    fileprivate func jumps() throws(CardProblem) -> [CardJump]? {
        try list("jump_list") { jump throws(CardProblem) in
            CardJump(
                title: try jump.requiredText("title", most: 13),
                type: try jump.linkType([("url", 1), ("appid", 2), ("question", 3)]), url: try jump.string("url"),
                appID: try jump.string("appid"), pagePath: try jump.string("pagepath"),
                question: try jump.text("question"))
        }
    }

    fileprivate func paragraphs() throws(CardProblem) -> [CardParagraph]? {
        try list("vertical_content_list") { paragraph throws(CardProblem) in
            CardParagraph(
                title: try paragraph.requiredText("title", most: 26), desc: try paragraph.text("desc", most: 112))
        }
    }

    fileprivate func image() throws(CardProblem) -> CardImage? {
        guard let reader = try object("card_image"), let url = try reader.string("url") else { return nil }
        return CardImage(url: url, aspectRatio: try reader.double("aspect_ratio"))
    }

    fileprivate func imageText() throws(CardProblem) -> CardImageText? {
        guard let reader = try object("image_text_area") else { return nil }
        return CardImageText(
            imageURL: try reader.required("image_url"), title: try reader.text("title"),
            desc: try reader.text("desc"), type: try reader.linkType([("url", 1), ("appid", 2)]),
            url: try reader.string("url"), appID: try reader.string("appid"), pagePath: try reader.string("pagepath"))
    }

    fileprivate func menu() throws(CardProblem) -> CardMenu? {
        guard let reader = try object("action_menu") else { return nil }
        let entries = try reader.list("action_list") { entry throws(CardProblem) in
            CardMenu.Entry(text: try entry.requiredText("text", most: .max), key: try entry.required("key"))
        }
        guard let entries else { return nil }
        return CardMenu(desc: try reader.text("desc"), entries: entries)
    }

    fileprivate func submit() throws(CardProblem) -> CardSubmit {
        let reader = try requiredObject("submit_button")
        return CardSubmit(text: try reader.requiredText("text", most: 10), key: try reader.required("key"))
    }

    fileprivate func taskID() throws(CardProblem) -> String? {
        try string("task_id").flatMap { TaskIDGenerator.isValid($0) ? $0 : nil }
    }

    fileprivate func feedback() throws(CardProblem) -> CardFeedback? {
        guard let id = try object("feedback")?.string("id") else { return nil }
        return CardFeedback(id: id)
    }
}
