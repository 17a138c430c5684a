import Foundation
import Testing

@testable import Shared

@Suite("Template cards")
struct TemplateCardTests {
    private func problem(_ json: String) -> CardProblem? {
        do throws(CardProblem) {
            _ = try TemplateCard(json: json)
            return nil
        } catch {
            return error
        }
    }

    @Test("WS-18: cards of the platform are read, written and decoded without loss", arguments: CardFixtures.names)
    func fixtures(name: String) throws {
        let card = try CardFixtures.card(name)
        let given = try JSONSerialization.jsonObject(with: try CardFixtures.data(name)) as? NSDictionary
        let written = try JSONSerialization.jsonObject(with: Data(card.json.utf8)) as? NSDictionary
        #expect(given != nil && given == written)
        #expect(try TemplateCard(json: card.json) == card)
        #expect(try JSONDecoder().decode(TemplateCard.self, from: Data(card.json.utf8)) == card)
        #expect(try TemplateCard(json: "{\"template_card\": \(card.json)}") == card)
    }

    @Test("WS-18: what models get nearly right is repaired")
    func repaired() throws {
        let card = try TemplateCard(
            json: """
                {"card_type": "vote_interaction", "source": {"desc": "x"}, "main_title": {"title": "Lunch", "colour": "red"},
                 "task_id": "a:b", "note": [1], "feedback": null,
                 "checkbox": {"question_key": 7, "mode": "3", "disable": "false", "option_list": [
                   {"id": 1, "text": "Noodles with a very long name", "is_checked": "true"}, {"id": "2", "text": "米饭"},]},
                 "submit_button": {"text": "OK", "key": "go"}}
                """)
        guard case .voteInteraction(let vote) = card else { throw CardProblem("", "is another type", "") }
        #expect(vote.checkbox.questionKey == "7" && vote.checkbox.mode == 1 && vote.checkbox.isDisabled == false)
        #expect(vote.checkbox.options.map(\.id) == ["1", "2"])
        #expect(vote.checkbox.options[0].text == "Noodles wi…" && vote.checkbox.options[0].isChecked == true)
        #expect(card.taskID == nil)
        #expect(!card.json.contains("source") && !card.json.contains("colour") && card.json.contains("\"mode\":1"))
    }

    @Test("WS-18: the type of a link that was left out is told by what is given; a look that does not exist is dropped")
    func links() throws {
        let card = try TemplateCard(
            json: """
                {"card_type":"text_notice","main_title":{"title":"t"},"card_action":{"url":"https://a.example/"},
                 "jump_list":[{"title":"ask","question":"why?"},{"title":"go","url":"http://b.example"}],
                 "horizontal_content_list":[{"keyname":"who","userid":"mei.chen"}],"emphasis_content":{}}
                """)
        guard case .textNotice(let notice) = card else { throw CardProblem("", "is another type", "") }
        #expect(notice.action.type == 1 && notice.jumps?.map(\.type) == [3, 1] && notice.fields?[0].type == 3)
        #expect(notice.emphasis == nil)
        let buttons = """
            {"card_type":"button_interaction","main_title":{"title":"t"},
             "button_list":[{"text":"a","key":"k","style":"9"}],"button_selection":{"question_key":"q","selected_id":"z",
             "option_list":[{"id":"x","text":"x"}]}}
            """
        #expect(!(try TemplateCard(json: buttons).json.contains("style")))
        #expect(!(try TemplateCard(json: buttons).json.contains("selected_id")))
    }

    @Test("WS-18: texts are cut on a character boundary")
    func cut() {
        #expect(CardText.cut("👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦", to: 3) == "👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦")
        #expect(CardText.cut("👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦", to: 2) == "👩‍👩‍👧‍👦…")
        #expect(CardText.cut(CardText.cut("发布确认发布确认发布确认", to: 10), to: 10) == "发布确认发布确认发…")
    }

