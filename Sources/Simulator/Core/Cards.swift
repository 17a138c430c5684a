/// What the platform makes of a template card.
enum CardVerdict: Sendable, Hashable {
    /// Shown.
    case show
    /// Acknowledged, never shown.
    case hide
    /// Refused.
    case refuse(PlatformRefusal)
}

/// Checks template cards and remembers the task ids in use.
struct Cards: Sendable {
    /// Task ids remembered per bot.
    static let taskLimit = 20_000

    private var taskIDs: [String: Set<String>] = [:]

    /// Judges a card that is about to be sent (`isUpdate`: to replace one) and takes its task id.
    mutating func judge(_ card: JSONValue, bot: String, isUpdate: Bool, options: PlatformOptions) -> CardVerdict {
        if let refusal = CardSchema.check(card) {
            return options.invalidCards == .acknowledgeOnly ? .hide : .refuse(refusal)
        }
        if let taskID = card["task_id"]?.stringValue {
            guard CardSchema.isTaskID(taskID) else {
                return options.invalidCards == .acknowledgeOnly ? .hide : .refuse(.taskID)
            }
            if !isUpdate {
                guard taskIDs[bot]?.contains(taskID) != true else { return .refuse(.taskID) }
                if (taskIDs[bot]?.count ?? 0) >= Self.taskLimit { taskIDs[bot] = nil }
                taskIDs[bot, default: []].insert(taskID)
            }
        }
        if options.hidesCardsWithSource, card["source"] != nil { return .hide }
        let unknown = card.objectValue?.keys.contains { !CardSchema.knownFields.contains($0) } ?? false
        return options.hidesCardsWithUnknownFields && unknown ? .hide : .show
    }
}

/// The rules of the five card types: required members, list lengths, byte limits, types.
enum CardSchema {
    static let knownFields: Set<String> = [
        "card_type", "source", "action_menu", "main_title", "emphasis_content", "quote_area", "sub_title_text",
        "horizontal_content_list", "jump_list", "card_action", "task_id", "feedback", "card_image", "image_text_area",
        "vertical_content_list", "button_list", "button_selection", "checkbox", "submit_button", "select_list",
    ]

