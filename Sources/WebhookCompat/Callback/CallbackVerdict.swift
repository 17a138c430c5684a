public import Shared

/// What is to become of a request to a callback address.
public enum CallbackVerdict: Hashable, Sendable {
    /// The platform checks the address: answer 200 `text/plain` with exactly these bytes, within a second.
    case echo([UInt8], account: String)
    /// Signed, opened and well-formed: a callback to work on. Status 200, with an encrypted reply or an empty body.
    case callback(VerifiedCallback)
    /// Signed and well-formed, but for somebody else: answer 200 with an empty body, log, do nothing.
    case notOurs(Mismatch, account: String)
    /// Answer with the status and the body of the refusal.
    case refused(CallbackRefusal)

    /// What differs from the configuration.
    public enum Mismatch: Hashable, Sendable {
        /// `ToUserName` is another enterprise.
        case enterprise
        /// `AgentID` is another application.
        case application
    }

    /// HTTP status of the answer.
    public var status: Int {
        if case .refused(let refusal) = self { refusal.status } else { 200 }
    }
}

/// A callback whose signature held and whose content could be read.
public struct VerifiedCallback: Hashable, Sendable {
    /// What was inside.
    public enum Payload: Hashable, Sendable {
        /// A bot's: UTF-8 text of one JSON object.
        case json([UInt8])
        /// A self-built application's: the root element, `xml`.
        case xml(CallbackElement)
    }

    /// The account whose credentials fit.
    public let account: String
    /// The content.
    public let payload: Payload
    /// The pair it came with; a reply goes out under the same.
    public let generation: CallbackKeyRing.Generation
    /// Goes back with the reply.
    public let nonce: String
}

/// Why a request is turned away. Neither status nor body tell anything about credentials, ids or content.
public enum CallbackRefusal: Error, Hashable, Sendable {
    /// Parameters of a callback address.
    public enum Parameter: String, CaseIterable, Hashable, Sendable {
        /// The signature.
        case signature = "msg_signature"
        /// Seconds since 1970.
        case timestamp
        /// A word that makes the signature unique.
        case nonce
        /// The ciphertext to verify an address with.
        case echo = "echostr"
    }

    /// No account has this path.
    case notFound
    /// Neither GET nor POST; the answer carries `Allow: GET, POST`.
    case methodNotAllowed
    /// Parameters that are absent or empty.
    case missingQuery([Parameter])
    /// The body is longer than `CallbackRequest.maxBodyBytes`.
    case payloadTooLarge
    /// The envelope or the content cannot be read.
    case invalidPayload(PayloadFault)
    /// No account on this path signs like that.
    case invalidSignature
    /// Signed, but not to be opened.
    case decryptFailed(CallbackCipherError)

    /// What is wrong with a payload.
    public enum PayloadFault: Hashable, Sendable {
        /// Envelope: no JSON object with a text `encrypt`, or no XML with exactly one `Encrypt`.
        case envelope
        /// Content: not UTF-8.
        case notText
        /// Content: no JSON object.
        case notJSONObject
        /// Envelope or content: no acceptable XML.
        case xml(CallbackXMLError)
        /// Envelope or content: the root is not `xml`.
        case wrongRoot
    }

    /// HTTP status.
    public var status: Int {
        switch self {
        case .notFound: 404
        case .methodNotAllowed: 405
        case .missingQuery, .invalidPayload: 400
        case .payloadTooLarge: 413
        case .invalidSignature: 401
        case .decryptFailed(let error): error == .unavailable ? 500 : 400
        }
    }

    /// Body of the answer, `text/plain; charset=utf-8`.
    public var body: String {
        switch self {
        case .notFound: "not found"
        case .methodNotAllowed: "method not allowed"
        case .missingQuery(let names) where names.count == Parameter.allCases.count:
            "missing query params: \(names.map(\.rawValue).joined(separator: ", ")). In a browser this is expected: the address "
                + "works, and only the platform can call it. From the platform: a proxy in between drops the query"
        case .missingQuery(let names):
            "missing query params: \(names.map(\.rawValue).joined(separator: ", "))"
                + " (does a proxy in between drop the query?)"
        case .payloadTooLarge: "payload too large"
        case .invalidPayload: "invalid payload"
        case .invalidSignature: "unauthorized: invalid signature"
        case .decryptFailed(.receiveIDMismatch): "decrypt failed: receiveId mismatch"
        case .decryptFailed(.unavailable): "encryption is not available"
        case .decryptFailed: "decrypt failed"
        }
    }
}
