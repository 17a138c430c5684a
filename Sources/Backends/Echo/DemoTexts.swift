/// Fixed texts of the demo words; the same on every run.
enum DemoTexts {
    static func help(_ language: Language) -> String {
        let lines: [(DemoWord, String, String)] = [
            (.help, "这张单子", "this list"),
            (.long, "很长的回答,会自动分成好几个气泡", "a very long answer, split into several bubbles by itself"),
            (.table, "一张大表格", "a big table"),
            (.code, "几种语言的代码", "code in several languages"),
            (.slow, "先沉默 8 秒,看看等待提示", "8 seconds of silence, to see the hints"),
            (.think, "先思考再回答", "reasoning first, then the answer"),
            (.fail, "出错时你会看到什么", "what you see when something fails"),
        ]
        let title = language.pick("可以发送这些词:", "Send one of these words:")
        let rows = lines.map { word, chinese, english in
            let names = ([word.names.english] + word.names.chinese).map { "`\($0)`" }.joined(separator: " / ")
            return "- \(names): \(language.pick(chinese, english))"
        }
        let rest = language.pick("发送别的内容,我会原样回复。", "Anything else is echoed.")
        return ([title, ""] + rows + ["", rest]).joined(separator: "\n")
    }

    /// More than 60 KB of Markdown in both languages.
    static func long() -> String {
        let chinese = [
            "长连接让机器人不需要公网地址也能收到消息。", "每一段回答都会在写满之前干净地收尾,再在下一个气泡里继续。",
            "断线重连之后,没有送达的内容会补发。", "队列、缓存和重试都有上限,忙的时候也不会失控。",
        ]
        let english = [
            "A long connection needs no public address. ", "Every segment ends at a clean boundary. ",
            "What was not delivered is delivered after the reconnect. ",
            "Every queue has a bound and a named overflow. ",
        ]
        var text = "# 一篇很长的回答 / A very long answer\n"
        var section = 1
        while text.utf8.count < 61 * 1024 {
            text += "\n## \(section). 第 \(section) 节 / Section \(section)\n\n"
            for line in 0..<4 {
                text += chinese[(section + line) % chinese.count]
                text += english[(section * 3 + line) % english.count]
            }
            text += "\n\n"
            if section % 3 == 0 {
                text += "```swift\nlet section = \(section)\nprint(\"第 \\(section) 节\")\n```\n"
            } else if section % 3 == 1 {
                text += "- **要点**: \(section * 7) 条消息 / messages\n- *note*: `section-\(section)`\n"
            } else {
                text += "> 引用 / quote \(section)\n"
            }
            section += 1
        }
        return text + "\n**完 / The end.**\n"
    }

    static func table(_ language: Language) -> String {
        var text = language.pick("| 编号 | 城市 | 温度 | 天气 |\n", "| No. | City | Degrees | Weather |\n")
        text += "| ---: | :--- | ---: | :--- |\n"
        let cities = [
            ("北京", "Beijing"), ("上海", "Shanghai"), ("广州", "Guangzhou"), ("成都", "Chengdu"), ("西安", "Xi'an"),
            ("杭州", "Hangzhou"),
        ]
        let skies = [("晴", "clear"), ("多云", "cloudy"), ("小雨", "light rain"), ("雾", "fog")]
        for row in 0..<40 {
            let city = cities[row % cities.count]
            let sky = skies[(row * 5 + 1) % skies.count]
            let degrees = 12 + (row * 7) % 19
            let cells = ["\(row + 1)", language.pick(city.0, city.1), "\(degrees) °C", language.pick(sky.0, sky.1)]
            text += "| " + cells.joined(separator: " | ") + " |\n"
        }
        return text
    }

    static func code(_ language: Language) -> String {
        let samples = [
            ("swift", "let words = [\"你好\", \"hello\"]\nfor word in words {\n    print(word.count)\n}"),
            ("python", "def greet(name: str) -> str:\n    return f\"你好, {name}!\"\n\nprint(greet(\"WeCom\"))"),
            ("javascript", "const total = [1, 2, 3].reduce((sum, n) => sum + n, 0);\nconsole.log(`合计 ${total}`);"),
            ("sql", "SELECT city, AVG(degrees) AS mean\nFROM weather\nGROUP BY city\nORDER BY mean DESC;"),
            ("bash", "for file in *.log; do\n  wc -l \"$file\"\ndone"),
        ]
        let intro = language.pick("几种语言的代码:", "Code in several languages:")
        return samples.reduce(intro) { text, sample in
            text + "\n\n**\(sample.0)**\n\n```\(sample.0)\n\(sample.1)\n```"
        }
    }

    static func thoughts(_ language: Language) -> String {
        language.pick(
            "先看问题问的是什么……用户想看思考过程。那就先列出要点,再给出结论。检查一遍:没有遗漏。",
            "What is being asked? The person wants to see reasoning. So: list the points, then conclude. Checked: nothing is missing."
        )
    }
}