    private static let vote = """
        {"card_type":"vote_interaction","main_title":{"title":"secret words"},"checkbox":{"question_key":"q","option_list":
        [{"id":"a","text":"A"}]},"submit_button":{"text":"OK","key":"go"}}
        """
    private static let notice = """
        {"card_type":"text_notice","main_title":{"title":"secret words"},"card_action":{"type":1,"url":"https://a.example"}}
        """
    private static let buttons = """
        {"card_type":"button_interaction","main_title":{"title":"secret words"},"button_list":[{"text":"a","key":"k"}]}
        """

    /// What of a good card is replaced by what, and the field that is then named.
    private static let bad: [(String, String, String, String)] = [
        (vote, "vote_interaction", "poll", "card_type"),
        (vote, "{\"title\":\"secret words\"}", "{}", "main_title"),
        (vote, "{\"title\":\"secret words\"}", "\"secret words\"", "main_title"),
        (vote, "[{\"id\":\"a\",\"text\":\"A\"}]", "[]", "checkbox.option_list"),
        (vote, "[{", "[{\"id\":\"a\",\"text\":\"B\"},{", "checkbox.option_list[1].id"),
        (vote, "\"id\":\"a\"", "\"id\":\"\(String(repeating: "i", count: 129))\"", "checkbox.option_list[0].id"),
        (vote, "\"id\":\"a\"", "\"id\":[1]", "checkbox.option_list[0].id"),
        (vote, "\"key\":\"go\"", "\"key\":\"\(String(repeating: "k", count: 1_025))\"", "submit_button.key"),
        (vote, "\"text\":\"OK\"", "\"text\":\" \"", "submit_button.text"),
        (vote, "\"question_key\":\"q\"", "\"question_key\":\"\"", "checkbox.question_key"),
        (vote, "[{", "[3,{", "checkbox.option_list[0]"),
        (
            vote, "\"card_type\"", "\"feedback\":{\"id\":\"\(String(repeating: "f", count: 257))\"},\"card_type\"",
            "feedback.id"
        ),
        (notice, "\"card_action\"", "\"action\"", "card_action"),
        (notice, "\"type\":1,\"url\":\"https://a.example\"", "\"type\":1", "card_action.url"),
        (notice, "https://a.example", "javascript:alert(1)", "card_action.url"),
        (notice, "https://a.example", "https:///path", "card_action.url"),
        (notice, "https://a.example", "https://a.example/a b", "card_action.url"),
        (notice, "\"type\":1", "\"type\":2", "card_action.appid"),
        (notice, "\"type\":1", "\"type\":5", "card_action.type"),
        (notice, "\"main_title\"", "\"title\"", "main_title.title"),
        (
            notice, "\"card_type\"",
            "\"emphasis_content\":{\"title\":\"1\"},\"quote_area\":{\"title\":\"2\"},\"card_type\"",
            "emphasis_content"
        ),
        (
            notice, "\"card_type\"", "\"jump_list\":[{\"title\":\"a\",\"type\":3}],\"card_type\"",
            "jump_list[0].question"
        ),
        (
            notice, "\"card_type\"",
            "\"horizontal_content_list\":[\(repeatElement("{\"keyname\":\"a\"}", count: 7).joined(separator: ","))],\"card_type\"",
            "horizontal_content_list"
        ),
        (notice, "text_notice", "news_notice", "card_image"),
        (buttons, "[{", "[{\"text\":\"b\",\"key\":\"k\"},{", "button_list[1].key"),
        (
            buttons, "\"card_type\"",
            "\"action_menu\":{\"action_list\":[{\"text\":\"m\",\"key\":\"k\"}]},\"card_type\"",
            "action_menu.action_list[0].key"
        ),
        (
            buttons, "[{", "[\((0..<6).map { "{\"text\":\"b\",\"key\":\"\($0)\"}," }.joined()){", "button_list"
        ),
    ]

    @Test(
        "WS-18: what the platform would refuse or never show is refused, and the field is named",
        arguments: 0..<bad.count)
    func refused(index: Int) throws {
        let (good, part, replacement, field) = Self.bad[index]
        #expect(problem(good) == nil)
        let json = good.replacingOccurrences(of: part, with: replacement)
        #expect(json != good)
        let found = try #require(problem(json))
        #expect(found.field == field)
        #expect(!found.description.contains("secret") && !found.fix.isEmpty)
    }

    @Test("WS-18: what is no object at all is refused without quoting it")
    func malformed() {
        let deep = String(repeating: "[", count: 100_000)
        let large = "{\"card_type\":\"\(String(repeating: "x", count: 70_000))\"}"
        for text in [
            "", "secret", "[]", "null", "{", "{\"secret\":1,\"secret\":2}", deep, large, "{\"template_card\":3}",
        ] {
            let found = problem(text)
            #expect(found != nil && found?.description.contains("secret") == false)
        }
    }

    @Test("WS-18: task ids are acceptable, and none comes twice")
    func taskIDs() throws {
        var generator = TaskIDGenerator(seed: 18)
        var seen: Set<String> = []
        for index in 0..<10_000 {
            let id = generator.next(now: index % 3 == 0 ? 1_795_000_000_000 : Int64(index) - 5)
            #expect(TaskIDGenerator.isValid(id) && seen.insert(id).inserted)
        }
        var again = TaskIDGenerator(seed: 18)
        #expect(seen.contains(again.next(now: 1_795_000_000_000)))
        #expect(!TaskIDGenerator.isValid("") && !TaskIDGenerator.isValid("a:b") && !TaskIDGenerator.isValid("é"))
        #expect(!TaskIDGenerator.isValid(String(repeating: "a", count: 129)))
        for name in CardFixtures.names {
            let card = try CardFixtures.card(name)
            #expect(card.withTaskID("t-1").taskID == "t-1" && card.withTaskID("a b") == card)
        }
    }

    @Test("WS-18: a menu makes a notice interactive")
    func interactive() throws {
        #expect(!(try TemplateCard(json: Self.notice).isInteractive))
        let menu =
            "\"action_menu\":{\"desc\":\"m\",\"action_list\":[{\"text\":\"Mute\",\"key\":\"mute\"}]},\"card_type\""
        #expect(try TemplateCard(json: Self.notice.replacingOccurrences(of: "\"card_type\"", with: menu)).isInteractive)
        #expect(try TemplateCard(json: Self.vote).isInteractive && TemplateCard(json: Self.buttons).isInteractive)
    }

    @Test("WS-18: as text a card keeps its words, its links, and numbers for what can be chosen")
    func text() throws {
        #expect(
            try CardFixtures.card("respond-card-text-notice").text == """
                **夜间构建完成**
                main 分支

                **128** 通过的测试

                没有失败项

                - 耗时: 12 分钟
                - 报告: [打开](https://ci.sim.example/report/1)

                - [查看流水线](https://ci.sim.example/pipeline/1)
                """)
        #expect(
            try CardFixtures.card("respond-card-button").text == """
                **发布确认**
                版本 1.4.0

                选择环境后点按钮

                环境:
                1. 预发 ✓
                2. 生产

                3. 批准
                4. 拒绝
                """)
        #expect(
            try CardFixtures.card("respond-card-vote").text == """
                **选择回归范围**
                可多选

                1. 登录 ✓
                2. 支付
                3. 搜索
                """)
        let news = try CardFixtures.card("respond-card-news-notice").text
        #expect(news.contains("https://img.sim.example/preview.png") && news.contains("https://design.sim.example/v2"))
        let empty = TemplateCard.voteInteraction(
            VoteInteractionCard(
                mainTitle: CardTitle(), checkbox: CardCheckbox(questionKey: "q", options: []),
                submit: CardSubmit(text: "", key: "")))
        #expect(empty.text == "[vote_interaction]")
    }
}
