/// Two lines of text: the title of a card, or its emphasized figure.
public struct CardTitle: Hashable, Sendable, Codable {
    /// First line; up to 26 characters in a title, 10 in a figure.
    public var title: String?
    /// Second line; up to 30 characters in a title, 15 in a figure.
    public var desc: String?

    /// Creates a title.
    public init(title: String? = nil, desc: String? = nil) {
        self.title = title
        self.desc = desc
    }
}

/// What a tap on a part of a card opens.
public struct CardLink: Hashable, Sendable, Codable {
    /// 0 nothing, 1 an address, 2 a mini program.
    public var type: Int
    /// Address (http or https), for type 1.
    public var url: String?
    /// Mini program, for type 2.
    public var appID: String?
    /// Page of the mini program.
    public var pagePath: String?

    /// Creates a link.
    public init(type: Int, url: String? = nil, appID: String? = nil, pagePath: String? = nil) {
        self.type = type
        self.url = url
        self.appID = appID
        self.pagePath = pagePath
    }

    enum CodingKeys: String, CodingKey {
        case type
        case url
        case appID = "appid"
        case pagePath = "pagepath"
    }
}

/// Quoted passage.
public struct CardQuote: Hashable, Sendable, Codable {
    /// What a tap opens: 0 nothing (also nil), 1 an address, 2 a mini program.
    public var type: Int?
    /// Address (http or https), for type 1.
    public var url: String?
    /// Mini program, for type 2.
    public var appID: String?
    /// Page of the mini program.
    public var pagePath: String?
    /// Heading of the passage.
    public var title: String?
    /// The passage.
    public var text: String?

    /// Creates a passage.
    public init(
        title: String? = nil, text: String? = nil, type: Int? = nil, url: String? = nil, appID: String? = nil,
        pagePath: String? = nil
    ) {
        self.type = type
        self.url = url
        self.appID = appID
        self.pagePath = pagePath
        self.title = title
        self.text = text
    }

    enum CodingKeys: String, CodingKey {
        case type
        case url
        case appID = "appid"
        case pagePath = "pagepath"
        case title
        case text = "quote_text"
    }
}

/// One line of the list of names and values.
public struct CardField: Hashable, Sendable, Codable {
    /// Name, up to 5 characters.
    public var name: String
    /// Value, up to 26 characters.
    public var value: String?
    /// What the value is: 0 text (also nil), 1 an address, 3 a member.
    public var type: Int?
    /// Address (http or https), for type 1.
    public var url: String?
    /// Member, for type 3.
    public var userID: String?

    /// Creates a line.
    public init(name: String, value: String? = nil, type: Int? = nil, url: String? = nil, userID: String? = nil) {
        self.name = name
        self.value = value
        self.type = type
        self.url = url
        self.userID = userID
    }

    enum CodingKeys: String, CodingKey {
        case name = "keyname"
        case value
        case type
        case url
        case userID = "userid"
    }
}

/// One line at the foot of a notice that leads somewhere.
public struct CardJump: Hashable, Sendable, Codable {
    /// Text of the line, up to 13 characters.
    public var title: String
    /// What a tap does: 0 nothing (also nil), 1 an address, 2 a mini program, 3 asks the bot a question.
    public var type: Int?
    /// Address (http or https), for type 1.
    public var url: String?
    /// Mini program, for type 2.
    public var appID: String?
    /// Page of the mini program.
    public var pagePath: String?
    /// Question, for type 3; at most 200 bytes.
    public var question: String?

    /// Creates a line.
    public init(
        title: String, type: Int? = nil, url: String? = nil, appID: String? = nil, pagePath: String? = nil,
        question: String? = nil
    ) {
        self.title = title
        self.type = type
        self.url = url
        self.appID = appID
        self.pagePath = pagePath
        self.question = question
    }

    enum CodingKeys: String, CodingKey {
        case title
        case type
        case url
        case appID = "appid"
        case pagePath = "pagepath"
        case question
    }
}

/// Menu in the corner of a card.
public struct CardMenu: Hashable, Sendable, Codable {
    /// One entry.
    public struct Entry: Hashable, Sendable, Codable {
        /// Text of the entry.
        public var text: String
        /// Key that comes back with the click; at most 1,024 bytes, unique in the card.
        public var key: String

        /// Creates an entry.
        public init(text: String, key: String) {
            self.text = text
            self.key = key
        }
    }

    /// What the menu is for.
    public var desc: String?
    /// One to three entries.
    public var entries: [Entry]

    /// Creates a menu.
    public init(desc: String? = nil, entries: [Entry]) {
        self.desc = desc
        self.entries = entries
    }

    enum CodingKeys: String, CodingKey {
        case desc
        case entries = "action_list"
    }
}

/// Name by which a judgement of the card comes back.
public struct CardFeedback: Hashable, Sendable, Codable {
    /// Id, at most 256 bytes.
    public var id: String

    /// Creates a name.
    public init(id: String) { self.id = id }
}

/// Picture of a news notice.
public struct CardImage: Hashable, Sendable, Codable {
    /// Address of the picture (http or https).
    public var url: String
    /// Width by height, 1.3 to 2.25.
    public var aspectRatio: Double?

