/// A call of the server API, as it came over HTTP.
public struct APICall: Sendable, Hashable {
    /// Path below `/cgi-bin/`.
    public var name: String
    /// Query, decoded.
    public var query: [String: String]
    /// Body; empty for `GET`.
    public var body: [UInt8]
    /// Address of the caller.
    public var address: String
    /// `Content-Type` of the body.
    public var contentType: String
    /// `Range`.
    public var range: String?

    /// A call.
    public init(
        _ name: String, query: [String: String] = [:], body: [UInt8] = [], address: String = "127.0.0.1",
        contentType: String = "application/json", range: String? = nil
    ) {
        self.name = name
        self.query = query
        self.body = body
        self.address = address
        self.contentType = contentType
        self.range = range
    }
}

/// The answer to a call of the server API.
public struct APIAnswer: Sendable, Hashable {
    /// What is sent.
    public enum Body: Sendable, Hashable {
        /// A document.
        case json(JSONValue)
        /// Bytes of a file, and which part of them (206) or (nil) all.
        case media(StoredMedia, Range<Int>?)
        /// Nothing; for HTTP errors of the platform.
        case empty
    }

    /// What becomes of the connection.
    public enum Fate: Sendable, Hashable {
        /// The answer is sent.
        case answer
        /// The connection is dropped without an answer.
        case drop
        /// No answer comes.
        case hang
    }

    /// HTTP status.
    public var status = 200
    /// What is sent.
    public var body: Body
    /// What becomes of the connection.
    public var fate = Fate.answer
    /// Milliseconds until the answer is sent.
    public var delay = 0

    /// Errcode of a JSON answer; nil for others.
    public var errcode: Int? {
        if case .json(let value) = body { value["errcode"]?.intValue } else { nil }
    }
}

extension PlatformRefusal {
    static func api(_ code: Int, _ text: String) -> PlatformRefusal { PlatformRefusal(code: code, text: text) }

    static func missingParameter(_ name: String) -> PlatformRefusal {
        api(40_058, "missing field `\(name)`. invalid Request Parameter")
    }
}
