/// Notice of text (`text_notice`). Needs a title or a subtitle.
public struct TextNoticeCard: Hashable, Sendable, Codable {
    /// Title of the card.
    public var mainTitle: CardTitle?
    /// Emphasized figure; not together with a quoted passage.
    public var emphasis: CardTitle?
    /// Quoted passage.
    public var quote: CardQuote?
    /// Text below the title, up to 112 characters.
    public var subtitle: String?
    /// At most six names with values.
    public var fields: [CardField]?
    /// At most three lines that lead somewhere.
    public var jumps: [CardJump]?
    /// What a tap on the card opens.
    public var action: CardLink
    /// Menu in the corner; needs a task id.
    public var menu: CardMenu?
    /// Id by which clicks come back; `TaskIDGenerator` makes them. Nil until it is given one.
    public var taskID: String?
    /// Name by which a judgement comes back.
    public var feedback: CardFeedback?

    /// Creates a card.
    public init(
        action: CardLink, mainTitle: CardTitle? = nil, emphasis: CardTitle? = nil, quote: CardQuote? = nil,
        subtitle: String? = nil, fields: [CardField]? = nil, jumps: [CardJump]? = nil, menu: CardMenu? = nil,
        taskID: String? = nil, feedback: CardFeedback? = nil
    ) {
        self.mainTitle = mainTitle
        self.emphasis = emphasis
        self.quote = quote
        self.subtitle = subtitle
        self.fields = fields
        self.jumps = jumps
        self.action = action
        self.menu = menu
        self.taskID = taskID
        self.feedback = feedback
    }

    enum CodingKeys: String, CodingKey {
        case mainTitle = "main_title"
        case emphasis = "emphasis_content"
        case quote = "quote_area"
        case subtitle = "sub_title_text"
        case fields = "horizontal_content_list"
        case jumps = "jump_list"
        case action = "card_action"
        case menu = "action_menu"
        case taskID = "task_id"
        case feedback
    }
}

/// Notice with a picture (`news_notice`).
public struct NewsNoticeCard: Hashable, Sendable, Codable {
    /// Title of the card.
    public var mainTitle: CardTitle
    /// Large picture; it or `imageText` is needed.
    public var image: CardImage?
    /// Small picture with text; it or `image` is needed.
    public var imageText: CardImageText?
    /// Quoted passage.
    public var quote: CardQuote?
    /// At most four paragraphs.
    public var paragraphs: [CardParagraph]?
    /// At most six names with values.
    public var fields: [CardField]?
    /// At most three lines that lead somewhere.
    public var jumps: [CardJump]?
    /// What a tap on the card opens.
    public var action: CardLink
    /// Menu in the corner; needs a task id.
    public var menu: CardMenu?
    /// Id by which clicks come back; `TaskIDGenerator` makes them. Nil until it is given one.
    public var taskID: String?
    /// Name by which a judgement comes back.
    public var feedback: CardFeedback?

    /// Creates a card.
    public init(
        mainTitle: CardTitle, action: CardLink, image: CardImage? = nil, imageText: CardImageText? = nil,
        quote: CardQuote? = nil, paragraphs: [CardParagraph]? = nil, fields: [CardField]? = nil,
        jumps: [CardJump]? = nil, menu: CardMenu? = nil, taskID: String? = nil, feedback: CardFeedback? = nil
    ) {
        self.mainTitle = mainTitle
        self.image = image
        self.imageText = imageText
        self.quote = quote
        self.paragraphs = paragraphs
        self.fields = fields
        self.jumps = jumps
        self.action = action
        self.menu = menu
        self.taskID = taskID
        self.feedback = feedback
    }

    enum CodingKeys: String, CodingKey {
        case mainTitle = "main_title"
        case image = "card_image"
        case imageText = "image_text_area"
        case quote = "quote_area"
        case paragraphs = "vertical_content_list"
        case fields = "horizontal_content_list"
        case jumps = "jump_list"
        case action = "card_action"
        case menu = "action_menu"
        case taskID = "task_id"
        case feedback
    }
}