    /// Creates a picture.
    public init(url: String, aspectRatio: Double? = nil) {
        self.url = url
        self.aspectRatio = aspectRatio
    }

    enum CodingKeys: String, CodingKey {
        case url
        case aspectRatio = "aspect_ratio"
    }
}

/// Small picture of a news notice with text beside it.
public struct CardImageText: Hashable, Sendable, Codable {
    /// Address of the picture (http or https).
    public var imageURL: String
    /// What a tap opens: 0 nothing (also nil), 1 an address, 2 a mini program.
    public var type: Int?
    /// Address (http or https), for type 1.
    public var url: String?
    /// Mini program, for type 2.
    public var appID: String?
    /// Page of the mini program.
    public var pagePath: String?
    /// First line beside the picture.
    public var title: String?
    /// Second line.
    public var desc: String?

    /// Creates a picture with text.
    public init(
        imageURL: String, title: String? = nil, desc: String? = nil, type: Int? = nil, url: String? = nil,
        appID: String? = nil, pagePath: String? = nil
    ) {
        self.imageURL = imageURL
        self.type = type
        self.url = url
        self.appID = appID
        self.pagePath = pagePath
        self.title = title
        self.desc = desc
    }

    enum CodingKeys: String, CodingKey {
        case imageURL = "image_url"
        case type
        case url
        case appID = "appid"
        case pagePath = "pagepath"
        case title
        case desc
    }
}

/// One paragraph of a news notice.
public struct CardParagraph: Hashable, Sendable, Codable {
    /// Heading, up to 26 characters.
    public var title: String
    /// Text, up to 112 characters.
    public var desc: String?

    /// Creates a paragraph.
    public init(title: String, desc: String? = nil) {
        self.title = title
        self.desc = desc
    }
}

/// Button of a button card.
public struct CardButton: Hashable, Sendable, Codable {
    /// Text, up to 10 characters; clients show about four in full.
    public var text: String
    /// Look, 1 to 4.
    public var style: Int?
    /// Key that comes back with the click; at most 1,024 bytes, unique in the card.
    public var key: String

    /// Creates a button.
    public init(text: String, key: String, style: Int? = nil) {
        self.text = text
        self.style = style
        self.key = key
    }
}

/// Button that sends in what was chosen.
public struct CardSubmit: Hashable, Sendable, Codable {
    /// Text, up to 10 characters.
    public var text: String
    /// Key that comes back with the click; at most 1,024 bytes.
    public var key: String

    /// Creates a button.
    public init(text: String, key: String) {
        self.text = text
        self.key = key
    }
}

/// Drop-down list, of which one option is chosen.
public struct CardSelect: Hashable, Sendable, Codable {
    /// One option.
    public struct Option: Hashable, Sendable, Codable {
        /// Id that comes back; at most 128 bytes, unique in the list.
        public var id: String
        /// Text, up to 10 characters.
        public var text: String

        /// Creates an option.
        public init(id: String, text: String) {
            self.id = id
            self.text = text
        }
    }

    /// Key under which the choice comes back; at most 1,024 bytes, unique in the card.
    public var questionKey: String
    /// Heading, up to 13 characters.
    public var title: String?
    /// Option chosen at first.
    public var selectedID: String?
    /// Whether the choice is locked. The platform heeds it in a redrawn card only.
    public var isDisabled: Bool?
    /// One to ten options.
    public var options: [Option]

    /// Creates a list.
    public init(
        questionKey: String, title: String? = nil, options: [Option], selectedID: String? = nil,
        isDisabled: Bool? = nil
    ) {
        self.questionKey = questionKey
        self.title = title
        self.selectedID = selectedID
        self.isDisabled = isDisabled
        self.options = options
    }

    enum CodingKeys: String, CodingKey {
        case questionKey = "question_key"
        case title
        case selectedID = "selected_id"
        case isDisabled = "disable"
        case options = "option_list"
    }
}

/// Options of a vote.
public struct CardCheckbox: Hashable, Sendable, Codable {
    /// One option.
    public struct Option: Hashable, Sendable, Codable {
        /// Id that comes back; at most 128 bytes, unique in the list.
        public var id: String
        /// Text, up to 11 characters.
        public var text: String
        /// Whether it is chosen.
        public var isChecked: Bool?

        /// Creates an option.
        public init(id: String, text: String, isChecked: Bool? = nil) {
            self.id = id
            self.text = text
            self.isChecked = isChecked
        }

        enum CodingKeys: String, CodingKey {
            case id
            case text
            case isChecked = "is_checked"
        }
    }

    /// Key under which the choice comes back; at most 1,024 bytes.
    public var questionKey: String
    /// How many options may be chosen: 0 one (also nil), 1 several.
    public var mode: Int?
    /// Whether the choice is locked. The platform heeds it in a redrawn card only.
    public var isDisabled: Bool?
    /// One to twenty options.
    public var options: [Option]

    /// Creates a list.
    public init(questionKey: String, options: [Option], mode: Int? = nil, isDisabled: Bool? = nil) {
        self.questionKey = questionKey
        self.mode = mode
        self.isDisabled = isDisabled
        self.options = options
    }

    enum CodingKeys: String, CodingKey {
        case questionKey = "question_key"
        case mode
        case isDisabled = "disable"
        case options = "option_list"
    }
}
