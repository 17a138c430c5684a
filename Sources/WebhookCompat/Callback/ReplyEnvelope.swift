import Shared

/// Writes what is around the ciphertext of a reply. The names differ from those of the query, and from one another.
enum ReplyEnvelope {
    /// A bot's.
    static func json(_ sealed: CallbackKeyRing.Sealed) -> String {
        """
        {"encrypt":\(quoted(sealed.encrypted)),"msgsignature":\(quoted(sealed.signature.hexadecimal)),\
        "timestamp":\(sealed.timestamp),"nonce":\(quoted(sealed.nonce))}
        """
    }

    /// A self-built application's.
    static func xml(_ sealed: CallbackKeyRing.Sealed) -> String {
        """
        <xml><Encrypt>\(characterData(sealed.encrypted))</Encrypt>\
        <MsgSignature>\(characterData(sealed.signature.hexadecimal))</MsgSignature>\
        <TimeStamp>\(sealed.timestamp)</TimeStamp><Nonce>\(characterData(sealed.nonce))</Nonce></xml>
        """
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\":
                result += "\\"
                result.unicodeScalars.append(scalar)
            case "\u{0}"..<" ":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// CDATA, in two sections where the text has the end mark; what XML has no character for is left out.
    static func characterData(_ text: String) -> String {
        var allowed = ""
        allowed.unicodeScalars.append(contentsOf: text.unicodeScalars.filter(XMLBytes.isCharacter))
        var sections = "<![CDATA["
        var brackets = 0
        for scalar in allowed.unicodeScalars {
            if scalar == ">", brackets >= 2 { sections += "]]><![CDATA[" }
            brackets = scalar == "]" ? brackets + 1 : 0
            sections.unicodeScalars.append(scalar)
        }
        return sections + "]]>"
    }
}
