public import Shared

/// Cards and media. None of these may be sent twice, except a piece of an upload.
extension OutboundFrame {
    /// Template card at the address of a message.
    public static func cardReply(_ reqID: ReqID, _ card: JSONValue) -> OutboundFrame {
        OutboundFrame(.respond, reqID: reqID, body: .dictionary(["msgtype": "template_card", "template_card": card]))
    }

    /// Template card to a conversation.
    public static func pushCard(_ reqID: ReqID, to conversation: Conversation, _ card: JSONValue) -> OutboundFrame {
        OutboundFrame(.send, reqID: reqID, body: target(conversation, "template_card", card))
    }

    /// Redraws the card whose click came on `reqID`; `card` is the whole new card with the task id of the click.
    public static func updateCard(_ reqID: ReqID, _ card: JSONValue) -> OutboundFrame {
        OutboundFrame(
            .respondUpdate, reqID: reqID,
            body: .dictionary(["response_type": "update_template_card", "template_card": card]))
    }

    /// Uploaded media at the address of a message.
    public static func mediaReply(_ reqID: ReqID, _ media: UploadedMedia) -> OutboundFrame {
        let type = media.kind.rawValue
        return OutboundFrame(
            .respond, reqID: reqID,
            body: .object([
                .init(key: "msgtype", value: .string(type)), .init(key: type, value: content(media)),
            ]))
    }

    /// Uploaded media to a conversation.
    public static func pushMedia(
        _ reqID: ReqID, to conversation: Conversation, _ media: UploadedMedia
    ) -> OutboundFrame {
        OutboundFrame(.send, reqID: reqID, body: target(conversation, media.kind.rawValue, content(media)))
    }

    /// `chat_type` is always said: without it the platform guesses a group.
    private static func target(_ conversation: Conversation, _ type: String, _ content: JSONValue) -> JSONValue {
        .object([
            .init(key: "chatid", value: .string(conversation.id)),
            .init(key: "chat_type", value: .integer(conversation.kind == .direct ? 1 : 2)),
            .init(key: "msgtype", value: .string(type)), .init(key: type, value: content),
        ])
    }

    private static func content(_ media: UploadedMedia) -> JSONValue {
        let title = media.kind == .video ? media.title.map { JSONValue.string($0.prefix(utf8: maxTitleBytes)) } : nil
        return .dictionary(["media_id": .string(media.mediaID), "title": title])
    }

    /// Longest title of a video and longest name of a file, in bytes.
    private static let maxTitleBytes = 64
    private static let maxNameBytes = 256
}

/// Upload of temporary media (protocol reference, section 17).
extension OutboundFrame {
    /// Opens an upload; `md5` is of the whole file in hex.
    static func uploadInit(_ reqID: ReqID, _ media: OutboundMedia, chunks: Int, md5: String?) -> OutboundFrame {
        OutboundFrame(
            .uploadInit, reqID: reqID,
            body: .dictionary([
                "type": .string(media.kind.rawValue), "filename": .string(media.name.shortenedName(to: maxNameBytes)),
                "total_size": .integer(media.bytes), "total_chunks": .integer(chunks), "md5": md5.map { .string($0) },
            ]))
    }

    /// One piece; `data` appends its base64. Written without a tree: the piece is in memory once.
    static func uploadChunk<Failure: Error>(
        _ reqID: ReqID, upload: String, index: Int, bytes: Int, data: (inout [UInt8]) throws(Failure) -> Void
    ) throws(Failure) -> OutboundFrame {
        var buffer = FrameBuffer(capacity: (bytes + 2) / 3 * 4 + upload.utf8.count + 256)
        buffer.openEnvelope(.uploadChunk, reqID)
        buffer.storage.append(contentsOf: #","body":{"upload_id":"#.utf8)
        buffer.storage.appendJSON(upload)
        buffer.storage.append(contentsOf: #","chunk_index":\#(index),"base64_data":""#.utf8)
        try data(&buffer.storage)
        buffer.storage.append(contentsOf: #""}}"#.utf8)
        buffer.mayBeOvertaken = true
        return OutboundFrame(.uploadChunk, reqID, .once, buffer)
    }

    /// Ends an upload.
    static func uploadFinish(_ reqID: ReqID, upload: String) -> OutboundFrame {
        OutboundFrame(.uploadFinish, reqID: reqID, body: .dictionary(["upload_id": .string(upload)]))
    }
}

extension String {
    /// Longest beginning of whole characters within `limit` bytes.
    fileprivate func prefix(utf8 limit: Int) -> String {
        var bytes = 0
        return String(
            prefix { character in
                bytes += character.utf8.count
                return bytes <= limit
            })
    }

    /// Within `limit` bytes, cut before the extension, which says what the file is.
    fileprivate func shortenedName(to limit: Int) -> String {
        guard utf8.count > limit else { return self }
        guard let dot = lastIndex(of: "."), self[dot...].utf8.count <= 32 else { return prefix(utf8: limit) }
        let suffix = self[dot...]
        return String(self[..<dot]).prefix(utf8: limit - suffix.utf8.count) + suffix
    }
}
