import Foundation
import NIOHTTP1

/// Downloads: encrypted ones for bots (`/media/enc/…`), plain ones for the chat page (`/media/plain/…`).
struct MediaEndpoint: Sendable {
    let engine: SimulatorEngine

    func encrypted(_ token: String) -> HTTPReply {
        let now = engine.clock.now
        let (link, style) = engine.read { core in (core.mediaLink(token, now: now), core.options.contentDisposition) }
        guard let link else {
            let text = """
                <?xml version='1.0' encoding='utf-8' ?>
                <Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>

                """
            return HTTPReply(
                status: .forbidden, headers: ["Content-Type": "application/xml"], body: .bytes(Array(text.utf8)))
        }
        var headers: HTTPHeaders = ["Content-Type": "application/octet-stream", "Cache-Control": "no-store"]
        if let value = Self.disposition(link.media.name, style) {
            headers.add(name: "Content-Disposition", value: value)
        }
        return HTTPReply(status: .ok, headers: headers, body: .encrypted(link))
    }

    func plain(_ id: String) -> HTTPReply {
        guard let media = engine.read({ $0.storedMedia(id) }) else { return .error(.notFound, "no such media") }
        let kind = media.mime.hasPrefix("image/") || media.mime.hasPrefix("video/") ? "inline" : "attachment"
        let headers: HTTPHeaders = [
            "Content-Type": media.mime, "Cache-Control": "no-store", "Content-Security-Policy": "sandbox",
            "Content-Disposition": "\(kind); filename*=UTF-8''\(percentEncoded(media.name))",
        ]
        return HTTPReply(status: .ok, headers: headers, body: .bytes(media.bytes))
    }

    static func disposition(_ name: String, _ style: PlatformOptions.ContentDisposition) -> String? {
        let safe = String(String.UnicodeScalarView(name.unicodeScalars.filter { $0.value >= 0x20 && $0 != "\"" }))
        let ascii = String(
            String.UnicodeScalarView(safe.unicodeScalars.map { $0.isASCII ? $0 : Unicode.Scalar("_") }))
        return switch style {
        case .formEncoded: "attachment; filename=\"\(percentEncoded(safe, spaceAsPlus: true))\""
        case .extended: "attachment; filename*=UTF-8''\(percentEncoded(safe))"
        case .both: "attachment; filename=\"\(ascii)\"; filename*=UTF-8''\(percentEncoded(safe))"
        case .raw: "attachment; filename=\"\(safe)\""
        case .nameless: "attachment"
        case .absent: nil
        }
    }
}
