import Crypto
import Foundation
import Simulator
import Testing

@Suite("Callback cipher")
struct CallbackCipherTests {
    private func seal(_ vector: JSONValue, _ plain: String) throws -> String {
        try Vectors.cipher(of: vector).seal(
            Array(plain.utf8), random: Array(try Vectors.text(vector["crypto"] ?? vector, "random16").utf8))
    }

    @Test("SIM-1: sealing, opening and signing, both ways")
    func core() throws {
        let vectors = try Vectors.read("crypto-core")
        #expect(vectors.count > 10)
        for vector in vectors where vector["encrypt"] != nil && vector["random16"] != nil {
            let plain = try Vectors.text(vector, "plaintext")
            let sealed = try Vectors.text(vector, "encrypt")
            let base = try Vectors.cipher(of: vector)
            #expect(try base.open(sealed) == Array(plain.utf8), "\(vector["id"] ?? .null)")
            #expect(try seal(vector, plain) == sealed)
        }
        for vector in vectors where vector["msg_signature"] != nil && vector["encrypt"] != nil {
            let signature = try Vectors.cipher(of: vector).signature(
                timestamp: try Vectors.text(vector, "timestamp"), nonce: try Vectors.text(vector, "nonce"),
                sealed: try Vectors.text(vector, "encrypt"))
            #expect(signature == vector["msg_signature"]?.stringValue)
        }
    }

