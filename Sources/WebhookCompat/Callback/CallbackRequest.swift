/// An HTTP request to a callback address, as far as it matters.
public struct CallbackRequest: Sendable {
    /// Most bytes of a body. A server stops reading after this many plus one and hands in what it has.
    public static let maxBodyBytes = 1 << 20

    /// `GET`, `POST` …, in upper case.
    public var method: String
    /// Path without the query, as on the wire.
    public var path: String
    /// What follows the `?`, as on the wire: still percent-encoded.
    public var query: String
    /// The body; empty for GET.
    public var body: [UInt8]
    /// Length of the body as its header says, where it is not read because of that; else it does not matter.
    public var announcedBytes = 0

    /// A request.
    public init(method: String, path: String, query: String, body: [UInt8] = []) {
        self.method = method
        self.path = path
        self.query = query
        self.body = body
    }
}

/// Parameters of a callback address. Of a repeated one the first counts.
struct CallbackQuery {
    let signature: String
    let timestamp: String
    let nonce: String
    /// Ciphertext of a verification, else empty.
    let echo: String

    /// Decodes once, by the rule of addresses and not of forms: a `+` is a `+`, since base64 is full of them.
    init(_ raw: String, withEcho: Bool) throws(CallbackRefusal) {
        var values: [String: String] = [:]
        for field in raw.utf8.split(separator: UInt8(ascii: "&")) {
            let parts = field.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let name = CallbackRefusal.Parameter(rawValue: Self.decode(parts[0])),
                values[name.rawValue] == nil
            else { continue }
            values[name.rawValue] = Self.decode(parts[1])
        }
        var wanted: [CallbackRefusal.Parameter] = [.signature, .timestamp, .nonce]
        if withEcho { wanted.append(.echo) }
        let missing = wanted.filter { values[$0.rawValue, default: ""].isEmpty }
        guard missing.isEmpty else { throw .missingQuery(missing) }
        signature = values[CallbackRefusal.Parameter.signature.rawValue, default: ""]
        timestamp = values[CallbackRefusal.Parameter.timestamp.rawValue, default: ""]
        nonce = values[CallbackRefusal.Parameter.nonce.rawValue, default: ""]
        echo = values[CallbackRefusal.Parameter.echo.rawValue, default: ""]
    }

    /// What is no escape stays as it is, and what is not UTF-8 becomes U+FFFD: neither has a signature that fits.
    private static func decode(_ text: Substring.UTF8View) -> String {
        guard text.contains(UInt8(ascii: "%")) else { return String(decoding: text, as: UTF8.self) }
        var bytes: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let high = digit(rest.first), let low = digit(rest.dropFirst().first) {
                bytes.append(high << 4 | low)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8?) -> UInt8? {
        switch byte {
        case .some(let byte) where byte &- UInt8(ascii: "0") < 10: byte - UInt8(ascii: "0")
        case .some(let byte) where (byte | 0x20) &- UInt8(ascii: "a") < 6: (byte | 0x20) - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
