import Foundation
import Shared
import Testing

@testable import WebhookCompat

@Suite("webhook vectors")
struct VectorTests {
    @Test("WB-1: every file of vectors is read")
    func everyFile() throws {
        #expect(try Vectors.accounts().count == 3)
        let counts = [
            "crypto-core": 17, "url-verification": 7, "bot-callbacks": 29, "bot-replies": 10, "agent-callbacks": 36,
            "agent-replies": 5, "negative": 61,
        ]
        for (name, count) in counts { #expect(Vectors.all(name).count == count, "\(name)") }
        #expect(Vectors.all("media", of: MediaVectorTests.Vector.self).count == 15)
    }

    @Test("WB-1, AG-1: signatures", arguments: Vectors.all("crypto-core"))
    func signature(vector: Vectors.Vector) throws {
        let token = try vector.token ?? Vectors.account(vector.account).token
        let signature = try CallbackSignature(
            token: Secret(token), timestamp: #require(vector.timestamp), nonce: #require(vector.nonce),
            encrypted: #require(vector.encrypt))
        let expected = try #require(vector.msgSignature)
        #expect(signature.hexadecimal == expected)
        #expect(signature.matches(expected))
        #expect(!signature.matches(expected.uppercased()))
        #expect(!signature.matches(String(expected.dropLast())))
        #expect(!signature.matches(""))
    }

    @Test(
        "WB-1, AG-1: encryption gives the bytes of the vectors, decryption the text",
        arguments: Vectors.all("crypto-core").filter { $0.plaintext != nil })
    func cipher(vector: Vectors.Vector) throws {
        let account = try Vectors.account(vector.account)
        let cipher = CallbackCipher(
            key: try CallbackKey(encodingAESKey: account.encodingAESKey),
            receiveID: ReceiveID(configured: account.receiveId))
        let plain = Array(try #require(vector.plaintext).utf8)
        let encrypted = try #require(vector.encrypt)
        #expect(try cipher.open(encrypted) == plain)
        var random = FixedRandom(try #require(vector.random16))
        #expect(try cipher.seal(plain, using: &random) == encrypted)
    }

    @Test("WB-1, AG-1: address verification gives the exact bytes", arguments: Vectors.all("url-verification"))
    func verification(vector: Vectors.Vector) throws {
        let verdict = try Vectors.gate().judge(vector.request)
        let body = try #require(vector.expect?.body)
        #expect(verdict == .echo(Array(body.utf8), account: vector.account))
        #expect(verdict.status == 200)
    }

    @Test("WB-1: callbacks of a bot are verified and decrypted", arguments: Vectors.all("bot-callbacks"))
    func botCallback(vector: Vectors.Vector) throws {
        guard case .callback(let callback) = try Vectors.gate().judge(vector.request) else {
            Issue.record("not accepted")
            return
        }
        #expect(callback.account == vector.account)
        #expect(callback.payload == .json(Array(try #require(vector.plaintext).utf8)))
        #expect(callback.generation == .current)
        #expect(try #require(vector.rawQuery).contains("nonce=\(callback.nonce)"))
    }

    @Test(
        "AG-1, AG-2: callbacks of an application are verified, decrypted and read",
        arguments: Vectors.all("agent-callbacks"))
    func agentCallback(vector: Vectors.Vector) throws {
        let verdict = try Vectors.gate().judge(vector.request)
        #expect(verdict.status == vector.expect?.status)
        if vector.id == "agent-other-agentid" {
            #expect(verdict == .notOurs(.application, account: vector.account))
            return
        }
        guard case .callback(let callback) = verdict, case .xml(let root) = callback.payload else {
            Issue.record("not accepted")
            return
        }
        #expect(callback.account == vector.account)
        for (name, value) in try #require(vector.fields) { #expect(root.text(of: name) == value, "\(name)") }
    }

    @Test("WB-5, AG-1: statuses and reasons of refusals", arguments: Vectors.all("negative"))
    func refusal(vector: Vectors.Vector) throws {
        let verdict = try Vectors.gate().judge(vector.request)
        let expected = try #require(vector.expect)
        #expect(verdict.status == expected.status)
        guard expected.processed == false else {
            guard case .callback = verdict else {
                Issue.record("not accepted")
                return
            }
            return
        }
        guard case .refused(let refusal) = verdict else {
            Issue.record("not refused")
            return
        }
        #expect(refusal.body.contains(try #require(expected.reason)))
    }

    @Test("WB-1: encrypted replies of a bot", arguments: Vectors.all("bot-replies"))
    func botReply(vector: Vectors.Vector) throws {
        let account = try Vectors.account(vector.account)
        let callback = VerifiedCallback(
            account: account.account, payload: .json([]), generation: .current,
            nonce: try #require(vector.callbackNonce))
        var random = FixedRandom(try #require(vector.random16))
        let reply = try account.endpoint().reply(
            #require(vector.plaintext), to: callback, timestamp: #require(vector.envelope).timestamp, using: &random)
        #expect(try JSONDecoder().decode(Vectors.Vector.Envelope.self, from: Data(reply.utf8)) == vector.envelope)
    }

    @Test("AG-1: encrypted replies of an application", arguments: Vectors.all("agent-replies"))
    func agentReply(vector: Vectors.Vector) throws {
        let account = try Vectors.account(vector.account)
        let callback = VerifiedCallback(
            account: account.account, payload: .json([]), generation: .current, nonce: try #require(vector.nonce))
        var random = FixedRandom(try #require(vector.random16))
        let timestamp = try #require(vector.timestamp)
        let reply = try account.endpoint().reply(
            #require(vector.plaintext), to: callback, timestamp: #require(Int64(timestamp)),
            using: &random)
        #expect(reply == vector.body)
    }
}
