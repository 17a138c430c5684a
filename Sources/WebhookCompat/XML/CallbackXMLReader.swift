/// Reads the XML of callbacks, and no more of XML than they need: elements, text, CDATA, the five predefined entities,
/// numeric references, comments and an XML declaration. Attributes are checked and dropped.
///
/// Document types and processing instructions are refused where they stand, so there are no entities to expand and
/// nothing to load; the same letters inside CDATA are text. It does not recurse, and its work grows with the length of
/// the input alone.
struct CallbackXMLReader {
    private var source: XMLBytes
    private var open: [CallbackElement] = []
    private var root: CallbackElement?
    private var elements = 0

    /// Parses a document.
    static func parse(_ bytes: [UInt8]) throws(CallbackXMLError) -> CallbackElement {
        var reader = CallbackXMLReader(source: try XMLBytes(bytes))
        return try reader.document()
    }

    private init(source: XMLBytes) { self.source = source }

    private mutating func document() throws(CallbackXMLError) -> CallbackElement {
        try declaration()
        while !source.isAtEnd {
            if source.current == UInt8(ascii: "<") { try markup() } else { try text() }
        }
        guard open.isEmpty, let root else { throw source.malformed }
        return root
    }

    /// `<?xml …?>` at the very start. Another encoding than UTF-8 is refused.
    private mutating func declaration() throws(CallbackXMLError) {
        guard source.skip("<?xml") else { return }
        guard let next = source.current, XMLBytes.isBlank(next) else { throw .processingInstruction }
        var fields = 0
        while true {
            let separated = source.skipBlanks()
            if source.skip("?>") { return }
            fields += 1
            guard separated, fields <= 3 else { throw source.malformed }
            let (name, value) = try attribute()
            if name == "encoding", value.lowercased() != "utf-8" { throw .notUTF8 }
        }
    }

    private mutating func markup() throws(CallbackXMLError) {
        if source.skip("<!--") { return try comment() }
        if source.skip("<![CDATA[") { return try characterData() }
        if source.skip("<?") { throw .processingInstruction }
        // Whatever else begins so is a document type or a declaration that belongs into one.
        if source.skip("<!") { throw source.isAtEnd ? source.malformed : .documentType }
        if source.skip("</") { return try endTag() }
        try startTag()
    }

    private mutating func comment() throws(CallbackXMLError) {
        guard source.take(until: "--") != nil, source.skip(">") else { throw source.malformed }
    }

    private mutating func characterData() throws(CallbackXMLError) {
        guard !open.isEmpty, let data = source.take(until: "]]>") else { throw source.malformed }
        append(String(decoding: data, as: UTF8.self))
    }

    private mutating func text() throws(CallbackXMLError) {
        let run = source.takeText()
        guard !open.isEmpty else {
            guard run.allSatisfy(XMLBytes.isBlank) else { throw source.malformed }
            return
        }
        guard !XMLBytes.hasSectionEnd(run) else { throw source.malformed }
        append(try XMLBytes.decode(run))
    }

    private mutating func append(_ text: String) { open[open.count - 1].text += text }

    private mutating func startTag() throws(CallbackXMLError) {
        guard source.skip("<"), root == nil else { throw source.malformed }
        let name = try source.name()
        elements += 1
        guard elements <= CallbackXMLLimits.maxElements else { throw .tooManyElements }
        guard open.count < CallbackXMLLimits.maxDepth else { throw .tooDeep }
        open.append(CallbackElement(name: name))
        if try attributes() { close() }
    }

    /// The rest of a start tag; whether it was an empty element.
    private mutating func attributes() throws(CallbackXMLError) -> Bool {
        var names: Set<String> = []
        while true {
            let separated = source.skipBlanks()
            if source.skip(">") { return false }
            if source.skip("/>") { return true }
            guard separated else { throw source.malformed }
            guard names.count < CallbackXMLLimits.maxAttributes else { throw .tooManyAttributes }
            guard names.insert(try attribute().name).inserted else { throw source.malformed }
        }
    }

    private mutating func attribute() throws(CallbackXMLError) -> (name: String, value: String) {
        let name = try source.name()
        _ = source.skipBlanks()
        guard source.skip("=") else { throw source.malformed }
        _ = source.skipBlanks()
        let value: ArraySlice<UInt8>?
        if source.skip("\"") {
            value = source.take(until: "\"")
        } else if source.skip("'") {
            value = source.take(until: "'")
        } else {
            value = nil
        }
        guard let value, !value.contains(UInt8(ascii: "<")) else { throw source.malformed }
        return (name, try XMLBytes.decode(value))
    }

    private mutating func endTag() throws(CallbackXMLError) {
        let name = try source.name()
        _ = source.skipBlanks()
        guard source.skip(">"), open.last?.name == name else { throw source.malformed }
        close()
    }

    private mutating func close() {
        guard let element = open.popLast() else { return }
        if open.isEmpty { root = element } else { open[open.count - 1].children.append(element) }
    }
}