    static func isTaskID(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "_"), UInt8(ascii: "@"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    /// The first rule that the card breaks; nil when there is none. `task_id` itself is judged elsewhere.
    static func check(_ card: JSONValue) -> PlatformRefusal? {
        do throws(PlatformRefusal) {
            try common(card)
            switch card["card_type"]?.stringValue {
            case "text_notice": try textNotice(card)
            case "news_notice": try newsNotice(card)
            case "button_interaction": try buttons(card)
            case "vote_interaction": try vote(card)
            case "multiple_interaction": try selects(card)
            default: throw PlatformRefusal.schema("card_type")
            }
            return nil
        } catch {
            return error
        }
    }

    private static func common(_ card: JSONValue) throws(PlatformRefusal) {
        try list(card, "horizontal_content_list", 0...6) { item throws(PlatformRefusal) in
            try text(item, "keyname", maxBytes: nil)
        }
        try list(card, "jump_list", 0...3) { item throws(PlatformRefusal) in
            try text(item, "title", maxBytes: nil)
        }
        if let menu = card["action_menu"] {
            try requireTaskID(card)
            var keys: Set<String> = []
            try list(menu, "action_list", 1...3, isRequired: true) { item throws(PlatformRefusal) in
                try text(item, "text", maxBytes: nil)
                try text(item, "key", maxBytes: 1_024)
                guard keys.insert(item["key"]?.stringValue ?? "").inserted else {
                    throw .schema("action_menu.action_list.key")
                }
            }
        }
        for field in ["card_action", "quote_area"] {
            if let area = card[field], let type = area["type"], type.intValue == nil { throw .schema("\(field).type") }
        }
        if card["emphasis_content"] != nil, card["quote_area"] != nil { throw .schema("quote_area") }
        if let id = card["feedback"]?["id"]?.stringValue, id.utf8.count > 256 { throw .schema("feedback.id") }
    }

    private static func textNotice(_ card: JSONValue) throws(PlatformRefusal) {
        try cardAction(card)
        guard isFilled(card["main_title"]?["title"]) || isFilled(card["sub_title_text"]) else {
            throw .schema("main_title.title")
        }
    }

    private static func newsNotice(_ card: JSONValue) throws(PlatformRefusal) {
        try cardAction(card)
        guard isFilled(card["main_title"]?["title"]) else { throw .schema("main_title.title") }
        guard isFilled(card["card_image"]?["url"]) || isFilled(card["image_text_area"]?["image_url"]) else {
            throw .schema("card_image")
        }
        try list(card, "vertical_content_list", 0...4) { item throws(PlatformRefusal) in
            try text(item, "title", maxBytes: nil)
        }
    }

    private static func buttons(_ card: JSONValue) throws(PlatformRefusal) {
        try requireTaskID(card)
        guard card["main_title"]?.objectValue != nil else { throw .schema("main_title") }
        guard let buttons = card["button_list"]?.arrayValue, (1...6).contains(buttons.count) else {
            throw .buttonSize
        }
        for button in buttons {
            try text(button, "text", maxBytes: nil)
            try text(button, "key", maxBytes: 1_024)
            if let style = button["style"], style.intValue == nil { throw .schema("button_list.style") }
        }
        if let selection = card["button_selection"] { try select(selection) }
    }

    private static func vote(_ card: JSONValue) throws(PlatformRefusal) {
        try requireTaskID(card)
        guard card["main_title"]?.objectValue != nil else { throw .schema("main_title") }
        guard let box = card["checkbox"] else { throw .schema("checkbox") }
        try text(box, "question_key", maxBytes: 1_024)
        if let mode = box["mode"] {
            guard let value = mode.intValue, value == 0 || value == 1 else { throw .schema("checkbox.mode") }
        }
        try options(box, 1...20)
        try submitButton(card)
    }

    private static func selects(_ card: JSONValue) throws(PlatformRefusal) {
        try requireTaskID(card)
        guard card["main_title"]?.objectValue != nil else { throw .schema("main_title") }
        try list(card, "select_list", 1...3, isRequired: true) { item throws(PlatformRefusal) in try select(item) }
        try submitButton(card)
    }

    private static func select(_ item: JSONValue) throws(PlatformRefusal) {
        try text(item, "question_key", maxBytes: 1_024)
        try options(item, 1...10)
    }

    private static func options(_ item: JSONValue, _ range: ClosedRange<Int>) throws(PlatformRefusal) {
        try list(item, "option_list", range, isRequired: true) { option throws(PlatformRefusal) in
            try text(option, "id", maxBytes: 128)
            try text(option, "text", maxBytes: nil)
        }
    }

    private static func submitButton(_ card: JSONValue) throws(PlatformRefusal) {
        guard let button = card["submit_button"] else { throw .schema("submit_button") }
        try text(button, "text", maxBytes: nil)
        try text(button, "key", maxBytes: 1_024)
    }

    private static func cardAction(_ card: JSONValue) throws(PlatformRefusal) {
        guard let action = card["card_action"], let type = action["type"]?.intValue else {
            throw .schema("card_action")
        }
        if type == 1, !isFilled(action["url"]) { throw .schema("card_action.url") }
        if type == 2, !isFilled(action["appid"]) { throw .schema("card_action.appid") }
    }

    private static func requireTaskID(_ card: JSONValue) throws(PlatformRefusal) {
        guard card["task_id"]?.stringValue != nil else { throw .schema("task_id") }
    }

    private static func isFilled(_ value: JSONValue?) -> Bool { value?.stringValue?.isEmpty == false }

    private static func text(_ item: JSONValue, _ key: String, maxBytes: Int?) throws(PlatformRefusal) {
        guard let value = item[key]?.stringValue, !value.isEmpty else { throw .schema(key) }
        if let maxBytes, value.utf8.count > maxBytes { throw .schema(key) }
    }

    private static func list(
        _ item: JSONValue, _ key: String, _ range: ClosedRange<Int>, isRequired: Bool = false,
        _ body: (JSONValue) throws(PlatformRefusal) -> Void
    ) throws(PlatformRefusal) {
        guard let value = item[key] else {
            if isRequired { throw .schema(key) }
            return
        }
        guard let elements = value.arrayValue, range.contains(elements.count) else { throw .schema(key) }
        for element in elements { try body(element) }
    }
}

extension PlatformRefusal {
    static func schema(_ field: String) -> PlatformRefusal {
        PlatformRefusal(code: 42_014, text: "invalid template_card, field `\(field)`")
    }
}
