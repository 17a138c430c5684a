import Foundation

/// Reads what is around a ciphertext, and checks what was in it.
enum CallbackEnvelope {
    private struct JSONEnvelope: Decodable { let encrypt: String }

    /// Decodes from any JSON object and from nothing else.
    private struct JSONObject: Decodable {
        enum NoKeys: CodingKey {}

        init(from decoder: any Decoder) throws { _ = try decoder.container(keyedBy: NoKeys.self) }
    }

    /// The decoder reads the whole text and bounds its depth before it looks for anything.
    static func encrypted(inJSON body: [UInt8]) throws(CallbackRefusal) -> String {
        guard isText(body), let envelope = try? JSONDecoder().decode(JSONEnvelope.self, from: Data(body)),
            !envelope.encrypt.isEmpty
        else { throw .invalidPayload(.envelope) }
        return envelope.encrypt
    }

    static func encrypted(inXML body: [UInt8]) throws(CallbackRefusal) -> String {
        let encrypted = try xmlRoot(body).children.filter { $0.name == "Encrypt" }
        guard encrypted.count == 1, let element = encrypted.first, element.children.isEmpty, !element.text.isEmpty
        else { throw .invalidPayload(.envelope) }
        return element.text
    }

    static func jsonObject(_ message: [UInt8]) throws(CallbackRefusal) -> [UInt8] {
        guard isText(message) else { throw .invalidPayload(.notText) }
        guard (try? JSONDecoder().decode(JSONObject.self, from: Data(message))) != nil else {
            throw .invalidPayload(.notJSONObject)
        }
        return message
    }

    static func xmlRoot(_ bytes: [UInt8]) throws(CallbackRefusal) -> CallbackElement {
        let root: CallbackElement
        do { root = try CallbackXMLReader.parse(bytes) } catch { throw .invalidPayload(.xml(error)) }
        guard root.name == "xml" else { throw .invalidPayload(.wrongRoot) }
        return root
    }

    /// Whether it is UTF-8. A zero byte is none of JSON's, and would let the decoder take it for UTF-16 or UTF-32.
    private static func isText(_ bytes: [UInt8]) -> Bool {
        !bytes.contains(0) && String(validating: bytes, as: UTF8.self) != nil
    }
}
