import Foundation
import Shared

@testable import WebhookCompat

/// Seeded source of texts, documents and damage.
struct HostileInput {
    /// `FUZZ_ITERATIONS=1000000` runs the whole of each test; by default a short one.
    static let iterations = ProcessInfo.processInfo.environment["FUZZ_ITERATIONS"].flatMap { Int($0) } ?? 10_000

    private static let letters: [Unicode.Scalar] = [
        "a", "Z", "0", " ", "\n", "\t", "\"", "\\", "&", "<", ">", "]", "]", "'", "é", "你", "🌡", "\u{200D}", "\u{FFFD}",
    ]
    private static let tokens = [
        "<", ">", "</", "/>", "<xml>", "</xml>", "<a>", "</a>", "<a/>", "<Encrypt>", "</Encrypt>", "<![CDATA[", "]]>",
        "]",
        "<!--", "--", "-->", "<?xml version='1.0'?>", "<?", "?>", "<!DOCTYPE x [", "<!ENTITY a 'b'>", "&a;", "&amp;",
        "&#65;",
        "&#x", ";", "=", "'", "\"", " b='c'", " ", "\r\n", "text", "你", "\u{FEFF}", "\u{0}", "\u{1}",
    ]

    var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    /// A number below `bound`.
    mutating func pick(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }

    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) } }

    mutating func text(_ count: Int) -> String {
        var text = ""
        for _ in 0..<count { text.unicodeScalars.append(Self.letters[pick(Self.letters.count)]) }
        return text
    }

    /// Pieces of XML in any order.
    mutating func soup() -> [UInt8] {
        let body = (0..<pick(40)).map { _ in Self.tokens[pick(Self.tokens.count)] }.joined()
        return Array((pick(2) == 0 ? "<xml>\(body)</xml>" : body).utf8)
    }

    /// One to three changes: a bit, a byte, a piece taken out, doubled or cut off, something put in.
    mutating func damaged(_ original: [UInt8]) -> [UInt8] {
        var result = original
        for _ in 0...pick(3) {
            let at = pick(result.count + 1)
            let end = min(result.count, at + pick(12))
            switch pick(7) {
            case 0 where at < result.count: result[at] ^= 1 << UInt8(pick(8))
            case 1 where at < result.count: result[at] = UInt8(pick(256))
            case 2: result.removeSubrange(at..<end)
            case 3: result.insert(contentsOf: Array(result[at..<end]), at: at)
            case 4: result.removeSubrange(at...)
            case 5: result.insert(contentsOf: Self.tokens[pick(Self.tokens.count)].utf8, at: at)
            default: result.insert(contentsOf: bytes(pick(4)), at: at)
            }
        }
        return result
    }

    mutating func damaged(_ original: String) -> String {
        String(decoding: damaged(Array(original.utf8)), as: UTF8.self)
    }

    /// A tree of at most `depth` levels, as `written` writes it.
    mutating func element(depth: Int) -> CallbackElement {
        var element = CallbackElement(name: ["a", "b-c", "Msg_Id", "x:y.z", "名"][pick(5)])
        if depth > 1 { element.children = (0..<pick(4)).map { _ in self.element(depth: depth - 1) } }
        if element.children.isEmpty { element.text = text(pick(12)) }
        return element
    }

    /// XML of a tree, in one of the many ways.
    mutating func written(_ element: CallbackElement) -> String {
        let attributes = pick(4) == 0 ? " q='&lt;' r = \"]]>\"" : ""
        var inner = element.children.map { child in
            (pick(3) == 0 ? "<!-- <a> & -->" : "") + written(child)
        }.joined()
        for scalar in element.text.unicodeScalars { inner += written(scalar) }
        if inner.isEmpty, pick(2) == 0 { return "<\(element.name)\(attributes) />" }
        return "<\(element.name)\(attributes)>\(inner)</\(element.name)\(pick(2) == 0 ? " " : "")>"
    }

    private mutating func written(_ scalar: Unicode.Scalar) -> String {
        switch pick(4) {
        case 0: "<![CDATA[\(scalar)]]>"
        case 1: "&#x\(String(scalar.value, radix: 16));"
        case 2: "&#\(scalar.value);"
        default:
            switch scalar {
            case "&": "&amp;"
            case "<": "&lt;"
            case ">": "&gt;"
            default: String(scalar)
            }
        }
    }
}
