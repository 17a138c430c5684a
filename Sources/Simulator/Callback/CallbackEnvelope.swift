/// The sealed form of a callback or answer, apart from its spelling as JSON or XML.
public struct CallbackEnvelope: Sendable, Hashable {
    /// Base64 of the sealed message.
    public var sealed: String
    /// Signature over token, timestamp, nonce and the sealed message.
    public var signature: String
    /// Seconds, as text.
    public var timestamp: String
    /// The number used once.
    public var nonce: String

    /// Seals a message.
    public init(
        sealing message: [UInt8], with cipher: CallbackCipher, random: [UInt8], timestamp: String, nonce: String
    ) throws(CallbackCipherError) {
        sealed = try cipher.seal(message, random: random)
        signature = cipher.signature(timestamp: timestamp, nonce: nonce, sealed: sealed)
        self.timestamp = timestamp
        self.nonce = nonce
    }

    /// An envelope that came.
    public init(sealed: String, signature: String, timestamp: String, nonce: String) {
        self.sealed = sealed
        self.signature = signature
        self.timestamp = timestamp
        self.nonce = nonce
    }

    /// Checks the signature, then opens.
    public func open(with cipher: CallbackCipher) throws(CallbackCipherError) -> [UInt8] {
        guard cipher.signature(timestamp: timestamp, nonce: nonce, sealed: sealed) == signature else {
            throw .signature
        }
        return try cipher.open(sealed)
    }

    /// Query of the callback's url, percent-encoded.
    public var query: String {
        "msg_signature=\(percentEncoded(signature))&timestamp=\(percentEncoded(timestamp))"
            + "&nonce=\(percentEncoded(nonce))"
    }

    /// Body of a bot's callback.
    public var jsonRequest: JSONValue { ["encrypt": .string(sealed)] }

    /// Body of an answer to a bot's callback.
    public var jsonAnswer: JSONValue {
        [
            "encrypt": .string(sealed), "msgsignature": .string(signature),
            "timestamp": Int(timestamp).map { .int($0) } ?? .string(timestamp), "nonce": .string(nonce),
        ]
    }

    /// Body of an application's callback.
    public func xmlRequest(corpID: String, agentID: Int) -> String {
        XMLElement(
            "xml",
            children: [
                XMLElement("ToUserName", text: corpID), XMLElement("AgentID", text: String(agentID)),
                XMLElement("Encrypt", text: sealed),
            ]
        ).document
    }

    /// Body of an answer to an application's callback.
    public var xmlAnswer: String {
        XMLElement(
            "xml",
            children: [
                XMLElement("Encrypt", text: sealed), XMLElement("MsgSignature", text: signature),
                XMLElement("TimeStamp", text: timestamp), XMLElement("Nonce", text: nonce),
            ]
        ).document
    }

    /// Reads the body of an answer to a bot's callback; nil when a member is missing or mistyped.
    public init?(jsonAnswer value: JSONValue) {
        guard let sealed = value["encrypt"]?.stringValue, let signature = value["msgsignature"]?.stringValue,
            let time = value["timestamp"], let nonce = value["nonce"]?.stringValue,
            let timestamp = time.stringValue ?? time.intValue.map({ String($0) })
        else { return nil }
        self.init(sealed: sealed, signature: signature, timestamp: timestamp, nonce: nonce)
    }

    /// Reads the body of an answer to an application's callback; nil when an element is missing.
    public init?(xmlAnswer element: XMLElement) {
        guard element.name == "xml", let sealed = element.text("Encrypt"),
            let signature = element.text("MsgSignature"), let timestamp = element.text("TimeStamp"),
            let nonce = element.text("Nonce")
        else { return nil }
        self.init(sealed: sealed, signature: signature, timestamp: timestamp, nonce: nonce)
    }
}

/// Percent-encodes everything but the unreserved characters of RFC 3986.
func percentEncoded(_ text: String, spaceAsPlus: Bool = false) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var result: [UInt8] = []
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
            result.append(byte)
        case 0x20 where spaceAsPlus: result.append(UInt8(ascii: "+"))
        default: result.append(contentsOf: [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]])
        }
    }
    return String(decoding: result, as: UTF8.self)
}
