import Testing

@testable import WebhookCompat

@Suite("callback XML")
struct XMLReaderTests {
    private static func parse(_ text: String) -> Result<CallbackElement, CallbackXMLError> {
        Result { () throws(CallbackXMLError) in try CallbackXMLReader.parse(Array(text.utf8)) }
    }

    private static func text(_ inner: String) throws -> String { try parse("<a>\(inner)</a>").get().text }

    @Test("AG-2: text, CDATA and references make one value, untrimmed")
    func values() throws {
        #expect(try Self.text(" x <![CDATA[ <b>&amp; ]]>&lt;&gt;&amp;&quot;&apos; ") == " x  <b>&amp; <>&\"' ")
        #expect(try Self.text("a<![CDATA[]]]]><![CDATA[>]]>b") == "a]]>b")
        #expect(try Self.text("&#20320;&#x4F60;&#x1F600;&#0000065;") == "你你😀A")
        #expect(try Self.text("a<!-- <b>&x; -->b") == "ab")
        #expect(try Self.text("<![CDATA[<!DOCTYPE html><?php ?>&x;]]>") == "<!DOCTYPE html><?php ?>&x;")
        #expect(try Self.text("a\r\nb\rc\n\r\nd<![CDATA[\r\n]]>") == "a\nb\nc\n\nd\n")
        #expect(try Self.text("a\u{1}b") == "a\u{1}b")
        #expect(try Self.text("]] > ]>") == "]] > ]>")
    }

    @Test("AG-2: elements keep their order, repeated ones stay apart")
    func tree() throws {
        let root = try Self.parse(
            "<?xml version='1.0' encoding=\"utf-8\"?>\n<r a='1' b = \"&lt;\" >x<i>1</i><j/><i>2</i >y</r>\n"
        ).get()
        #expect(root.name == "r")
        #expect(root.text == "xy")
        #expect(root.children.map(\.name) == ["i", "j", "i"])
        #expect(root.children.map(\.text) == ["1", "", "2"])
        #expect(root.text(of: "i") == "1")
        #expect(root.text(of: "k") == nil)
        #expect(try Self.parse("\u{FEFF}<r/>").get().name == "r")
    }

