import Foundation
import Shared
import Testing

@Suite("callback key ring")
struct KeyRingTests {
    private static let keys = [
        "M7gMYkBJXYy6ISI6etq4rp2qcW5IbMHNNyKWUC0mNpk", "jY2BSDMQNkOo5WdIqxI90MkWVavQkxq5ZfGzkAjisJs",
    ]

    private static func pair(_ token: String, _ key: Int) throws -> CallbackCredentials {
        try CallbackCredentials(token: Secret(token), key: CallbackKey(encodingAESKey: keys[key]))
    }

    private static func sealed(_ pair: CallbackCredentials, _ receiver: ReceiveID = .any) throws
        -> CallbackKeyRing.Sealed
    {
        var random = SeededGenerator(seed: 1)
        return try CallbackKeyRing(current: pair, receiveID: receiver).seal(
            Array("hello".utf8), timestamp: 1_767_225_600, nonce: "n", generation: .current, using: &random)
    }

    private static func open(_ sealed: CallbackKeyRing.Sealed, _ ring: CallbackKeyRing) -> Result<
        CallbackKeyRing.Opened, CallbackOpenError
    > {
        Result { () throws(CallbackOpenError) in
            try ring.open(
                sealed.encrypted, signature: sealed.signature.hexadecimal, timestamp: String(sealed.timestamp),
                nonce: sealed.nonce)
        }
    }

    @Test(
        "WB-1: while credentials change both pairs are understood, whichever half of them changed",
        arguments: [("new", 1), ("old", 1), ("new", 0)])
    func rotation(token: String, key: Int) throws {
        let old = try Self.pair("old", 0)
        let new = try Self.pair(token, key)
        let ring = CallbackKeyRing(current: new, previous: old, receiveID: .any)
        #expect(try Self.open(Self.sealed(new), ring).get().generation == .current)
        #expect(try Self.open(Self.sealed(old), ring).get().generation == .previous)
        #expect(try Self.open(Self.sealed(old), ring).get().message == Array("hello".utf8))
    }

    @Test("WB-1: a reply goes out under the pair that its callback came with")
    func replyGeneration() throws {
        let old = try Self.pair("old", 0)
        let ring = CallbackKeyRing(current: try Self.pair("new", 1), previous: old, receiveID: .any)
        var random = SeededGenerator(seed: 2)
        let reply = try ring.seal(
            Array("x".utf8), timestamp: 1, nonce: "n", generation: .previous, using: &random)
        #expect(try Self.open(reply, CallbackKeyRing(current: old, receiveID: .any)).get().generation == .current)
    }

    @Test("WB-5: once the change is over, the old pair signs no more")
    func afterRotation() throws {
        let ring = CallbackKeyRing(current: try Self.pair("new", 1), receiveID: .any)
        #expect(try Self.open(Self.sealed(Self.pair("old", 0)), ring) == .failure(.wrongSignature))
    }

    @Test("WB-5: a signature by one pair does not open what the other encrypted")
    func mixedPairs() throws {
        // Signed with the new token, encrypted under the old key: nobody sends that.
        let ring = CallbackKeyRing(
            current: try Self.pair("new", 1), previous: try Self.pair("old", 0), receiveID: .any)
        let mixed = try Self.sealed(Self.pair("new", 0))
        guard case .failure(.cipher) = Self.open(mixed, ring) else {
            Issue.record("opened")
            return
        }
    }

    @Test("WB-6, AG-1: with a receive id the id must be there; without one it may be anything")
    func receiveID() throws {
        let pair = try Self.pair("t", 0)
        let mine = CallbackKeyRing(current: pair, receiveID: .exactly("corp"))
        #expect(throws: Never.self) { try Self.open(Self.sealed(pair, .exactly("corp")), mine).get() }
        for other in [ReceiveID.any, .exactly("Corp"), .exactly("cor"), .exactly("corpx")] {
            let result = try Self.open(Self.sealed(pair, other), mine)
            #expect(result == .failure(.cipher(.receiveIDMismatch)))
        }
        let open = CallbackKeyRing(current: pair, receiveID: ReceiveID(configured: ""))
        #expect(throws: Never.self) { try Self.open(Self.sealed(pair, .exactly("corp")), open).get() }
    }

    @Test("WB-5: a wrong receiver is named even when the pair before fails otherwise")
    func mismatchFirst() throws {
        let current = try Self.pair("t", 0)
        let ring = CallbackKeyRing(
            current: current, previous: try Self.pair("t", 1), receiveID: .exactly("corp"))
        let result = try Self.open(Self.sealed(current, .exactly("other")), ring)
        #expect(result == .failure(.cipher(.receiveIDMismatch)))
    }
}
