import Simulator
import Testing

@Suite("Template cards")
struct CardTests {
    static let samples: [String: JSONValue] = [
        "text_notice": [
            "card_type": "text_notice", "main_title": ["title": "Done"],
            "card_action": ["type": 1, "url": "https://ci.example/1"],
        ],
        "news_notice": [
            "card_type": "news_notice", "main_title": ["title": "News"],
            "card_image": ["url": "https://ci.example/a.png"],
            "card_action": ["type": 1, "url": "https://ci.example/1"],
        ],
        "button_interaction": [
            "card_type": "button_interaction", "main_title": ["title": "Deploy?"], "task_id": "t-1",
            "button_selection": [
                "question_key": "env", "option_list": [["id": "a", "text": "A"], ["id": "b", "text": "B"]],
                "selected_id": "b",
            ],
            "button_list": [["text": "yes", "key": "yes", "style": 1]],
            "action_menu": ["desc": "more", "action_list": [["text": "mute", "key": "mute"]]],
        ],
        "vote_interaction": [
            "card_type": "vote_interaction", "main_title": ["title": "Vote"], "task_id": "t-2",
            "checkbox": [
                "question_key": "choice", "mode": 1,
                "option_list": [["id": "a", "text": "A", "is_checked": true], ["id": "b", "text": "B"]],
            ],
            "submit_button": ["text": "send", "key": "submit"],
        ],
        "multiple_interaction": [
            "card_type": "multiple_interaction", "main_title": ["title": "Form"], "task_id": "t-3",
            "select_list": [
                ["question_key": "one", "option_list": [["id": "a", "text": "A"]]],
                ["question_key": "two", "option_list": [["id": "b", "text": "B"], ["id": "c", "text": "C"]]],
            ],
            "submit_button": ["text": "send", "key": "submit"],
        ],
    ]

    private func sample(_ type: String, _ change: (inout JSONObject) -> Void = { _ in }) throws -> JSONValue {
        var card = try #require(Self.samples[type]?.objectValue)
        change(&card)
        return .object(card)
    }

    private func send(_ card: JSONValue, _ id: ConnectionID, _ harness: inout CoreHarness) throws -> Int? {
        let body: JSONValue = [
            "chatid": "lin.wei", "chat_type": 1, "msgtype": "template_card", "template_card": card,
        ]
        return try harness.command(id, "aibot_send_msg", body)["errcode"]?.intValue
    }

    @Test("SIM-1: the five card types are shown", arguments: Self.samples.keys.sorted())
    func shown(type: String) throws {
        var harness = CoreHarness()
        let id = try harness.subscribed()
        #expect(try send(try sample(type), id, &harness) == 0)
        #expect(harness.bubbles().map(\.card) == [Self.samples[type]])
    }

