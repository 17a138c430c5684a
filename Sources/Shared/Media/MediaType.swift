/// What a file is: its bytes tell, else the sender, else its name.
public struct MediaType: Hashable, Sendable {
    /// Media type in lower case, for example `image/png`.
    public let mime: String
    /// Usual extension without a dot; nil when there is none to give.
    public let fileExtension: String?

    /// Creates a type.
    init(_ mime: String, _ fileExtension: String?) {
        self.mime = mime
        self.fileExtension = fileExtension
    }

    /// Anything.
    public static let unknown = MediaType("application/octet-stream", nil)
    static let png = MediaType("image/png", "png")
    static let jpeg = MediaType("image/jpeg", "jpg")
    static let gif = MediaType("image/gif", "gif")
    static let amr = MediaType("audio/amr", "amr")
    static let mp4 = MediaType("video/mp4", "mp4")
    static let zip = MediaType("application/zip", "zip")
    static let text = MediaType("text/plain", "txt")
    static let oldOffice = MediaType("application/x-ole-storage", nil)

    /// Bytes of a file's start that tell its type.
    package static let headBytes = 4_096

    /// Whether it is a picture.
    var isImage: Bool { mime.hasPrefix("image/") }

    /// Type by bytes, else by what the sender said, else by name. `head` is the start of the file.
    package static func find(head: [UInt8], contentType: String?, name: String?) -> MediaType {
        let named = name.flatMap(FileName.fileExtension(of:)).flatMap(ofExtension)
        guard let byBytes = ofBytes(head) else { return contentType.flatMap(ofHeader) ?? named ?? .unknown }
        // Containers and text have many kinds that only the name tells apart.
        guard let named, byBytes == .zip || byBytes == .text || byBytes == .oldOffice else { return byBytes }
        return named.container == byBytes ? named : byBytes
    }

    /// What its bytes look like.
    private var container: MediaType? {
        switch fileExtension {
        case "docx", "xlsx", "pptx", "odt", "ods", "odp", "epub", "jar", "apk", "zip": .zip
        case "doc", "xls", "ppt", "msg": .oldOffice
        case "txt", "md", "csv", "json", "xml", "html", "log", "yaml", "svg", "swift", "py", "js", "ts", "sh", "sql":
            .text
        default: nil
        }
    }

    /// Type that a `Content-Type` header names; nil for the words that say nothing.
    static func ofHeader(_ header: String) -> MediaType? {
        let mime = header.prefix { $0 != ";" }.filter { !$0.isWhitespace }.lowercased()
        let silent = ["application/octet-stream", "binary/octet-stream", "application/x-www-form-urlencoded"]
        guard mime.utf8.count <= 127, mime.contains("/"), !silent.contains(mime) else { return nil }
        return known.first { $0.mime == mime } ?? MediaType(mime, nil)
    }

    /// Type that an extension stands for.
    static func ofExtension(_ text: String) -> MediaType? {
        let text = text.lowercased()
        return known.first { $0.fileExtension == text || aliases[text] == $0.fileExtension }
    }

    private static let aliases = [
        "jpeg": "jpg", "htm": "html", "markdown": "md", "yml": "yaml", "tif": "tiff", "mpeg": "mp3", "oga": "ogg",
    ]

    private static let office = "application/vnd.openxmlformats-officedocument."
    private static let known: [MediaType] = [
        png, jpeg, gif, amr, mp4, zip, text,
        MediaType("image/webp", "webp"), MediaType("image/bmp", "bmp"), MediaType("image/heic", "heic"),
        MediaType("image/avif", "avif"), MediaType("image/tiff", "tiff"), MediaType("image/svg+xml", "svg"),
        MediaType("video/quicktime", "mov"), MediaType("video/x-matroska", "mkv"), MediaType("video/x-msvideo", "avi"),
        MediaType("audio/mp4", "m4a"), MediaType("audio/mpeg", "mp3"), MediaType("audio/wav", "wav"),
        MediaType("audio/ogg", "ogg"), MediaType("audio/flac", "flac"), MediaType("audio/silk", "silk"),
        MediaType("application/pdf", "pdf"), MediaType("application/gzip", "gz"),
        MediaType("application/x-7z-compressed", "7z"), MediaType("application/vnd.rar", "rar"),
        MediaType(office + "wordprocessingml.document", "docx"), MediaType(office + "spreadsheetml.sheet", "xlsx"),
        MediaType(office + "presentationml.presentation", "pptx"),
        MediaType("application/vnd.oasis.opendocument.text", "odt"),
        MediaType("application/vnd.oasis.opendocument.spreadsheet", "ods"),
        MediaType("application/vnd.oasis.opendocument.presentation", "odp"),
        MediaType("application/epub+zip", "epub"), MediaType("application/java-archive", "jar"),
        MediaType("application/vnd.android.package-archive", "apk"),
        MediaType("application/msword", "doc"), MediaType("application/vnd.ms-excel", "xls"),
        MediaType("application/vnd.ms-powerpoint", "ppt"), MediaType("application/vnd.ms-outlook", "msg"),
        MediaType("text/markdown", "md"), MediaType("text/csv", "csv"), MediaType("application/json", "json"),
        MediaType("application/xml", "xml"), MediaType("text/html", "html"), MediaType("text/x-log", "log"),
        MediaType("application/yaml", "yaml"), MediaType("text/x-swift", "swift"), MediaType("text/x-python", "py"),
        MediaType("text/javascript", "js"), MediaType("text/x-typescript", "ts"), MediaType("text/x-sh", "sh"),
        MediaType("application/sql", "sql"),
    ]
}

// MARK: - Bytes

extension MediaType {
    private struct Mark {
        let offset: Int
        let bytes: [UInt8]
        let fileExtension: String

