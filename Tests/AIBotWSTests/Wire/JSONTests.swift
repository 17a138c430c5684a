import Foundation
import Shared
import Testing

@testable import AIBotWS

private func parse(_ text: String) -> JSONValue? { try? JSONValue(parsing: Array(text.utf8)) }

private func parse(_ bytes: [UInt8]) -> JSONValue? { try? JSONValue(parsing: bytes) }

@Suite("JSON: conformance")
struct JSONConformanceTests {
    static let valid: [(String, JSONValue)] = [
        ("null", .null), ("true", .bool(true)), ("false", .bool(false)), ("0", .integer(0)), ("-0", .integer(0)),
        ("-12", .integer(-12)), ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
        ("9223372036854775808", .number("9223372036854775808")), ("1.5", .number("1.5")), ("1e3", .number("1e3")),
        ("1E+3", .number("1E+3")), ("-0.0e-7", .number("-0.0e-7")), (#""""#, .string("")), (#""a""#, .string("a")),
        (#""\"\\\/\b\f\n\r\t""#, .string("\"\\/\u{8}\u{C}\n\r\t")), (#""\u4f60\u597D""#, .string("你好")),
        (#""\ud83d\ude00""#, .string("😀")), (#""\uD83D\uDE00x""#, .string("😀x")), (#""你好""#, .string("你好")),
        (#""\u0000""#, .string("\u{0}")), ("\"\u{7F}\"", .string("\u{7F}")), ("[]", .array([])),
        ("[ ]", .array([])), ("[1,2]", .array([.integer(1), .integer(2)])), ("{}", .object([])),
        (#"{"a":{"b":[null]}}"#, .object([.init(key: "a", value: .object([.init(key: "b", value: .array([.null]))]))])),
        (#" {"a" : 1 } "#, .object([.init(key: "a", value: .integer(1))])), ("\t\r\n 1 \t\r\n", .integer(1)),
        (#"{"\u0061":1}"#, .object([.init(key: "a", value: .integer(1))])),
        (#"{"":1}"#, .object([.init(key: "", value: .integer(1))])),
    ]

    @Test("WS-6: valid JSON is read as what it is", arguments: valid.indices)
    func reads(index: Int) {
        let (text, value) = Self.valid[index]
        #expect(parse(text) == value)
    }

    static let invalid: [String] = [
        "", " ", "\u{FEFF}", "nul", "nullx", "tru", "TRUE", "True", "+1", "-", "01", "-01", "1.", ".5", "1.e3", "1e",
        "1e+", "0x10", "1_000", "NaN", "Infinity", "-Infinity", "\"", "\"a", "\"a\n\"", "\"\t\"", "\"\u{1F}\"",
        #""\x""#, #""\u12""#, #""\u12g4""#, #""\u""#, #""\"#, "'a'", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]",
        "[1,,2]", "{", "}", #"{"a"}"#, #"{"a":}"#, #"{"a":1,}"#, #"{,"a":1}"#, #"{a:1}"#, #"{"a":1 "b":2}"#,
        #"{1:2}"#, #"{"a":1}}"#, "[1]]", "1 2", "{} {}", "// x\n1", "/* x */ 1", #"{"a":1;"b":2}"#, "\u{A0}1",
        #"{"a""b"}"#, "[1}", #"{"a":1]"#, "undefined", "\"a\"b", "[\"a\"b]", "--1", "1-", "1..2", "1ee2", "[-]",
        #"{"a":01}"#, "\u{0}", "1\u{0}",
    ]

    @Test("WS-6: what is no JSON is refused, as a value and as a frame", arguments: invalid.indices)
    func refuses(index: Int) {
        let text = Self.invalid[index]
        #expect(parse(text) == nil, "\(text.debugDescription)")
        #expect(parse(#"{"a":"# + text + "}") == nil || text.allSatisfy { $0 == " " } == false && isHarmless(text))
        let frame = Array(#"{"cmd":"ping","x":\#(text)}"#.utf8)
        let read = frame.withUnsafeBytes { try? InboundFrame($0) }
        #expect(read == nil || isHarmless(text), "\(text.debugDescription)")
    }

    /// Some broken texts become valid once something follows them.
    private func isHarmless(_ text: String) -> Bool {
        let wrapped = Data(#"{"a":\#(text)}"#.utf8)
        return (try? JSONSerialization.jsonObject(with: wrapped)) != nil
    }

    @Test("WS-6: errors say where, and nothing of the text")
    func errorNamesOffset() {
        do {
            _ = try JSONValue(parsing: Array(#"{"secret":"x" 1}"#.utf8))
            Issue.record("accepted")
        } catch let error as GatewayError {
            #expect(error.code == .invalidFrame)
            #expect(error.message == "not JSON at byte 14")
        } catch {
            Issue.record("\(error)")
        }
    }

    @Test(
        "WS-6: lone surrogates become U+FFFD and break nothing",
        arguments: [
            (#""\ud83d""#, "\u{FFFD}"), (#""\ude00""#, "\u{FFFD}"), (#""\ud83dx""#, "\u{FFFD}x"),
            (#""\ud83d\n""#, "\u{FFFD}\n"), (#""\ud83d\u0041""#, "\u{FFFD}A"), (#""\ud83d\ud83d\ude00""#, "\u{FFFD}😀"),
            (#""\ude00\ud83d""#, "\u{FFFD}\u{FFFD}"),
        ])
    func surrogates(text: String, expected: String) {
        #expect(parse(text) == .string(expected))
    }

    @Test("WS-6: bytes that are no UTF-8 become U+FFFD inside strings and are refused outside")
    func invalidUTF8() {
        for bytes: [UInt8] in [
            [0xFF], [0xC3], [0xE4, 0xBD], [0xF8, 0x80, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xC0, 0x80],
        ] {
            let quote = UInt8(ascii: "\"")
            guard case .string(let text) = parse([quote] + bytes + [quote]) else {
                Issue.record("\(bytes) refused")
                continue
            }
            #expect(text.unicodeScalars.allSatisfy { $0 == "\u{FFFD}" })
            #expect(parse(bytes) == nil)
            #expect(parse([UInt8(ascii: "[")] + bytes + [UInt8(ascii: "]")]) == nil)
        }
        #expect(parse([UInt8(ascii: "\""), 0xE4, UInt8(ascii: "\""), 0xBD, UInt8(ascii: "\"")]) == nil)
    }

    @Test("WS-6: a byte order mark at the start is passed over, elsewhere it is no white space")
    func byteOrderMark() {
        #expect(parse([0xEF, 0xBB, 0xBF] + Array("[1]".utf8)) == .array([.integer(1)]))
        #expect(parse([0xEF, 0xBB, 0xBF, 0xEF, 0xBB, 0xBF] + Array("[1]".utf8)) == nil)
        #expect(parse(Array("[1".utf8) + [0xEF, 0xBB, 0xBF] + Array("]".utf8)) == nil)
        #expect(parse([0xEF, 0xBB]) == nil)
    }

    @Test("WS-6: nesting is bounded, deep input neither traps nor passes", arguments: [63, 64, 65, 1_000, 400_000])
    func depth(count: Int) {
        let arrays = String(repeating: "[", count: count) + String(repeating: "]", count: count)
        #expect((parse(arrays) != nil) == (count <= JSONScanner.maxDepth))
        let open = String(repeating: "[", count: count)
        #expect(parse(open) == nil)
        let objects = String(repeating: #"{"a":"#, count: count) + "1" + String(repeating: "}", count: count)
        #expect((parse(objects) != nil) == (count < JSONScanner.maxDepth))
        let frame = Array(#"{"cmd":"aibot_msg_callback","body":\#(arrays)}"#.utf8)
        #expect((frame.withUnsafeBytes { try? InboundFrame($0) } != nil) == (count <= JSONScanner.maxDepth))
    }

    @Test("WS-6: of repeated keys the last one counts")
    func repeatedKeys() {
        #expect(parse(#"{"a":1,"b":2,"a":3}"#)?["a"] == .integer(3))
        #expect(parse(#"{"a":1}"#)?["b"] == nil)
        #expect(parse("[1]")?["a"] == nil)
    }

    @Test("WS-6: integers may come as strings of digits")
    func integers() {
        #expect(JSONValue.string("17").integer == 17)
        #expect(JSONValue.string("x").integer == nil)
        #expect(JSONValue.number("1.0").integer == nil)
        #expect(JSONValue.bool(true).integer == nil)
    }
}

/// Random JSON and random text of every kind that hurts.
struct JSONGenerator {
    var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func pick(_ upper: Int) -> Int { Int.random(in: 0..<upper, using: &random) }

    mutating func string(maxLength: Int = 24) -> String {
        let special: [Unicode.Scalar] = [
            "\"", "\\", "/", "\n", "\r", "\t", "\u{0}", "\u{1}", "\u{8}", "\u{C}", "\u{1F}", "\u{7F}", "\u{80}",
            "\u{200B}", "\u{2028}", "\u{2029}", "\u{FEFF}", "\u{FFFD}", "\u{FFFF}", "\u{10FFFF}", "\u{D7FF}",
            "\u{E000}", "\u{301}", "\u{200D}", "👩", "🇨", "你", "é", "<", ">", "&",
        ]
        var scalars = String.UnicodeScalarView()
        for _ in 0..<pick(maxLength + 1) {
            switch pick(4) {
            case 0: scalars.append(special[pick(special.count)])
            case 1:
                if let scalar = Unicode.Scalar(UInt32(pick(0x11_0000))) { scalars.append(scalar) }
            default: scalars.append(Unicode.Scalar(UInt8(0x20 + pick(0x5F))))
            }
        }
        return String(scalars)
    }

    mutating func value(depth: Int = 0) -> JSONValue {
        switch pick(depth > 5 ? 6 : 9) {
        case 0: return .null
        case 1: return .bool(pick(2) == 0)
        case 2: return .integer(Int(truncatingIfNeeded: random.next()) >> pick(64))
        case 3: return .number("\(pick(1_000)).\(pick(1_000))e\(pick(40) - 20)")
        case 4, 5: return .string(string())
        case 6: return .array((0..<pick(5)).map { _ in value(depth: depth + 1) })
        default:
            return .object((0..<pick(5)).map { _ in .init(key: string(maxLength: 6), value: value(depth: depth + 1)) })
        }
    }
}

@Suite("JSON: round trips")
struct JSONRoundTripTests {
    @Test("WS-6: what is written is read back the same, 4,000 random values")
    func valuesRoundTrip() {
        var generator = JSONGenerator(seed: 11)
        var broken: [JSONValue] = []
        for _ in 0..<4_000 {
            let value = generator.value()
            if parse(value.text) != value { broken.append(value) }
        }
        #expect(broken.isEmpty)
    }

    @Test("WS-6: another reader understands what we write")
    func foundationAgrees() throws {
        var generator = JSONGenerator(seed: 12)
        for _ in 0..<500 {
            // Foundation drops byte order marks from strings.
            let text = generator.string().filter { !$0.unicodeScalars.contains("\u{FEFF}") }
            let written = JSONValue.array([.string(text)]).text
            let read = try JSONSerialization.jsonObject(with: Data(written.utf8)) as? [String]
            #expect(read?.first.map { Array($0.utf8) } == Array(text.utf8))
        }
    }

    @Test("WS-11: a stream frame carries exactly the content, for any text")
    func streamFrames() throws {
        var generator = JSONGenerator(seed: 13)
        for index in 0..<3_000 {
            let content = generator.string(maxLength: 200)
            let reqID = generator.string(maxLength: 12)
            let finish = index % 2 == 0
            let feedback = index % 3 == 0 ? generator.string(maxLength: 8) : nil
            let frame = OutboundFrame.stream(
                ReqID(reqID), id: StreamID("s\(index)"), content: content, finish: finish, feedback: feedback)
            let value = try JSONValue(parsing: frame.buffer.payload)
            let stream = value["body"]?["stream"]
            #expect(value["cmd"] == "aibot_respond_msg")
            #expect(value["headers"]?["req_id"]?.string.map { Array($0.utf8) } == Array(reqID.utf8))
            #expect(value["body"]?["msgtype"] == "stream")
            #expect(stream?["id"] == .string("s\(index)"))
            #expect(stream?["finish"] == .bool(finish))
            #expect(stream?["content"]?.string.map { Array($0.utf8) } == Array(content.utf8))
            #expect(stream?["feedback"]?["id"]?.string == feedback)
            #expect(frame.repeatability == (finish ? .finalSnapshot : .snapshot))
        }
    }
}