    @Test("SIM-1: cards that break the schema are refused, or acknowledged and not shown")
    func invalid() throws {
        var harness = CoreHarness()
        let id = try harness.subscribed()
        let button: JSONValue = ["text": "x", "key": "x"]
        let broken: [(JSONValue, Int)] = [
            (try sample("text_notice") { $0["card_action"] = nil }, 42_014),
            (try sample("text_notice") { $0["main_title"] = nil }, 42_014),
            (try sample("news_notice") { $0["card_image"] = nil }, 42_014),
            (try sample("button_interaction") { $0["task_id"] = nil }, 42_014),
            (try sample("button_interaction") { $0["task_id"] = "with:colon" }, 42_014),
            (try sample("button_interaction") { $0["button_list"] = [] }, 40_016),
            (
                try sample("button_interaction") { $0["button_list"] = .array(Array(repeating: button, count: 7)) },
                40_016
            ),
            (try sample("vote_interaction") { $0["submit_button"] = nil }, 42_014),
            (
                try sample("vote_interaction") {
                    $0["checkbox"] = ["question_key": "q", "mode": "1", "option_list": []]
                }, 42_014
            ),
            (try sample("multiple_interaction") { $0["select_list"] = [] }, 42_014),
            (try sample("text_notice") { $0["card_type"] = "poster" }, 42_014),
            (try sample("text_notice") { $0["card_type"] = nil }, 40_058),
        ]
        for (card, code) in broken { #expect(try send(card, id, &harness) == code, "\(card.text)") }
        harness.core.options.invalidCards = .acknowledgeOnly
        #expect(try send(broken[0].0, id, &harness) == 0)
        #expect(harness.bubbles().isEmpty)
    }

    @Test("SIM-1: a task id serves once per bot, and is not used up by a refusal for rate")
    func taskIDs() throws {
        var harness = CoreHarness { $0.quotaPerMinute = 2 }
        let id = try harness.subscribed()
        #expect(try harness.push(id, "one") == 0)
        #expect(try harness.push(id, "two") == 0)
        #expect(try send(try sample("vote_interaction"), id, &harness) == 846_607)
        harness.advance(60_000)
        #expect(try send(try sample("vote_interaction"), id, &harness) == 0)
        #expect(try send(try sample("vote_interaction"), id, &harness) == 42_014)
    }

    @Test("SIM-2: cards with `source` or unknown fields vanish where options say so")
    func vanishing() throws {
        var harness = CoreHarness {
            $0.hidesCardsWithSource = true
            $0.hidesCardsWithUnknownFields = true
        }
        let id = try harness.subscribed()
        #expect(try send(try sample("text_notice") { $0["source"] = ["desc": "x"] }, id, &harness) == 0)
        #expect(try send(try sample("text_notice") { $0["sparkle"] = true }, id, &harness) == 0)
        #expect(harness.bubbles().isEmpty)
    }

    /// Sends a card, clicks it, returns the event's connection and payload.
    private func clicked(
        _ type: String, key: String, selected: [String: [String]] = [:], _ harness: inout CoreHarness
    ) throws -> (ConnectionID, String, JSONValue) {
        let id = try harness.subscribed()
        try #require(try send(try sample(type), id, &harness) == 0)
        let entry = try #require(harness.bubbles().last?.id)
        let outcome = try harness.act(
            .click(
                bot: CoreHarness.bot.id, user: "lin.wei", group: nil, entry: entry, key: key, selected: selected))
        let event = try harness.callback(id, "aibot_event_callback")["body"]?["event"]
        #expect(event?["eventtype"] == "template_card_event")
        return (id, try #require(outcome.reqID), try #require(event?["template_card_event"]))
    }

    @Test("SIM-1: what a click on a button says")
    func buttonClick() throws {
        var harness = CoreHarness()
        let (_, _, event) = try clicked("button_interaction", key: "yes", selected: ["env": ["a"]], &harness)
        let expected: JSONValue = [
            "card_type": "button_interaction", "event_key": "yes", "task_id": "t-1",
            "selected_items": ["selected_item": [["question_key": "env", "option_ids": ["option_id": ["a"]]]]],
        ]
        #expect(event == expected)
        var other = CoreHarness()
        let (_, _, menu) = try clicked("button_interaction", key: "mute", &other)
        #expect(menu["selected_items"] == nil)
    }

    @Test("SIM-1: what submitting a vote and a form says, preselected options included")
    func submissions() throws {
        var vote = CoreHarness()
        let (_, _, voted) = try clicked("vote_interaction", key: "submit", &vote)
        #expect(
            voted["selected_items"]
                == ["selected_item": [["question_key": "choice", "option_ids": ["option_id": ["a"]]]]])
        var form = CoreHarness()
        let (_, _, sent) = try clicked("multiple_interaction", key: "submit", selected: ["two": ["c"]], &form)
        let items: JSONValue = [
            ["question_key": "one", "option_ids": ["option_id": ["a"]]],
            ["question_key": "two", "option_ids": ["option_id": ["c"]]],
        ]
        #expect(sent["selected_items"]?["selected_item"] == items)
    }

    @Test("SIM-1: a click that the card does not offer is refused")
    func impossibleClicks() throws {
        var harness = CoreHarness()
        let id = try harness.subscribed()
        try #require(try send(try sample("vote_interaction"), id, &harness) == 0)
        let entry = try #require(harness.bubbles().last?.id)
        for (key, selected) in [("nothing", [:]), ("submit", ["choice": ["z"]])] {
            #expect(throws: UserActionError.self) {
                try harness.act(
                    .click(
                        bot: CoreHarness.bot.id, user: "lin.wei", group: nil, entry: entry, key: key,
                        selected: selected))
            }
        }
    }