    @Test(
        "AG-1: document types, entities and processing instructions are refused where they stand",
        arguments: [
            ("<!DOCTYPE r><r/>", CallbackXMLError.documentType),
            ("<!DOCTYPE r SYSTEM 'file:///etc/hostname'><r/>", .documentType),
            ("<?xml version='1.0'?><!DOCTYPE r [<!ENTITY a 'b'>]><r>&a;</r>", .documentType),
            ("<r><!ENTITY a 'b'></r>", .documentType), ("<r/><!doctype r>", .documentType),
            ("<!-- c --><?xml version='1.0'?><r/>", .processingInstruction),
            ("<?xml-stylesheet href='x'?><r/>", .processingInstruction), ("<r><?php ?></r>", .processingInstruction),
            ("<r>&a;</r>", .badReference), ("<r>&</r>", .badReference), ("<r>a & b</r>", .badReference),
            ("<r>&amp</r>", .badReference), ("<r>&#0;</r>", .badReference), ("<r>&#1;</r>", .badReference),
            ("<r>&#xD800;</r>", .badReference), ("<r>&#xFFFE;</r>", .badReference),
            ("<r>&#x110000;</r>", .badReference), ("<r>&#99999999999999;</r>", .badReference),
            ("<r>&#;</r>", .badReference), ("<r>&#x;</r>", .badReference), ("<r>&#+65;</r>", .badReference),
            ("<r>&#-1;</r>", .badReference), ("<r>&AMP;</r>", .badReference), ("<r a='&x;'/>", .badReference),
            ("<?xml version='1.0' encoding='GBK'?><r/>", .notUTF8),
        ])
    func refused(text: String, error: CallbackXMLError) { #expect(Self.parse(text) == .failure(error)) }

    @Test(
        "AG-1: what is not well-formed is refused",
        arguments: [
            "", " ", "x", "<", "<r", "<r>", "<r></s>", "<r></r", "</r>", "<r/><r/>", "<r/>x", "x<r/>", "<r a/>",
            "<r a=1/>", "<r a='1'b='2'/>", "<r a='1' a='2'/>", "<r a='<'/>", "<1/>", "< r/>", "<r><![CDATA[</r>",
            "<![CDATA[x]]>", "<r><!-- -- --></r>", "<r><!-- </r>", "<r>]]></r>", "<r>a]]]></r>", "<r>\u{0}</r>", "<!",
            "<?xml version='1.0'<r/>", "<?xml version='1.0'encoding='UTF-8'?><r/>", "<?xml", "<?xml version='1.0'",
            "<r/ >",
        ])
    func malformed(text: String) {
        guard case .failure = Self.parse(text) else {
            Issue.record("accepted")
            return
        }
    }

    @Test("AG-1: bytes that are not UTF-8 are refused")
    func notUTF8() {
        let documents: [[UInt8]] = [
            [60, 114, 62, 0xFF, 60, 47, 114, 62], [60, 114, 62, 0xED, 0xA0, 0x80, 60, 47, 114, 62],
            [0xFF, 0xFE, 60, 0, 114, 0, 47, 0, 62, 0], [60, 114, 62, 0xE4, 0xBD, 60, 47, 114, 62],
        ]
        for document in documents {
            #expect(throws: CallbackXMLError.notUTF8) { try CallbackXMLReader.parse(document) }
        }
    }

    @Test("AG-1: entities that multiply are refused before any is read")
    func billionLaughs() {
        var text = "<?xml version=\"1.0\"?><!DOCTYPE r [<!ENTITY a0 \"ha\">"
        for level in 1...30 {
            text += "<!ENTITY a\(level) \"" + String(repeating: "&a\(level - 1);", count: 10) + "\">"
        }
        #expect(Self.parse(text + "]><r>&a30;</r>") == .failure(.documentType))
        #expect(Self.parse("<r>" + String(repeating: "&a30;", count: 1_000) + "</r>") == .failure(.badReference))
    }

    @Test("AG-1: depth, elements, names, attributes and bytes have limits, met exactly")
    func limits() {
        func nested(_ depth: Int) -> String {
            String(repeating: "<r>", count: depth) + String(repeating: "</r>", count: depth)
        }
        #expect(throws: Never.self) { try Self.parse(nested(32)).get() }
        #expect(Self.parse(nested(33)) == .failure(.tooDeep))
        #expect(Self.parse(String(repeating: "<r>", count: 100_000)) == .failure(.tooDeep))

        func wide(_ count: Int) -> String { "<r>" + String(repeating: "<i/>", count: count - 1) + "</r>" }
        #expect(throws: Never.self) { try Self.parse(wide(4_096)).get() }
        #expect(Self.parse(wide(4_097)) == .failure(.tooManyElements))

        #expect(throws: Never.self) { try Self.parse("<\(String(repeating: "n", count: 128))/>").get() }
        #expect(Self.parse("<\(String(repeating: "n", count: 129))/>") == .failure(.nameTooLong))

        func attributes(_ count: Int) -> String { "<r" + (0..<count).map { " a\($0)='1'" }.joined() + "/>" }
        #expect(throws: Never.self) { try Self.parse(attributes(16)).get() }
        #expect(Self.parse(attributes(17)) == .failure(.tooManyAttributes))

        func long(_ count: Int) -> String { "<r>" + String(repeating: "x", count: count - 7) + "</r>" }
        #expect(throws: Never.self) { try Self.parse(long(1 << 20)).get() }
        #expect(Self.parse(long((1 << 20) + 1)) == .failure(.tooLarge))
    }

    @Test("AG-1: a document cut at any byte is refused, and so is one that goes on")
    func cut() {
        let text =
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><xml a='1'><!-- c --><T><![CDATA[你]]]]><![CDATA[>]]></T>&amp;<i/></xml>"
        let bytes = Array(text.utf8)
        #expect(throws: Never.self) { try CallbackXMLReader.parse(bytes) }
        for count in 0..<bytes.count {
            #expect(throws: CallbackXMLError.self) { try CallbackXMLReader.parse(Array(bytes.prefix(count))) }
        }
        #expect(throws: CallbackXMLError.self) { try CallbackXMLReader.parse(bytes + [60]) }
    }

    @Test("AG-1: errors name limits and places, never words of the document")
    func descriptions() {
        #expect(CallbackXMLError.tooDeep.description == "the XML is nested deeper than 32 elements")
        #expect(Self.parse("<hush></private>") == .failure(.malformed(at: 16)))
        #expect(CallbackXMLError.malformed(at: 16).description == "the XML is not well-formed at byte 16")
    }
}
