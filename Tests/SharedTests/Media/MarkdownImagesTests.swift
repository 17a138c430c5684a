import Testing

@testable import Shared

@Suite struct MarkdownImagesTests {
    @Test(
        "media.out: P13: images are taken out and their text stays",
        arguments: [
            ("看图 ![销售图](out/chart.png) 完", "看图 销售图 完", ["out/chart.png"]),
            ("![](out/my%20chart.png)", "my%20chart.png", ["out/my%20chart.png"]),
            ("![a](<out/my chart.png>)", "a", ["out/my chart.png"]),
            ("![a](x.png \"Title (1)\")", "a", ["x.png"]), ("![a](x.png 'T')", "a", ["x.png"]),
            ("![a](https://e.com/a_(b)?q=1&r=2)", "a", ["https://e.com/a_(b)?q=1&r=2"]),
            ("![](https://e.com/p/%E6%B5%8B.png?sign=1)", "测.png", ["https://e.com/p/%E6%B5%8B.png?sign=1"]),
            ("![ ](data:image/png;base64,iVBORw0KGgo=)", "image", ["data:image/png;base64,iVBORw0KGgo="]),
            ("![a](file:///tmp/x.png)![b](/tmp/y.png)", "ab", ["file:///tmp/x.png", "/tmp/y.png"]),
            ("[![a](x.png)](https://e.com)", "[a](https://e.com)", ["x.png"]),
            ("![a [b] \\] c](x\\(1.png)", "a [b] \\] c", ["x(1.png"]),
            (
                "| ![a](x.png) | b |\n|---|---|\n| ![c](y.png) | d |", "| a | b |\n|---|---|\n| c | d |",
                ["x.png", "y.png"]
            ),
            ("- ![a](x.png)\n> ![b](y.png)\n# ![c](z.png)", "- a\n> b\n# c", ["x.png", "y.png", "z.png"]),
            ("`open ![a](x.png)", "`open a", ["x.png"]),
            ("- one `tick\n- ![a](x.png) `b", "- one `tick\n- a `b", ["x.png"]),
            ("```\n![a](x.png)\n```\n![b](y.png)", "```\n![a](x.png)\n```\nb", ["y.png"]),
            ("> ```\n> ![a](x.png)\n![b](y.png)", "> ```\n> ![a](x.png)\nb", ["y.png"]),
            ("!![a](x.png)", "!a", ["x.png"]),
        ] as [(String, String, [String])])
    func found(markdown: String, text: String, locations: [String]) {
        let result = MarkdownImages(markdown)
        #expect(result.text == text)
        #expect(result.images.map(\.location) == locations)
    }

    @Test(
        "media.out: P13: what is no image, or code, stays as it is",
        arguments: [
            "", "text", "[a](x.png)", "\\![a](x.png)", "`![a](x.png)`", "``a ` ![a](x.png)``", "`a\n![a](x.png)` b",
            "~~~\n![a](x.png)\n~~~", "```\n![a](x.png)", "  ```md\n  ![a](x.png)\n  ```", "![a]()", "![a](", "![a", "!",
            "![a] (x.png)", "![a][ref]", "![a](x.png y)", "![a](<x.png)", "![a](x.png \"t)", "![a](mailto:x@e.com)",
            "![a](sandbox:/mnt/x.png)", "![a](#top)", "![a](//e.com/x.png)", "![a](data:text/plain,hello)",
            "![a](x.png",
            "![a\n\nb](x.png)", "\\", "`", "![a](\\",
        ])
    func untouched(markdown: String) {
        #expect(MarkdownImages(markdown) == MarkdownImages(markdown))
        #expect(MarkdownImages(markdown).text == markdown)
        #expect(MarkdownImages(markdown).images.isEmpty)
    }

    @Test("media.out: P13: at most 20 images of an answer are taken out")
    func bound() {
        let result = MarkdownImages(String(repeating: "![a](x.png) ", count: 30))
        #expect(result.images.count == 20)
        #expect(result.text == String(repeating: "a ", count: 20) + String(repeating: "![a](x.png) ", count: 10))
    }

    @Test("media.out: P13: property: outside of images nothing changes", arguments: 0..<40)
    func nothingElseChanges(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let pieces = [
            "![a](x.png)", "![", "](", ")", "]", "(", "`", "``", "```\n", "~~~\n", "\n", "\n\n", "> ", "- ", "  ", "\\",
            "!", "[", "<", ">", "\"t\"", " ", "字", "👩‍👩‍👧‍👦", "é", "a|b", "|-|-|\n", "data:image/png;base64,AA==", "x.png",
            "\r\n", "#",
            "![图](https://e.com/p.png \"t\")", "[![b](y)](z)",
        ]
        for _ in 0..<300 {
            let markdown = (0..<Int.random(in: 1...40, using: &random))
                .map { _ in pieces[Int.random(in: 0..<pieces.count, using: &random)] }.joined()
            let result = MarkdownImages(markdown)
            let bytes = Array(markdown.utf8)
            var rebuilt: [UInt8] = []
            var position = 0
            for image in result.images {
                let source = String(decoding: bytes[image.range], as: UTF8.self)
                #expect(image.range.lowerBound >= position && source.hasPrefix("![") && source.hasSuffix(")"))
                #expect(source.contains("]("))
                rebuilt += bytes[position..<image.range.lowerBound] + Array(image.shown.utf8)
                position = image.range.upperBound
            }
            rebuilt += bytes[position...]
            #expect(Array(result.text.utf8) == rebuilt)
        }
    }

    @Test("media.out: P13: property: images between other Markdown are all found", arguments: 0..<20)
    func allFound(seed: Int) {
        var generator = TextGenerator(seed: UInt64(seed))
        var markdown = ""
        var expected: [String] = []
        for index in 0..<15 {
            let block = generator.text(size: 200).replacing("![", with: "[").replacing("`", with: "'")
                .replacing("~~~", with: "~").replacing("\\", with: "/")
            markdown += block + "\n\nbefore ![图 \(index)](dir/\(index).png) after\n\n"
            expected.append("dir/\(index).png")
        }
        #expect(MarkdownImages(markdown).images.map(\.location) == expected)
        #expect(MarkdownImages(markdown).text.contains("before 图 14 after"))
    }

    @Test("media.out: P13: hostile answers take time in proportion to their length")
    func hostile() {
        for piece in ["![a](", "![", "![a](data:", "`", "![a](<", "![a](x \"", "[[", "``` "] {
            // A quadratic reader would look at some billion bytes for each of these.
            let result = MarkdownImages(String(repeating: piece, count: 20_000))
            #expect(result.images.isEmpty)
        }
    }
}
