extension TemplateCard {
    /// Checks the limits beyond which the platform refuses a card, or takes it and never shows it. A missing task id passes.
    ///
    /// Lengths in characters are not checked: clients cut them.
    ///
    /// - Throws: the first thing that is wrong.
    public func validate() throws(CardProblem) {
        try CardChecks.taskID(taskID)
        switch self {
        case .textNotice(let card): try card.check()
        case .newsNotice(let card): try card.check()
        case .buttonInteraction(let card): try card.check()
        case .voteInteraction(let card): try card.check()
        case .multipleInteraction(let card): try card.check()
        }
    }
}

extension TextNoticeCard {
    fileprivate func check() throws(CardProblem) {
        if mainTitle?.title?.isEmpty ?? true, subtitle?.isEmpty ?? true {
            throw CardProblem("main_title.title", "is missing", "Give the card a title, or a sub_title_text")
        }
        if emphasis != nil, quote != nil {
            throw CardProblem("emphasis_content", "does not go together with quote_area", "Leave one of them out")
        }
        try CardChecks.link(action, "card_action")
        try CardChecks.quote(quote)
        try CardChecks.lists(fields: fields, jumps: jumps)
        try CardChecks.clickKeys(menu: menu)
        try CardChecks.feedback(feedback)
    }
}

extension NewsNoticeCard {
    fileprivate func check() throws(CardProblem) {
        try CardChecks.title(mainTitle)
        guard image != nil || imageText != nil else {
            throw CardProblem("card_image", "is missing", "Add card_image or image_text_area")
        }
        if let image {
            try CardChecks.url(image.url, "card_image.url")
            if let ratio = image.aspectRatio, !(1.3...2.25).contains(ratio) {
                throw CardProblem("card_image.aspect_ratio", "is out of range", "Write 1.3 to 2.25, or leave it out")
            }
        }
        if let imageText {
            try CardChecks.url(imageText.imageURL, "image_text_area.image_url")
            try CardChecks.target(
                imageText.type, allowed: [0, 1, 2], url: imageText.url, appID: imageText.appID, "image_text_area")
        }
        try CardChecks.count(paragraphs, 0...4, "vertical_content_list")
        try CardChecks.link(action, "card_action")
        try CardChecks.quote(quote)
        try CardChecks.lists(fields: fields, jumps: jumps)
        try CardChecks.clickKeys(menu: menu)
        try CardChecks.feedback(feedback)
    }
}

extension ButtonInteractionCard {
    fileprivate func check() throws(CardProblem) {
        try CardChecks.title(mainTitle)
        try CardChecks.count(buttons, 1...6, "button_list")
        for (index, button) in buttons.enumerated() {
            try CardChecks.text(button.text, "button_list[\(index)].text")
            if let style = button.style, !(1...4).contains(style) {
                throw CardProblem("button_list[\(index)].style", "is out of range", "Write 1 to 4, or leave it out")
            }
        }
        if let action { try CardChecks.link(action, "card_action") }
        if let selection { try CardChecks.select(selection, "button_selection") }
        try CardChecks.quote(quote)
        try CardChecks.lists(fields: fields, jumps: nil)
        try CardChecks.clickKeys(buttons: buttons.map(\.key), menu: menu)
        try CardChecks.feedback(feedback)
    }
}

extension VoteInteractionCard {
    fileprivate func check() throws(CardProblem) {
        try CardChecks.title(mainTitle)
        try CardChecks.key(checkbox.questionKey, "checkbox.question_key")
        if let mode = checkbox.mode, !(0...1).contains(mode) {
            throw CardProblem("checkbox.mode", "is out of range", "Write 0 for one choice, 1 for several")
        }
        let options = checkbox.options
        try CardChecks.options(options.map { ($0.id, $0.text) }, most: 20, "checkbox.option_list")
        if checkbox.mode ?? 0 == 0, options.count(where: { $0.isChecked == true }) > 1 {
            throw CardProblem("checkbox.option_list", "has several chosen options", "Set mode to 1, or choose one")
        }
        try CardChecks.submit(submit)
        try CardChecks.feedback(feedback)
    }
}

extension MultipleInteractionCard {
    fileprivate func check() throws(CardProblem) {
        try CardChecks.title(mainTitle)
        try CardChecks.count(selects, 1...3, "select_list")
        var seen: Set<String> = []
        for (index, select) in selects.enumerated() {
            try CardChecks.select(select, "select_list[\(index)]")
            guard seen.insert(select.questionKey).inserted else {
                throw CardProblem(
                    "select_list[\(index)].question_key", "is used twice", "Give every list its own key")
            }
        }
        try CardChecks.submit(submit)
        try CardChecks.feedback(feedback)
    }
}

/// Checks that several types of card share. Limits in bytes are those of the platform's documentation.
private enum CardChecks {
    static func taskID(_ id: String?) throws(CardProblem) {
        guard let id, !TaskIDGenerator.isValid(id) else { return }
        throw CardProblem("task_id", "is not acceptable", "Use up to 128 letters, digits, _, - or @")
    }

    static func title(_ title: CardTitle) throws(CardProblem) {
        guard title.title?.isEmpty ?? true, title.desc?.isEmpty ?? true else { return }
        throw CardProblem("main_title", "is empty", "Give the card a title")
    }

    static func text(_ text: String, _ path: String) throws(CardProblem) {
        if text.isEmpty { throw CardProblem(path, "is empty", "Write a text") }
    }