        init(_ text: String, at offset: Int = 0, _ fileExtension: String) {
            self.init(Array(text.utf8), at: offset, fileExtension)
        }

        init(_ bytes: [UInt8], at offset: Int = 0, _ fileExtension: String) {
            self.offset = offset
            self.bytes = bytes
            self.fileExtension = fileExtension
        }
    }

    /// First bytes that stand for one type each.
    private static let marks: [Mark] = [
        Mark([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], "png"), Mark([0xFF, 0xD8, 0xFF], "jpg"),
        Mark("GIF87a", "gif"), Mark("GIF89a", "gif"), Mark("WEBP", at: 8, "webp"), Mark("AVI ", at: 8, "avi"),
        Mark("WAVE", at: 8, "wav"), Mark("%PDF-", "pdf"), Mark("#!AMR", "amr"), Mark("#!SILK", "silk"),
        Mark("\u{2}#!SILK", "silk"), Mark("OggS", "ogg"), Mark("fLaC", "flac"), Mark("ID3", "mp3"),
        Mark([0x1A, 0x45, 0xDF, 0xA3], "mkv"), Mark([0x1F, 0x8B, 0x08], "gz"), Mark("Rar!\u{1A}\u{7}", "rar"),
        Mark([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "7z"), Mark([0x49, 0x49, 0x2A, 0x00], "tiff"),
        Mark([0x4D, 0x4D, 0x00, 0x2A], "tiff"),
    ]

    /// Type by the start of a file; nil when nothing fits.
    static func ofBytes(_ head: [UInt8]) -> MediaType? {
        for mark in marks where has(head, mark.bytes, at: mark.offset) {
            // RIFF containers carry their kind behind a length.
            guard mark.offset == 0 || has(head, Array("RIFF".utf8)) else { continue }
            return ofExtension(mark.fileExtension)
        }
        if has(head, Array("ftyp".utf8), at: 4) { return ofBrand(head.dropFirst(8).prefix(4)) }
        if has(head, [0x50, 0x4B, 0x03, 0x04]) { return ofZip(head) }
        if has(head, [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1]) { return oldOffice }
        if isBitmap(head) { return ofExtension("bmp") }
        if isMP3Frame(head) { return ofExtension("mp3") }
        return isText(head) ? text : nil
    }

    private static func has(_ head: [UInt8], _ mark: [UInt8], at offset: Int = 0) -> Bool {
        head.count >= offset + mark.count && head[offset..<(offset + mark.count)].elementsEqual(mark)
    }

    private static func ofBrand(_ brand: ArraySlice<UInt8>) -> MediaType? {
        switch String(decoding: brand, as: UTF8.self) {
        case "qt  ": ofExtension("mov")
        case "M4A ", "M4B ": ofExtension("m4a")
        case "heic", "heix", "hevc", "mif1", "msf1": ofExtension("heic")
        case "avif", "avis": ofExtension("avif")
        default: mp4
        }
    }

    /// Documents by the names of their first entries, as far as the head shows them.
    private static func ofZip(_ head: [UInt8]) -> MediaType {
        let folders = [("word/", "docx"), ("xl/", "xlsx"), ("ppt/", "pptx")]
        for (folder, kind) in folders where localNames(head).contains(where: { $0.hasPrefix(folder) }) {
            return ofExtension(kind) ?? zip
        }
        if has(head, Array("mimetype".utf8), at: 30) {
            let declared = head.dropFirst(38).prefix(64)
            let types = ["epub", "odt", "ods", "odp"].compactMap(ofExtension)
            if let type = types.first(where: { declared.starts(with: $0.mime.utf8) }) { return type }
        }
        return zip
    }

    /// Names in the local headers that lie whole in the head.
    private static func localNames(_ head: [UInt8]) -> [String] {
        var names: [String] = []
        var index = 0
        while index + 30 <= head.count {
            guard has(head, [0x50, 0x4B, 0x03, 0x04], at: index) else {
                index += 1
                continue
            }
            let length = Int(head[index + 26]) | Int(head[index + 27]) << 8
            names.append(String(decoding: head[(index + 30)..<min(index + 30 + length, head.count)], as: UTF8.self))
            index += 30
        }
        return names
    }

    /// `BM` alone would make a picture of many a text: its header's length has few values.
    private static func isBitmap(_ head: [UInt8]) -> Bool {
        guard has(head, Array("BM".utf8)), head.count >= 18 else { return false }
        return [12, 40, 52, 56, 64, 108, 124].contains(head[14]) && head[15...17].allSatisfy { $0 == 0 }
    }

    /// MPEG audio layer III without a tag: sync, a version, a layer, a bit rate and a sample rate that exist.
    private static func isMP3Frame(_ head: [UInt8]) -> Bool {
        guard head.count >= 4, head[0] == 0xFF, [0xFB, 0xFA, 0xF3, 0xF2, 0xE3, 0xE2].contains(head[1]) else {
            return false
        }
        return head[2] & 0xF0 != 0xF0 && head[2] & 0xF0 != 0 && head[2] & 0x0C != 0x0C
    }

    /// UTF-8 (cut anywhere) without control characters, or UTF-16 with its mark.
    private static func isText(_ head: [UInt8]) -> Bool {
        if has(head, [0xFF, 0xFE]) || has(head, [0xFE, 0xFF]) { return head.count >= 4 }
        guard !head.isEmpty else { return false }
        for byte in head where byte < 0x20 && ![0x09, 0x0A, 0x0C, 0x0D, 0x1B].contains(byte) { return false }
        for cut in 0...3 where cut < head.count {
            if cut > 0, head.count < headBytes { return false }
            if String(validating: head.dropLast(cut), as: UTF8.self) != nil { return true }
        }
        return false
    }
}
