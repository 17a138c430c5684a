import Crypto

/// Upload sessions: init, chunks in any order, finish. A session belongs to the bot, not to the connection.
struct Uploads: Sendable {
    /// Largest chunk in bytes, before base64.
    static let maxChunkBytes = 512 << 10
    /// Most chunks of one upload.
    static let maxChunks = 100
    /// Open sessions per bot.
    static let maxSessionsPerBot = 50

    struct Session: Sendable {
        var bot: String
        var type: String
        var filename: String
        var totalSize: Int
        var totalChunks: Int
        var md5: String?
        var expiresAt: Int
        var chunks: [Int: [UInt8]] = [:]
    }

    private var sessions: [String: Session] = [:]

    mutating func begin(_ id: String, _ session: Session, now: Int) throws(PlatformRefusal) {
        sessions = sessions.filter { now < $0.value.expiresAt }
        guard let limit = Self.maxBytes(of: session.type) else { throw .uploadType }
        guard session.totalSize >= 5, session.totalSize <= limit else { throw .mediaSize }
        guard (1...Self.maxChunks).contains(session.totalChunks) else { throw .upload("invalid total_chunks") }
        guard session.filename.utf8.count <= 256, !session.filename.isEmpty else { throw .upload("invalid filename") }
        guard sessions.count(where: { $0.value.bot == session.bot }) < Self.maxSessionsPerBot else { throw .systemBusy }
        sessions[id] = session
    }

    /// A chunk that is there already is ignored.
    mutating func add(_ bytes: [UInt8], index: Int, to id: String, bot: String, now: Int) throws(PlatformRefusal) {
        guard let session = sessions[id], session.bot == bot, now < session.expiresAt else {
            throw .upload("invalid upload_id")
        }
        guard (0..<session.totalChunks).contains(index) else { throw .upload("invalid chunk_index") }
        guard bytes.count <= Self.maxChunkBytes, !bytes.isEmpty else { throw .upload("invalid chunk size") }
        if session.chunks[index] == nil { sessions[id]?.chunks[index] = bytes }
    }

    /// Ends the session and returns it with its bytes; a session that is not complete stays open.
    mutating func finish(_ id: String, bot: String, now: Int) throws(PlatformRefusal) -> (Session, [UInt8]) {
        guard let session = sessions[id], session.bot == bot, now < session.expiresAt else {
            throw .upload("invalid upload_id")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(session.totalSize)
        for index in 0..<session.totalChunks {
            guard let chunk = session.chunks[index] else { throw .upload("chunk \(index) missing") }
            bytes.append(contentsOf: chunk)
        }
        guard bytes.count == session.totalSize else { throw .mediaSize }
        if let md5 = session.md5, md5.lowercased() != hexadecimal(Insecure.MD5.hash(data: bytes)) {
            throw .upload("md5 mismatch")
        }
        guard Self.content(bytes, fits: session.type) else { throw .mediaKind }
        sessions[id] = nil
        return (session, bytes)
    }

    private static func maxBytes(of type: String) -> Int? {
        switch type {
        case "image", "video": 10 << 20
        case "voice": 2 << 20
        case "file": 20 << 20
        default: nil
        }
    }

    private static func content(_ bytes: [UInt8], fits type: String) -> Bool {
        let found = MediaType.byContent(bytes)
        return switch type {
        case "image": found?.hasPrefix("image/") == true
        case "voice": found == "audio/amr"
        case "video": found == "video/mp4"
        default: true
        }
    }
}