    static func count<Element>(
        _ list: [Element]?, _ allowed: ClosedRange<Int>, _ path: String
    ) throws(CardProblem) {
        guard let list, !allowed.contains(list.count) else { return }
        let limits =
            allowed.lowerBound == 0 ? "at most \(allowed.upperBound)" : "\(allowed.lowerBound) to \(allowed.upperBound)"
        throw CardProblem(path, "has \(list.count) entries", "Keep \(limits)")
    }

    static func key(_ key: String, _ path: String) throws(CardProblem) {
        try bytes(key, 1_024, path)
    }

    static func bytes(_ text: String, _ most: Int, _ path: String) throws(CardProblem) {
        if text.isEmpty { throw CardProblem(path, "is empty", "Write 1 to \(most) bytes") }
        if text.utf8.count > most {
            throw CardProblem(path, "has \(text.utf8.count) bytes", "Keep at most \(most)")
        }
    }

    static func url(_ url: String, _ path: String) throws(CardProblem) {
        let lowered = url.prefix(8).lowercased()
        let scheme = lowered.hasPrefix("https://") ? 8 : lowered.hasPrefix("http://") ? 7 : 0
        let host = url.utf8.dropFirst(scheme).prefix {
            $0 != ASCII.slash && $0 != UInt8(ascii: "?") && $0 != ASCII.hash
        }
        guard scheme > 0, !host.isEmpty, url.utf8.allSatisfy({ $0 > ASCII.space && $0 != 0x7F }) else {
            throw CardProblem(path, "is no web address", "Write an address that begins with https:// or http://")
        }
    }

    static func target(
        _ type: Int?, allowed: Set<Int>, url: String?, appID: String?, _ path: String
    ) throws(CardProblem) {
        let type = type ?? 0
        guard allowed.contains(type) else {
            let names = allowed.sorted().map(String.init).joined(separator: ", ")
            throw CardProblem(path + ".type", "is out of range", "Use one of \(names)")
        }
        if let url { try Self.url(url, path + ".url") }
        if type == 1, url == nil { throw CardProblem(path + ".url", "is missing", "Add the address, as type is 1") }
        if type == 2, appID?.isEmpty ?? true {
            throw CardProblem(path + ".appid", "is missing", "Add the mini program, as type is 2")
        }
    }

    static func link(_ link: CardLink, _ path: String) throws(CardProblem) {
        try target(link.type, allowed: [0, 1, 2], url: link.url, appID: link.appID, path)
    }

    static func quote(_ quote: CardQuote?) throws(CardProblem) {
        guard let quote else { return }
        try target(quote.type, allowed: [0, 1, 2], url: quote.url, appID: quote.appID, "quote_area")
    }

    static func lists(fields: [CardField]?, jumps: [CardJump]?) throws(CardProblem) {
        try count(fields, 0...6, "horizontal_content_list")
        for (index, field) in (fields ?? []).enumerated() {
            let path = "horizontal_content_list[\(index)]"
            try text(field.name, path + ".keyname")
            try target(field.type, allowed: [0, 1, 3], url: field.url, appID: nil, path)
            if field.type == 3, field.userID?.isEmpty ?? true {
                throw CardProblem(path + ".userid", "is missing", "Add the member, as type is 3")
            }
        }
        try count(jumps, 0...3, "jump_list")
        for (index, jump) in (jumps ?? []).enumerated() {
            let path = "jump_list[\(index)]"
            try text(jump.title, path + ".title")
            try target(jump.type, allowed: [0, 1, 2, 3], url: jump.url, appID: jump.appID, path)
            if jump.type == 3 || jump.question != nil { try bytes(jump.question ?? "", 200, path + ".question") }
        }
    }

    /// All keys of buttons and menu entries: a click brings nothing else, so each must be the only one of its name.
    static func clickKeys(buttons: [String] = [], menu: CardMenu?) throws(CardProblem) {
        try count(menu?.entries, 1...3, "action_menu.action_list")
        var keys = buttons.enumerated().map { (key: $1, path: "button_list[\($0)].key") }
        for (index, entry) in (menu?.entries ?? []).enumerated() {
            try text(entry.text, "action_menu.action_list[\(index)].text")
            keys.append((entry.key, "action_menu.action_list[\(index)].key"))
        }
        var seen: Set<String> = []
        for (key, path) in keys {
            try Self.key(key, path)
            guard seen.insert(key).inserted else {
                throw CardProblem(path, "is used twice", "Give every button and menu entry its own key")
            }
        }
    }

    static func options(_ options: [(id: String, text: String)], most: Int, _ path: String) throws(CardProblem) {
        try count(options, 1...most, path)
        var seen: Set<String> = []
        for (index, option) in options.enumerated() {
            try bytes(option.id, 128, path + "[\(index)].id")
            try text(option.text, path + "[\(index)].text")
            guard seen.insert(option.id).inserted else {
                throw CardProblem(path + "[\(index)].id", "is used twice", "Give every option its own id")
            }
        }
    }

    static func select(_ select: CardSelect, _ path: String) throws(CardProblem) {
        try key(select.questionKey, path + ".question_key")
        try options(select.options.map { ($0.id, $0.text) }, most: 10, path + ".option_list")
        if let id = select.selectedID, !select.options.contains(where: { $0.id == id }) {
            throw CardProblem(path + ".selected_id", "names no option", "Use the id of one of the options")
        }
    }

    static func submit(_ submit: CardSubmit) throws(CardProblem) {
        try text(submit.text, "submit_button.text")
        try key(submit.key, "submit_button.key")
    }

    static func feedback(_ feedback: CardFeedback?) throws(CardProblem) {
        if let feedback { try bytes(feedback.id, 256, "feedback.id") }
    }
}
