/// Bytes of a picture, file, recording or film.
public struct StoredMedia: Sendable, Hashable {
    /// Id on the shelf.
    public var id: String
    /// File name.
    public var name: String
    /// Media type.
    public var mime: String
    /// The plain bytes.
    public var bytes: [UInt8]
}

/// An encrypted download: which bytes, under which key, until when.
public struct MediaLink: Sendable, Hashable {
    /// The plain bytes.
    public var media: StoredMedia
    /// AES-256 key; its first 16 bytes are the IV.
    public var key: [UInt8]
    /// Unix milliseconds after which the url is dead.
    public var expiresAt: Int
}

/// All media of the simulator: what people and bots sent, the one-time links to it and the media ids of bots.
struct MediaShelf: Sendable {
    /// Bytes kept in all; the oldest media go first.
    static let capacity = 512 << 20
    /// Links and media ids kept.
    static let linkLimit = 20_000

    private struct Link: Sendable {
        var media: String
        var key: [UInt8]
        var expiresAt: Int
    }

    struct Upload: Sendable {
        var media: String
        var bot: String
        var type: String
        var expiresAt: Int
    }

    private var media: [String: StoredMedia] = [:]
    private var order: [String] = []
    private var total = 0
    private var links: [String: Link] = [:]
    private var linkOrder: [String] = []
    private var uploads: [String: Upload] = [:]
    private var uploadOrder: [String] = []

    mutating func store(id: String, name: String, bytes: [UInt8]) -> StoredMedia {
        let stored = StoredMedia(id: id, name: name, mime: MediaType.guess(name: name, bytes: bytes), bytes: bytes)
        media[id] = stored
        order.append(id)
        total += bytes.count
        while total > Self.capacity, order.count > 1 {
            total -= media.removeValue(forKey: order.removeFirst())?.bytes.count ?? 0
        }
        return stored
    }

    subscript(id: String) -> StoredMedia? { media[id] }

    mutating func link(token: String, media id: String, key: [UInt8], expiresAt: Int) {
        links[token] = Link(media: id, key: key, expiresAt: expiresAt)
        linkOrder.append(token)
        if linkOrder.count > Self.linkLimit { links[linkOrder.removeFirst()] = nil }
    }

    func link(_ token: String, now: Int) -> MediaLink? {
        guard let link = links[token], now < link.expiresAt, let stored = media[link.media] else { return nil }
        return MediaLink(media: stored, key: link.key, expiresAt: link.expiresAt)
    }

    mutating func register(mediaID: String, _ upload: Upload) {
        uploads[mediaID] = upload
        uploadOrder.append(mediaID)
        if uploadOrder.count > Self.linkLimit { uploads[uploadOrder.removeFirst()] = nil }
    }

    /// Media behind a `media_id`, if it is the bot's, of that type (nil: of any) and not expired.
    func uploaded(_ mediaID: String, bot: String, type: String?, now: Int) -> StoredMedia? {
        guard let upload = uploads[mediaID], upload.bot == bot, upload.type == type ?? upload.type,
            now < upload.expiresAt
        else { return nil }
        return media[upload.media]
    }
}

/// Media types by content and name.
enum MediaType {
    static func guess(name: String, bytes: [UInt8]) -> String {
        if let type = byContent(bytes) { return type }
        switch name.split(separator: ".").last.map({ $0.lowercased() }) {
        case "txt", "log", "md", "csv": return "text/plain; charset=utf-8"
        case "json": return "application/json"
        case "zip": return "application/zip"
        case "docx": return "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
        case "xlsx": return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        default: return "application/octet-stream"
        }
    }

    static func byContent(_ bytes: [UInt8]) -> String? {
        if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) { return "image/png" }
        if bytes.starts(with: [0xFF, 0xD8, 0xFF]) { return "image/jpeg" }
        if bytes.starts(with: "GIF8".utf8) { return "image/gif" }
        if bytes.starts(with: "%PDF".utf8) { return "application/pdf" }
        if bytes.starts(with: "#!AMR".utf8) { return "audio/amr" }
        if bytes.dropFirst(4).starts(with: "ftyp".utf8) { return "video/mp4" }
        return nil
    }
}
