import Foundation
import Shared
import Testing

@testable import WebhookCompat

@Suite("callback gate")
struct GateTests {
    private static func vector(_ file: String, _ id: String) throws -> Vectors.Vector {
        try #require(Vectors.all(file).first { $0.id == id })
    }

    private static func sealed(_ message: String, for account: Vectors.Account) throws -> CallbackRequest {
        var random = SeededGenerator(seed: 3)
        let credentials = try account.credentials()
        let sealed = try CallbackKeyRing(current: credentials, receiveID: ReceiveID(configured: account.receiveId))
            .seal(
                Array(message.utf8), timestamp: 1_767_225_600, nonce: "n1", generation: .current, using: &random)
        return CallbackRequest(
            method: "POST", path: account.path,
            query: "msg_signature=\(sealed.signature.hexadecimal)&timestamp=1767225600&nonce=n1",
            body: Array((account.kind == "bot" ? ReplyEnvelope.json(sealed) : ReplyEnvelope.xml(sealed)).utf8))
    }

    @Test("WB-1: blanks in echostr are taken for pluses when the signature says so")
    func blanks() throws {
        var request = try Self.vector("url-verification", "get-bot-literal-plus-0").request
        request.query = request.query.replacing("+", with: "%20")
        #expect(try Vectors.gate().judge(request) == .echo(Array("8888888888888888888".utf8), account: "bot-a"))
    }

    @Test("WB-1: a query that was encoded twice is not decoded twice")
    func encodedTwice() throws {
        var request = try Self.vector("url-verification", "get-bot-numeric").request
        request.query = request.query.replacing("%2F", with: "%252F")
        #expect(try Vectors.gate().judge(request) == .refused(.invalidSignature))
    }

    @Test("WB-1: of a repeated parameter the first counts, unknown ones do not matter")
    func repeated() throws {
        let gate = try Vectors.gate()
        var request = try Self.vector("url-verification", "get-bot-reordered").request
        let query = request.query
        request.query = "x=1&&=&y&%65chostr2=3&" + query + "&nonce=other&echostr=&z"
        #expect(gate.judge(request) == .echo(Array("42".utf8), account: "bot-a"))
        request.query = "nonce=other&" + query
        #expect(gate.judge(request) == .refused(.invalidSignature))
    }

    @Test("WB-5: JSON nested without end is refused, around the ciphertext and inside it", arguments: ["[", "{\"a\":"])
    func nestedJSON(opening: String) throws {
        let closing = opening == "[" ? "]" : "}"
        let deep =
            "{\"encrypt\":\"A\",\"x\":" + String(repeating: opening, count: 1_000) + "1"
            + String(repeating: closing, count: 1_000) + "}"
        var request = try Self.sealed(deep, for: Vectors.account("bot-a"))
        #expect(try Vectors.gate().judge(request) == .refused(.invalidPayload(.notJSONObject)))
        request.body = Array(deep.utf8)
        #expect(try Vectors.gate().judge(request) == .refused(.invalidPayload(.envelope)))
    }

    @Test("WB-1: a slash at the end of the path makes no difference, anything else does")
    func paths() throws {
        var request = try Self.vector("url-verification", "get-bot-numeric").request
        request.path = "/wecom/bot/"
        #expect(try Vectors.gate().judge(request).status == 200)
        for path in ["/wecom/bot//", "/wecom/Bot", "/wecom", "/", "", "/wecom/bot/x", "wecom/bot"] {
            request.path = path
            #expect(try Vectors.gate().judge(request) == .refused(.notFound), "\(path)")
        }
    }

    @Test(
        "webhook.refresh: P21, WB-1: of several accounts on one path the one whose token verifies is meant, bot or application"
    )
    func sharedPath() throws {
        let endpoints = try Vectors.accounts().map { account in
            CallbackEndpoint(
                account: account.account, paths: ["/wecom"],
                kind: account.kind == "bot"
                    ? .bot(receiveID: "") : .agent(corpID: account.receiveId, agentID: account.agentId),
                current: try account.credentials())
        }
        let gate = CallbackGate(endpoints: endpoints)
        for file in ["url-verification", "bot-callbacks", "agent-callbacks"] {
            for vector in Vectors.all(file) where vector.id != "agent-other-agentid" {
                var request = vector.request
                request.path = "/wecom"
                switch gate.judge(request) {
                case .callback(let callback): #expect(callback.account == vector.account, "\(vector.id)")
                case .echo(_, let account): #expect(account == vector.account, "\(vector.id)")
                case let other: Issue.record("\(vector.id): \(other.status)")
                }
            }
        }
    }

