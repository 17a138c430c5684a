/// Token and key of one callback address, as the admin console shows them.
public struct CallbackCredentials: Sendable, Equatable {
    /// Signs.
    public let token: Secret
    /// Encrypts.
    public let key: CallbackKey

    /// - Throws: `CallbackKeyError.emptyToken`.
    public init(token: Secret, key: CallbackKey) throws(CallbackKeyError) {
        guard !token.reveal().isEmpty else { throw .emptyToken }
        self.token = token
        self.key = key
    }
}

/// Why a signed ciphertext was not opened.
public enum CallbackOpenError: Error, Hashable, Sendable {
    /// No pair signs like that.
    case wrongSignature
    /// The signature holds, the ciphertext does not.
    case cipher(CallbackCipherError)
}

/// The credentials in force and, while they are being changed, those of before. Callbacks under both are understood, and a
/// reply goes out under the pair that its callback came with, so a change needs no pause.
public struct CallbackKeyRing: Sendable {
    /// Which pair it was.
    public enum Generation: Hashable, Sendable {
        /// The pair in force.
        case current
        /// The pair before.
        case previous
    }

    /// A ciphertext that was opened.
    public struct Opened: Sendable, Equatable {
        /// The message, untouched; not necessarily text.
        public let message: [UInt8]
        /// The pair that signed it and opened it.
        public let generation: Generation
    }

    /// A reply, ready to be put into the envelope of its transport.
    public struct Sealed: Sendable {
        /// Ciphertext in base64.
        public let encrypted: String
        /// Signature over the other fields.
        public let signature: CallbackSignature
        /// Seconds since 1970.
        public let timestamp: Int64
        /// The nonce of the callback.
        public let nonce: String
    }

    private let current: CallbackCredentials
    private let previous: CallbackCredentials?
    private let receiveID: ReceiveID

    /// - Parameter previous: the pair before, while callbacks under it may still come.
    public init(current: CallbackCredentials, previous: CallbackCredentials? = nil, receiveID: ReceiveID) {
        self.current = current
        self.previous = previous
        self.receiveID = receiveID
    }

    /// Checks the signature, and only then opens the ciphertext.
    ///
    /// The pairs may share their token or their key. Where both sign alike, the one that opens is taken; where none opens,
    /// the error names a wrong receiver before anything else.
    public func open(
        _ encrypted: String, signature: String, timestamp: String, nonce: String
    ) throws(CallbackOpenError) -> Opened {
        var failure = CallbackOpenError.wrongSignature
        for (generation, pair) in [(Generation.current, current), (.previous, previous)] {
            guard let pair else { continue }
            let expected: CallbackSignature
            do {
                expected = try CallbackSignature(
                    token: pair.token, timestamp: timestamp, nonce: nonce, encrypted: encrypted)
            } catch { throw .cipher(.unavailable) }
            guard expected.matches(signature) else { continue }
            do {
                let message = try CallbackCipher(key: pair.key, receiveID: receiveID).open(encrypted)
                return Opened(message: message, generation: generation)
            } catch { if failure != .cipher(.receiveIDMismatch) { failure = .cipher(error) } }
        }
        throw failure
    }

    /// Seals and signs a reply.
    ///
    /// - Parameters:
    ///   - timestamp: seconds since 1970.
    ///   - nonce: the one of the callback that is answered.
    ///   - generation: the pair that its callback came with.
    public func seal(
        _ message: some Collection<UInt8>, timestamp: Int64, nonce: String, generation: Generation,
        using generator: inout some RandomNumberGenerator
    ) throws(CallbackCipherError) -> Sealed {
        let pair = generation == .previous ? previous ?? current : current
        let encrypted = try CallbackCipher(key: pair.key, receiveID: receiveID).seal(message, using: &generator)
        do {
            let signature = try CallbackSignature(
                token: pair.token, timestamp: String(timestamp), nonce: nonce, encrypted: encrypted)
            return Sealed(encrypted: encrypted, signature: signature, timestamp: timestamp, nonce: nonce)
        } catch { throw .unavailable }
    }
}
