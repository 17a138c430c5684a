/// Media of applications: temporary ones, shared by all applications of the enterprise.
extension PlatformCore {
    /// Most bytes of one download without `Range`.
    private static let maxWholeDownload = 20 << 20

    /// `media/upload`.
    mutating func uploadAppMedia(_ call: AppCall) throws(PlatformRefusal) -> JSONValue {
        let type = call.call.query["type"] ?? ""
        guard ["image", "voice", "video", "file"].contains(type) else { throw .uploadType }
        guard let part = MultipartFile(call.call.body, contentType: call.call.contentType) else {
            throw .api(44_001, "empty media data")
        }
        guard part.name == "media", let filename = part.filename, !filename.isEmpty else {
            throw .api(41_005, "media data missing")
        }
        guard filename.utf8.count <= 256 else { throw .api(40_058, "invalid filename") }
        guard part.length == nil || part.length == part.bytes.count else { throw .api(44_001, "empty media data") }
        guard part.bytes.count > 5 else { throw .mediaSize }
        try checkMedia(part.bytes, type: type)
        let stored = media.store(id: random.hexToken(16), name: filename, bytes: part.bytes)
        let id = "SIMMEDIA_" + random.urlSafeToken(60)
        register(mediaID: id, stored.id, corpID: call.app.corpID, type: type, now: call.now)
        return [
            "errcode": 0, "errmsg": "", "type": .string(type), "media_id": .string(id),
            "created_at": .string(String(call.now / 1000)),
        ]
    }

    private func checkMedia(_ bytes: [UInt8], type: String) throws(PlatformRefusal) {
        let found = MediaType.byContent(bytes)
        switch type {
        case "image":
            guard bytes.count <= 10 << 20 else { throw .api(40_009, "invalid image size") }
            guard ["image/png", "image/jpeg"].contains(found) else { throw .api(40_123, "invalid image format") }
        case "voice":
            guard bytes.count <= 2 << 20 else { throw .api(45_001, "media size out of limit") }
            guard found == "audio/amr" else { throw .api(301_017, "voice is not amr") }
        case "video":
            guard bytes.count <= 10 << 20 else { throw .api(40_011, "invalid video size") }
            guard found == "video/mp4" else { throw .mediaKind }
        default:
            guard bytes.count <= 20 << 20 else { throw .api(45_001, "media size out of limit") }
        }
    }

    /// `media/get`.
    func appMedia(_ call: AppCall) throws(PlatformRefusal) -> APIAnswer.Body {
        guard let id = call.call.query["media_id"], !id.isEmpty else { throw .api(41_006, "media_id missing") }
        guard let stored = media.uploaded(id, bot: "corp:\(call.app.corpID)", type: nil, now: call.now) else {
            throw .mediaID
        }
        let part = call.call.range.flatMap { Self.part($0, of: stored.bytes.count) }
        guard part?.count ?? stored.bytes.count <= Self.maxWholeDownload else {
            throw .api(830_002, "media too large, use range")
        }
        return .media(stored, part)
    }

    /// `bytes=a-b`, `bytes=a-`, `bytes=-n`; nil for others and for what is outside.
    private static func part(_ text: String, of count: Int) -> Range<Int>? {
        guard text.hasPrefix("bytes="), !text.contains(","), count > 0 else { return nil }
        let sides = text.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard sides.count == 2 else { return nil }
        if sides[0].isEmpty {
            guard let length = Int(sides[1]), length > 0 else { return nil }
            return max(0, count - length)..<count
        }
        guard let first = Int(sides[0]), first >= 0, first < count else { return nil }
        let last = sides[1].isEmpty ? count - 1 : Int(sides[1])
        guard let last, last >= first else { return nil }
        return first..<(min(last, count - 1) + 1)
    }
}