    private func update(_ taskID: String, _ users: [String]? = nil) throws -> JSONValue {
        var body: JSONObject = JSONObject()
        body["response_type"] = "update_template_card"
        body["userids"] = users.map { .array($0.map { .string($0) }) }
        body["template_card"] = try sample("button_interaction") {
            $0["main_title"] = ["title": "Deployed"]
            $0["task_id"] = .string(taskID)
        }
        return .object(body)
    }

    @Test("SIM-1: a card is redrawn once, within five seconds")
    func updates() throws {
        var harness = CoreHarness()
        let (id, reqID, _) = try clicked("button_interaction", key: "yes", &harness)
        let ack = try harness.command(id, "aibot_respond_update_msg", try update("t-1"), reqID: reqID)
        #expect(ack["errcode"] == 0)
        #expect(harness.bubbles().last?.card?["main_title"]?["title"] == "Deployed")
        let again = try harness.command(id, "aibot_respond_update_msg", try update("t-1"), reqID: reqID)
        #expect(again["errcode"] == 846_606)

        var late = CoreHarness()
        let (lateID, lateReqID, _) = try clicked("button_interaction", key: "yes", &late)
        late.advance(5_001)
        let refused = try late.command(lateID, "aibot_respond_update_msg", try update("t-1"), reqID: lateReqID)
        #expect(refused["errcode"] == 846_605)
        #expect(late.bubbles().last?.card?["main_title"]?["title"] == "Deploy?")
    }

    @Test("SIM-1: a card with another task id is acknowledged and not redrawn; userids limit who sees the new one")
    func limitedUpdates() throws {
        var other = CoreHarness()
        let (otherID, otherReqID, _) = try clicked("button_interaction", key: "yes", &other)
        let acked = try other.command(otherID, "aibot_respond_update_msg", try update("t-other"), reqID: otherReqID)
        #expect(acked["errcode"] == 0)
        #expect(other.bubbles().last?.card?["main_title"]?["title"] == "Deploy?")

        var limited = CoreHarness()
        let (id, reqID, _) = try clicked("button_interaction", key: "yes", &limited)
        _ = try limited.command(id, "aibot_respond_update_msg", try update("t-1", ["mei.chen"]), reqID: reqID)
        let entry = try #require(limited.bubbles().last)
        #expect(entry.json(for: "lin.wei")["card"]?["main_title"]?["title"] == "Deploy?")
        #expect(entry.json(for: "mei.chen")["card"]?["main_title"]?["title"] == "Deployed")
    }

    @Test("SIM-1: replacing a card on the message's own req_id is 846606")
    func updateOnMessage() throws {
        var harness = CoreHarness()
        let id = try harness.subscribed()
        let reqID = try harness.post()
        let card: JSONValue = ["msgtype": "template_card", "template_card": try sample("button_interaction")]
        #expect(try harness.command(id, "aibot_respond_msg", card, reqID: reqID)["errcode"] == 0)
        let update: JSONValue = [
            "response_type": "update_template_card", "template_card": try sample("button_interaction"),
        ]
        #expect(try harness.command(id, "aibot_respond_update_msg", update, reqID: reqID)["errcode"] == 846_606)
        #expect(try harness.stream(id, reqID, "goes on", final: true) == 0)
        harness.core.options.cardEndsRequest = true
        #expect(try harness.stream(id, reqID, "ended", final: true, stream: "b") == 846_606)
    }
}