    @Test("SIM-1: callbacks of bots and applications, both ways", arguments: ["bot-callbacks", "agent-callbacks"])
    func callbacks(_ file: String) throws {
        for vector in try Vectors.read(file) {
            let body = try Vectors.text(vector, "body")
            let sealed =
                file == "bot-callbacks"
                ? try JSONValue.parse(body)["encrypt"]?.stringValue
                : try XMLElement.parse(Array(body.utf8)).text("Encrypt")
            let envelope = try Vectors.envelope(vector, sealed: try #require(sealed))
            let plain = try Vectors.text(vector, "plaintext")
            #expect(try envelope.open(with: Vectors.cipher(of: vector)) == Array(plain.utf8))
            #expect(try seal(vector, plain) == sealed, "\(vector["id"] ?? .null)")
            #expect(envelope.query == vector["raw_query"]?.stringValue)
            guard let fields = vector["fields"]?.objectValue?.members else { continue }
            let element = try XMLElement.parse(Array(plain.utf8))
            for field in fields where field.value.stringValue != nil {
                #expect(element.text(field.key) == field.value.stringValue)
            }
        }
    }

    @Test("SIM-1: answers of bots, both ways")
    func botReplies() throws {
        for vector in try Vectors.read("bot-replies") {
            let cipher = try Vectors.cipher(of: vector)
            let plain = try Vectors.text(vector, "plaintext")
            let answer = try #require(vector["envelope"])
            let envelope = try #require(CallbackEnvelope(jsonAnswer: answer))
            #expect(try envelope.open(with: cipher) == Array(plain.utf8))
            let made = try CallbackEnvelope(
                sealing: Array(plain.utf8), with: cipher, random: Array(try Vectors.text(vector, "random16").utf8),
                timestamp: try Vectors.text(vector, "reply_timestamp"),
                nonce: try Vectors.text(vector, "callback_nonce"))
            #expect(made.jsonAnswer == answer)
        }
    }

    @Test("SIM-1: answers of applications, both ways")
    func agentReplies() throws {
        for vector in try Vectors.read("agent-replies") {
            let cipher = try Vectors.cipher(of: vector)
            let plain = try Vectors.text(vector, "plaintext")
            let body = try Vectors.text(vector, "body")
            let envelope = try #require(CallbackEnvelope(xmlAnswer: try XMLElement.parse(Array(body.utf8))))
            #expect(try envelope.open(with: cipher) == Array(plain.utf8))
            let made = try CallbackEnvelope(
                sealing: Array(plain.utf8), with: cipher, random: Array(try Vectors.text(vector, "random16").utf8),
                timestamp: try Vectors.text(vector, "timestamp"), nonce: try Vectors.text(vector, "nonce"))
            #expect(made == envelope)
            #expect(try XMLElement.parse(Array(made.xmlAnswer.utf8)) == XMLElement.parse(Array(body.utf8)))
        }
    }

    @Test("SIM-1: verification of addresses, both ways")
    func verification() throws {
        for vector in try Vectors.read("url-verification") where vector["expect"]?["status"] == 200 {
            let echo = try Vectors.text(vector["query"], "echostr")
            let envelope = try Vectors.envelope(vector, sealed: echo)
            let plain = try Vectors.text(vector["expect"], "body")
            #expect(try envelope.open(with: Vectors.cipher(of: vector)) == Array(plain.utf8))
            #expect(try seal(vector, plain) == echo)
        }
    }

    @Test("SIM-1: media under the callback key, both ways")
    func media() throws {
        for vector in try Vectors.read("media") {
            let sealed = try #require(Data(base64Encoded: try Vectors.text(vector, "encrypted_base64")))
            let cipher = try Vectors.cipher(of: vector)
            guard vector["expect"] == "ok" else {
                #expect(throws: CallbackCipherError.self) { try cipher.decrypt(Array(sealed)) }
                continue
            }
            let plain = try #require(Data(base64Encoded: try Vectors.text(vector, "plain_base64")))
            #expect(try cipher.decrypt(Array(sealed)) == Array(plain))
            #expect(try cipher.encrypt(Array(plain)) == Array(sealed))
        }
    }

    @Test("SIM-1: what must be refused is refused")
    func negative() throws {
        var count = 0
        for vector in try Vectors.read("negative") where vector["body"]?.stringValue != nil {
            guard let query = vector["query"], query["msg_signature"]?.stringValue?.isEmpty == false,
                query["timestamp"]?.stringValue?.isEmpty == false, query["nonce"]?.stringValue?.isEmpty == false,
                ["invalid signature", "decrypt failed"].contains(where: {
                    vector["expect"]?["reason"]?.stringValue?.contains($0) == true
                })
            else { continue }
            let body = Array(try Vectors.text(vector, "body").utf8)
            let sealed =
                (try? JSONValue.parse(body))?["encrypt"]?.stringValue
                ?? (try? XMLElement.parse(body))?.text("Encrypt")
            guard let sealed else { continue }
            let envelope = try Vectors.envelope(vector, sealed: sealed)
            let cipher = try Vectors.cipher(of: vector)
            #expect(throws: CallbackCipherError.self, "\(vector["id"] ?? .null)") { try envelope.open(with: cipher) }
            count += 1
        }
        #expect(count > 5)
    }

    @Test("SIM-1: XML of callbacks: CDATA that ends early, entities, DOCTYPE, depth")
    func xml() throws {
        let element = XMLElement(
            "xml", children: [XMLElement("Content", text: "a]]>b<&>\u{1}\n"), XMLElement("N", text: "7")])
        #expect(element.document.hasSuffix("<N>7</N></xml>"))
        #expect(try XMLElement.parse(Array(element.document.utf8)).text("Content") == "a]]>b<&>\n")
        let spelled = "<?xml version=\"1.0\"?><xml a=\"b\"> <A>&lt;&#65;&#x42;</A><!-- x --><B/></xml>"
        let parsed = try XMLElement.parse(Array(spelled.utf8))
        #expect(parsed.text("A") == "<AB")
        #expect(parsed["B"]?.text == "")
        let deep = String(repeating: "<a>", count: 40) + String(repeating: "</a>", count: 40)
        for wrong in ["<!DOCTYPE x><xml/>", "<xml>&x;</xml>", "<xml>", "<xml></y>", "<xml/>x", "", "<", deep] {
            #expect(throws: XMLSyntaxError.self, "\(wrong)") { try XMLElement.parse(Array(wrong.utf8)) }
        }
    }
}
