import Foundation
import Shared
import Testing

@testable import WebhookCompat

@Suite("fuzz: callbacks")
struct CallbackFuzzTests {
    private static let encodingAESKey = "M7gMYkBJXYy6ISI6etq4rp2qcW5IbMHNNyKWUC0mNpk"

    private static func cipher(_ receiver: ReceiveID) throws -> CallbackCipher {
        CallbackCipher(key: try CallbackKey(encodingAESKey: encodingAESKey), receiveID: receiver)
    }

    @Test("fuzz: WB-1: what is sealed opens again, of any length and in any script")
    func roundTrip() throws {
        var input = HostileInput(seed: 1)
        let ciphers = [try Self.cipher(.any), try Self.cipher(.exactly("ww7f3c0de5a1b2c3d4"))]
        var messages = ["", input.text(65_536), String(repeating: "你", count: 21_846)]
        for _ in 0..<HostileInput.iterations / 10 { messages.append(input.text(input.pick(200))) }
        for message in messages {
            for cipher in ciphers {
                let sealed = try cipher.seal(message.utf8, using: &input.random)
                #expect(try cipher.open(sealed) == Array(message.utf8))
            }
        }
    }

    @Test("fuzz: WB-5: no changed bit of ciphertext, signature, timestamp or nonce is accepted")
    func bitFlips() throws {
        var input = HostileInput(seed: 2)
        let ring = CallbackKeyRing(
            current: try CallbackCredentials(
                token: Secret("token"), key: CallbackKey(encodingAESKey: Self.encodingAESKey)), receiveID: .any)
        for _ in 0..<HostileInput.iterations {
            let sealed = try ring.seal(
                input.text(input.pick(60)).utf8, timestamp: 1_767_225_600, nonce: "nonce\(input.pick(1_000))",
                generation: .current, using: &input.random)
            var fields = [sealed.encrypted, sealed.signature.hexadecimal, String(sealed.timestamp), sealed.nonce]
            #expect(throws: Never.self) {
                try ring.open(fields[0], signature: fields[1], timestamp: fields[2], nonce: fields[3])
            }
            let field = input.pick(4)
            var bytes = Array(fields[field].utf8)
            bytes[input.pick(bytes.count)] ^= 1 << UInt8(input.pick(8))
            fields[field] = String(decoding: bytes, as: UTF8.self)
            #expect(throws: CallbackOpenError.wrongSignature) {
                try ring.open(fields[0], signature: fields[1], timestamp: fields[2], nonce: fields[3])
            }
        }
    }

    @Test("fuzz: WB-5: ciphertexts of random bytes, and ones changed so that length and padding lie, never trap")
    func decryption() throws {
        var input = HostileInput(seed: 3)
        let cipher = try Self.cipher(.any)
        let strict = try Self.cipher(.exactly("corp"))
        var opened = 0
        var failures: Set<CallbackCipherError> = []
        for round in 0..<HostileInput.iterations {
            var sealed: [UInt8]
            if round % 2 == 0 {
                sealed = input.bytes(input.pick(9) * 16 + (input.pick(8) == 0 ? input.pick(16) : 0))
            } else {
                let message = input.text(input.pick(40))
                sealed = Array(Data(base64Encoded: try cipher.seal(message.utf8, using: &input.random)) ?? Data())
                // In CBC a bit of one block flips the same bit of the next: the length is in the second block, the padding in
                // the last.
                let place = input.pick(2) == 0 ? input.pick(4) : sealed.count - 32 + 15
                sealed[place] ^= UInt8(input.pick(256))
            }
            let text = Data(sealed).base64EncodedString()
            do {
                #expect(try cipher.open(text).count <= max(0, sealed.count - 21))
                opened += 1
            } catch { failures.insert(error) }
            // The id that it would need never follows.
            #expect(throws: CallbackCipherError.self) { try strict.open(text) }
            _ = try? cipher.open(input.damaged(text))
        }
        #expect(opened > 0)
        #expect(failures == [.truncated, .badPadding, .badFrame])
    }

    @Test("fuzz: AG-2: trees of any shape survive being written in any way")
    func xmlRoundTrip() throws {
        var input = HostileInput(seed: 4)
        for _ in 0..<HostileInput.iterations / 5 {
            let root = input.element(depth: 5)
            let text = input.written(root)
            #expect(try CallbackXMLReader.parse(Array(text.utf8)) == root)
        }
    }

    @Test("fuzz: AG-1: damaged and invented documents are refused or read within the limits")
    func xml() throws {
        var input = HostileInput(seed: 5)
        let whole = Vectors.all("agent-callbacks").compactMap(\.plaintext).map { Array($0.utf8) }
        try #require(!whole.isEmpty)
        var read = 0
        for round in 0..<HostileInput.iterations {
            let document = round % 2 == 0 ? input.soup() : input.damaged(whole[input.pick(whole.count)])
            guard let root = try? CallbackXMLReader.parse(document) else { continue }
            read += 1
            let (depth, count, bytes) = Self.measure(root)
            #expect(depth <= CallbackXMLLimits.maxDepth && count <= CallbackXMLLimits.maxElements)
            #expect(bytes <= document.count)
        }
        #expect(read > HostileInput.iterations / 100)
        #expect(read < HostileInput.iterations)
    }

    private static func measure(_ root: CallbackElement) -> (depth: Int, count: Int, bytes: Int) {
        var level = [root]
        var (depth, count, bytes) = (0, 0, 0)
        while !level.isEmpty {
            depth += 1
            count += level.count
            bytes += level.reduce(0) { $0 + $1.name.utf8.count + $1.text.utf8.count }
            level = level.flatMap(\.children)
        }
        return (depth, count, bytes)
    }

    @Test("fuzz: WB-1, WB-5: a damaged request is refused, or means what it meant before")
    func requests() throws {
        var input = HostileInput(seed: 6)
        let gate = try Vectors.gate()
        let vectors = ["url-verification", "bot-callbacks", "agent-callbacks", "negative"].flatMap { Vectors.all($0) }
        let whole = vectors.filter { $0.bodyBuilder == nil }.map(\.request)
        let meant = whole.map { gate.judge($0) }
        var refused = 0
        for _ in 0..<HostileInput.iterations {
            let index = input.pick(whole.count)
            var request = whole[index]
            switch input.pick(8) {
            case 0: request.method = input.damaged(request.method)
            case 1: request.path = input.damaged(request.path)
            case 2...4: request.query = input.damaged(request.query)
            default: request.body = input.damaged(request.body)
            }
            let verdict = gate.judge(request)
            guard case .refused(let refusal) = verdict else {
                // Damage may also mend what was refused.
                if case .refused = meant[index] { continue }
                #expect(verdict == meant[index])
                continue
            }
            refused += 1
            #expect([400, 401, 404, 405].contains(refusal.status))
        }
        #expect(refused > HostileInput.iterations / 2)
    }

    @Test("fuzz: WB-5: a request cut at any byte of its body or query is refused")
    func cut() throws {
        let gate = try Vectors.gate()
        for (file, id) in [("bot-callbacks", "bot-text-single"), ("agent-callbacks", "agent-text")] {
            let whole = try #require(Vectors.all(file).first { $0.id == id }).request
            for count in 0..<whole.body.count {
                var request = whole
                request.body = Array(whole.body.prefix(count))
                let verdict = gate.judge(request)
                guard case .refused(.invalidPayload) = verdict else {
                    Issue.record("\(id) cut at \(count): \(verdict.status)")
                    continue
                }
            }
            for count in 0..<whole.query.utf8.count {
                var request = whole
                request.query = String(whole.query.prefix(count))
                let status = gate.judge(request).status
                #expect(status == 400 || status == 401)
            }
        }
    }
}