    @Test("WB-5: the first check that fails decides: path, method, query, size, envelope, signature")
    func order() throws {
        let gate = try Vectors.gate()
        var request = CallbackRequest(
            method: "PUT", path: "/nowhere", query: "", body: [UInt8](repeating: 65, count: (1 << 20) + 1))
        #expect(gate.judge(request) == .refused(.notFound))
        request.path = "/wecom/bot"
        #expect(gate.judge(request) == .refused(.methodNotAllowed))
        request.method = "POST"
        #expect(gate.judge(request) == .refused(.missingQuery([.signature, .timestamp, .nonce])))
        request.query = "msg_signature=0&timestamp=1&nonce=2"
        #expect(gate.judge(request) == .refused(.payloadTooLarge))
        request.body.removeLast()
        #expect(gate.judge(request) == .refused(.invalidPayload(.envelope)))
        request.body = Array(#"{"encrypt":"@"}"#.utf8)
        #expect(gate.judge(request) == .refused(.invalidSignature))
        request.method = "HEAD"
        #expect(gate.judge(request) == .refused(.methodNotAllowed))
    }

    @Test("webhook.refresh: P21, WB-5: a refusal for a lost query names what is missing and what may have taken it")
    func missingQuery() throws {
        let request = CallbackRequest(method: "GET", path: "/wecom/bot", query: "timestamp=1&nonce=&echostr")
        guard case .refused(let refusal) = try Vectors.gate().judge(request) else {
            Issue.record("accepted")
            return
        }
        #expect(refusal == .missingQuery([.signature, .nonce, .echo]))
        #expect(refusal.status == 400)
        #expect(
            refusal.body
                == "missing query params: msg_signature, nonce, echostr (does a proxy in between drop the query?)")
    }

    @Test("WB-5: no refusal shows the token, the key, the expected signature or a receive id")
    func silent() throws {
        let accounts = try Vectors.accounts()
        for vector in Vectors.all("negative") {
            guard case .refused(let refusal) = try Vectors.gate().judge(vector.request) else { continue }
            let printed = refusal.body + "\(refusal)"
            for account in accounts {
                #expect(!printed.contains(account.token) && !printed.contains(account.encodingAESKey))
                #expect(account.receiveId.isEmpty || !printed.contains(account.receiveId))
            }
        }
    }

    @Test("WB-5: content that is UTF-16 or holds a zero byte is no JSON", arguments: [false, true])
    func otherEncodings(asEnvelope: Bool) throws {
        let account = try Vectors.account("bot-a")
        let wide = #"{"encrypt":"AAAA"}"#.flatMap { "\($0)\u{0}" }
        var request = try Self.sealed(String(wide), for: account)
        if asEnvelope { request.body = Array(String(wide).utf8) }
        let expected = CallbackRefusal.PayloadFault.self
        #expect(
            try Vectors.gate().judge(request)
                == .refused(.invalidPayload(asEnvelope ? expected.envelope : expected.notText)))
    }

    @Test("AG-1: a callback of another enterprise inside the right envelope is not worked on")
    func otherEnterprise() throws {
        let account = try Vectors.account("agent-a")
        let request = try Self.sealed("<xml><ToUserName>ww0</ToUserName><MsgType>text</MsgType></xml>", for: account)
        #expect(try Vectors.gate().judge(request) == .notOurs(.enterprise, account: "agent-a"))
    }

    @Test("AG-1: content with another root is refused")
    func otherRoot() throws {
        let request = try Self.sealed("<html></html>", for: Vectors.account("agent-a"))
        #expect(try Vectors.gate().judge(request) == .refused(.invalidPayload(.wrongRoot)))
    }

    @Test("AG-1: an application without a corp id accepts nothing")
    func noCorpID() throws {
        let account = try Vectors.account("agent-a")
        let endpoint = CallbackEndpoint(
            account: "a", paths: [account.path], kind: .agent(corpID: "", agentID: nil),
            current: try account.credentials())
        let request = try Self.vector("agent-callbacks", "agent-text").request
        #expect(CallbackGate(endpoints: [endpoint]).judge(request) == .refused(.decryptFailed(.receiveIDMismatch)))
    }

    @Test("WB-1, AG-1: a nonce with quotes, brackets and control characters keeps the envelope readable")
    func strangeNonce() throws {
        let nonce = "a\"\\\u{1}\n]]>b]]]>\u{FFFE}é"
        for account in try Vectors.accounts() {
            let callback = VerifiedCallback(
                account: account.account, payload: .json([]), generation: .current, nonce: nonce)
            var random = SeededGenerator(seed: 4)
            let reply = try account.endpoint().reply("{}", to: callback, timestamp: 5, using: &random)
            if account.kind == "bot" {
                let envelope = try JSONDecoder().decode(Vectors.Vector.Envelope.self, from: Data(reply.utf8))
                #expect(envelope.nonce == nonce && envelope.timestamp == 5)
            } else {
                let root = try CallbackXMLReader.parse(Array(reply.utf8))
                #expect(root.text(of: "Nonce") == "a\"\\\n]]>b]]]>é")
                #expect(root.text(of: "TimeStamp") == "5")
                #expect(root.children.map(\.name) == ["Encrypt", "MsgSignature", "TimeStamp", "Nonce"])
            }
        }
    }
}