/// Card with buttons (`button_interaction`).
public struct ButtonInteractionCard: Hashable, Sendable, Codable {
    /// Title of the card.
    public var mainTitle: CardTitle
    /// Quoted passage.
    public var quote: CardQuote?
    /// Text below the title, up to 112 characters.
    public var subtitle: String?
    /// At most six names with values.
    public var fields: [CardField]?
    /// What a tap on the card opens.
    public var action: CardLink?
    /// List to choose from before a button is pressed.
    public var selection: CardSelect?
    /// One to six buttons.
    public var buttons: [CardButton]
    /// Menu in the corner; needs a task id.
    public var menu: CardMenu?
    /// Id by which clicks come back; `TaskIDGenerator` makes them. Nil until it is given one.
    public var taskID: String?
    /// Name by which a judgement comes back.
    public var feedback: CardFeedback?

    /// Creates a card.
    public init(
        mainTitle: CardTitle, buttons: [CardButton], quote: CardQuote? = nil, subtitle: String? = nil,
        fields: [CardField]? = nil, action: CardLink? = nil, selection: CardSelect? = nil, menu: CardMenu? = nil,
        taskID: String? = nil, feedback: CardFeedback? = nil
    ) {
        self.mainTitle = mainTitle
        self.quote = quote
        self.subtitle = subtitle
        self.fields = fields
        self.action = action
        self.selection = selection
        self.buttons = buttons
        self.menu = menu
        self.taskID = taskID
        self.feedback = feedback
    }

    enum CodingKeys: String, CodingKey {
        case mainTitle = "main_title"
        case quote = "quote_area"
        case subtitle = "sub_title_text"
        case fields = "horizontal_content_list"
        case action = "card_action"
        case selection = "button_selection"
        case buttons = "button_list"
        case menu = "action_menu"
        case taskID = "task_id"
        case feedback
    }
}

/// Vote (`vote_interaction`).
public struct VoteInteractionCard: Hashable, Sendable, Codable {
    /// Title of the card.
    public var mainTitle: CardTitle
    /// What can be voted for.
    public var checkbox: CardCheckbox
    /// Button that sends in the choice.
    public var submit: CardSubmit
    /// Id by which clicks come back; `TaskIDGenerator` makes them. Nil until it is given one.
    public var taskID: String?
    /// Name by which a judgement comes back.
    public var feedback: CardFeedback?

    /// Creates a card.
    public init(
        mainTitle: CardTitle, checkbox: CardCheckbox, submit: CardSubmit, taskID: String? = nil,
        feedback: CardFeedback? = nil
    ) {
        self.mainTitle = mainTitle
        self.checkbox = checkbox
        self.submit = submit
        self.taskID = taskID
        self.feedback = feedback
    }

    enum CodingKeys: String, CodingKey {
        case mainTitle = "main_title"
        case checkbox
        case submit = "submit_button"
        case taskID = "task_id"
        case feedback
    }
}

/// Form of drop-down lists (`multiple_interaction`).
public struct MultipleInteractionCard: Hashable, Sendable, Codable {
    /// Title of the card.
    public var mainTitle: CardTitle
    /// One to three lists to choose from.
    public var selects: [CardSelect]
    /// Button that sends in the choice.
    public var submit: CardSubmit
    /// Id by which clicks come back; `TaskIDGenerator` makes them. Nil until it is given one.
    public var taskID: String?
    /// Name by which a judgement comes back.
    public var feedback: CardFeedback?

    /// Creates a card.
    public init(
        mainTitle: CardTitle, selects: [CardSelect], submit: CardSubmit, taskID: String? = nil,
        feedback: CardFeedback? = nil
    ) {
        self.mainTitle = mainTitle
        self.selects = selects
        self.submit = submit
        self.taskID = taskID
        self.feedback = feedback
    }

    enum CodingKeys: String, CodingKey {
        case mainTitle = "main_title"
        case selects = "select_list"
        case submit = "submit_button"
        case taskID = "task_id"
        case feedback
    }
}
