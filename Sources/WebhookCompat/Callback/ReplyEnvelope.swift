import Shared

/// Writes what is around the ciphertext of a reply. The names differ from those of the query, and from one another.
enum ReplyEnvelope {
    /// A bot's.
    static func json(_ sealed: CallbackKeyRing.Sealed) -> String {
        """
        {"encrypt":\(JSONText.quoted(sealed.encrypted)),"msgsignature":\(JSONText.quoted(sealed.signature.hexadecimal)),\
        "timestamp":\(sealed.timestamp),"nonce":\(JSONText.quoted(sealed.nonce))}
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
