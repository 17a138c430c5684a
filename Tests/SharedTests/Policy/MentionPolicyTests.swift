import Testing

@testable import Shared

struct MentionCase: Sendable, CustomTestStringConvertible {
    let text: String
    var name: String?
    var account: String?
    let result: String
    let mentioned: Bool
    var testDescription: String { "\(text) for \(name ?? account ?? "nobody")" }

    init(_ text: String, _ name: String?, _ result: String, _ mentioned: Bool = true, account: String? = nil) {
        self.text = text
        self.name = name
        self.account = account
        self.result = result
        self.mentioned = mentioned
    }
}

@Suite("Mention policy")
struct MentionPolicyTests {
    @Test(
        "P6, GW-4: mention.strip with a known name",
        arguments: [
            MentionCase("@Claude Code /list", "Claude Code", "/list"),
            MentionCase("@Claude Code  /list", "Claude Code", "/list"),
            MentionCase("@Claude\u{2005}Code\u{2005}/list", "@claude code", "/list"),
            MentionCase("@A @B /list", "A", "/list"), MentionCase("@A @B /list", "B", "/list"),
            MentionCase("@A @B hello", "B", "@A hello"), MentionCase("@A @B hello", "A", "@B hello"),
            MentionCase("@Zhang San @Bot /list", "Bot", "/list"),
            MentionCase("＠bot /new", "bot", "/new"), MentionCase("/stop@Bot", "Bot", "/stop"),
            MentionCase("/stop@bot now", "Bot", "/stop now"), MentionCase("/stop @Bot", "Bot", "/stop"),
            MentionCase("/stop@Claude Code", "Claude Code", "/stop"),
            MentionCase("@bot\u{2005}/new", "bot", "/new"), MentionCase("@Wow!Bot /x", "Wow!Bot", "/x"),
            MentionCase("@Wow!Bot /x", "Wow", "@Wow!Bot /x", false),
            MentionCase("@bot https://e.com", "bot", "https://e.com"), MentionCase("@bot 1/2", "bot", "1/2"),
            MentionCase("@bot /srv/a.txt", "bot", "/srv/a.txt"),
            MentionCase("mail a@b.c", "b.c", "mail a@b.c", false),
            MentionCase("mail a@bot", "bot", "mail a@bot", false),
            MentionCase("@Botty hi", "Bot", "@Botty hi", false), MentionCase("@Bot-2 hi", "Bot", "@Bot-2 hi", false),
            MentionCase("请总结 @小助手", "小助手", "请总结"), MentionCase("@小助手，你好", "小助手", "你好"),
            MentionCase("hey @Bot do it", "Bot", "hey @Bot do it"), MentionCase("@Bot", "Bot", ""),
            MentionCase("@Bot @Bot ", "Bot", ""), MentionCase("\u{200B}\u{FEFF}@Bot hi\u{2060}", "Bot", "hi"),
            MentionCase("\u{200B}plain\u{200D}", "Bot", "plain", false),
            MentionCase("@Bot\n第一行\n第二行", "Bot", "第一行\n第二行"),
            MentionCase("@Bot hi", "", "hi"), MentionCase("", "Bot", "", false), MentionCase("@", "Bot", "@", false),
            MentionCase("/stop@Other", "Bot", "/stop@Other", false), MentionCase("@Bot @张三 帮他", "Bot", "@张三 帮他"),
        ])
    func named(sample: MentionCase) {
        check(sample)
    }

    @Test(
        "P6, GW-4: mention.strip by the account's name, or by the leading mention alone",
        arguments: [
            MentionCase("@Help Desk /list", nil, "/list", account: "Help Desk"),
            MentionCase("@客服 /list", nil, "/list", account: "Help Desk"),
            MentionCase("@Bot hi", "Bot", "hi", account: "Other"),
            MentionCase("@Other hi", "Bot", "@Other hi", false, account: "Other"),
            MentionCase("@Claude Code /list", nil, "/list"), MentionCase("@A @B /list", nil, "/list"),
            MentionCase("@A @B hello", nil, "@B hello"), MentionCase("＠bot /new", nil, "/new"),
            MentionCase("/stop@Bot", nil, "/stop"), MentionCase("@bot\u{2005}/new", nil, "/new"),
            MentionCase("@Claude Code\u{2005}do it", nil, "do it"), MentionCase("@Wow!Bot /x", nil, "/x"),
            MentionCase("@bot https://e.com", nil, "https://e.com"), MentionCase("@bot 1/2", nil, "1/2"),
            MentionCase("@bot /srv/a.txt", nil, "/srv/a.txt"), MentionCase("mail a@b.c", nil, "mail a@b.c", false),
            MentionCase("@bot please run /list", nil, "please run /list"), MentionCase("@bot", nil, ""),
            MentionCase("@ /list", nil, "@ /list", false),
        ])
    func unnamed(sample: MentionCase) {
        check(sample)
    }

    private func check(_ sample: MentionCase) {
        let result = MentionPolicy.strip(sample.text, displayName: sample.name, accountName: sample.account)
        #expect(result.text == sample.result)
        #expect(result.mentioned == sample.mentioned)
    }
}
