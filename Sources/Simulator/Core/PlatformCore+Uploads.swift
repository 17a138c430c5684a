import Foundation

extension PlatformCore {
    /// `aibot_upload_media_init`.
    mutating func beginUpload(_ command: InboundCommand) throws(PlatformRefusal) -> JSONValue? {
        let bot = try subscribedBot(command)
        let session = Uploads.Session(
            bot: bot,
            type: try OutboundMessage.text(command.body, "type", path: "body"),
            filename: try OutboundMessage.text(command.body, "filename", path: "body"),
            totalSize: try OutboundMessage.integer(command.body, "total_size", path: "body"),
            totalChunks: try OutboundMessage.integer(command.body, "total_chunks", path: "body"),
            md5: command.body["md5"]?.stringValue,
            expiresAt: command.now + options.uploadSessionLifetime)
        let hasRoom = uploadQuota.hasRoom(
            bot, now: command.now, perMinute: options.quotaPerMinute, perHour: options.quotaPerHour)
        guard hasRoom else { throw .rate }
        let id = "simupload" + random.hexToken(24)
        try uploads.begin(id, session, now: command.now)
        uploadQuota.use(bot, now: command.now)
        return ["upload_id": .string(id)]
    }

    /// `aibot_upload_media_chunk`.
    mutating func addChunk(_ command: InboundCommand) throws(PlatformRefusal) -> JSONValue? {
        let bot = try subscribedBot(command)
        let id = try OutboundMessage.text(command.body, "upload_id", path: "body")
        let index = try OutboundMessage.integer(command.body, "chunk_index", path: "body")
        let base64 = try OutboundMessage.text(command.body, "base64_data", path: "body")
        guard let data = Data(base64Encoded: base64) else { throw .wrongType("body.base64_data") }
        try uploads.add(Array(data), index: index, to: id, bot: bot, now: command.now)
        return nil
    }

    /// `aibot_upload_media_finish`.
    mutating func finishUpload(_ command: InboundCommand) throws(PlatformRefusal) -> JSONValue? {
        let bot = try subscribedBot(command)
        let id = try OutboundMessage.text(command.body, "upload_id", path: "body")
        let (session, bytes) = try uploads.finish(id, bot: bot, now: command.now)
        let stored = media.store(id: random.hexToken(16), name: session.filename, bytes: bytes)
        let mediaID = "SIMMEDIA_" + random.urlSafeToken(78)
        let upload = MediaShelf.Upload(
            media: stored.id, bot: bot, type: session.type, expiresAt: command.now + options.mediaLifetime)
        media.register(mediaID: mediaID, upload)
        let seconds = command.now / 1000
        return [
            "type": .string(session.type), "media_id": .string(mediaID),
            "created_at": options.createdAtIsString ? .string(String(seconds)) : .int(seconds),
        ]
    }
}
