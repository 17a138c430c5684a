import AsyncHTTPClient
import Foundation
import NIOCore
public import Shared

/// What the platform takes as media of an application.
enum MediaRules {
    private static let limits = MediaLimits.application
    /// Smallest size in bytes.
    static let minBytes = limits.minBytes
    /// Pieces in which what is too large for one answer is fetched; the platform allows 20 MB.
    static let pieceBytes = 20_000_000

    /// Largest size in bytes.
    static func maxBytes(_ kind: MediaReference.Kind) -> Int { limits.rules[kind]?.maxBytes ?? 0 }

    /// What a file goes as: the wanted kind if its bytes are of it and it is not too large, else a file.
    static func kind(wanted: MediaReference.Kind, mime: String, bytes: Int) -> MediaReference.Kind {
        let isOfKind = limits.rules[wanted]?.types?.contains(mime) ?? true
        return isOfKind && bytes <= maxBytes(wanted) ? wanted : .file
    }

    /// The words of the platform's page for the content of a part.
    static func contentType(mime: String) -> String {
        switch mime {
        case "image/jpeg": "image/jpg"
        case "image/png", "image/bmp", "video/mp4": mime
        case "audio/amr": "voice/amr"
        default: "application/octet-stream"
        }
    }

    /// A name as it may stand between the quotes of a header: raw UTF-8, since the platform shows escapes as they are.
    static func headerName(_ name: String) -> String {
        let harmless = FileName.sanitised(name, maxBytes: limits.maxNameBytes) ?? "file"
        return String(harmless.map { $0 == "\"" ? "'" : $0 })
    }
}

extension ServerAPI {
    private struct UploadAnswer: Decodable {
        let mediaID: String

        enum CodingKeys: String, CodingKey { case mediaID = "media_id" }
    }

    /// Uploads a file (media/upload), streamed from the disk. What the platform does not take as the wanted kind goes as a file.
    ///
    /// - Returns: The media; its kind is what it went as.
    public func upload(_ media: OutboundMedia) async throws(ServerAPIFailure) -> UploadedMedia {
        guard let source = FileSource(media.path), let bytes = source.bytes, bytes == media.bytes else {
            throw .notSent(.unreadable)
        }
        guard bytes >= MediaRules.minBytes, bytes <= MediaRules.maxBytes(.file) else {
            throw .refused(PlatformError(code: 40_006, origin: .serverAPI))
        }
        let head = source.read(MediaType.headBytes, at: 0).map { Array($0.readableBytesView) } ?? []
        let mime = MediaType.find(head: head, contentType: nil, name: media.name).mime
        let kind = MediaRules.kind(wanted: media.kind, mime: mime, bytes: bytes)
        do {
            return try await upload(media, as: kind, mime: mime)
        } catch .refused(let error) where error.reaction == .sendAsFile && kind != .file {
            return try await upload(media, as: .file, mime: mime)
        }
    }

    private func upload(
        _ media: OutboundMedia, as kind: MediaReference.Kind, mime: String
    ) async throws(ServerAPIFailure) -> UploadedMedia {
        let boundary = "part-\(UUID().uuidString.lowercased())"
        let name = MediaRules.headerName(media.name)
        let head = """
            --\(boundary)\r
            Content-Disposition: form-data; name="media"; filename="\(name)"; filelength=\(media.bytes)\r
            Content-Type: \(MediaRules.contentType(mime: mime))\r
            \r\n
            """
        var call = Call("media/upload")
        call.query = [("type", kind.rawValue)]
        call.contentType = "multipart/form-data; boundary=\(boundary)"
        call.timeout = settings.mediaTimeout
        call.body = {
            RequestBody(
                head: head, file: RequestBody.File(path: media.path, bytes: media.bytes),
                tail: "\r\n--\(boundary)--\r\n")
        }
        let answer = try await answer(to: call, as: UploadAnswer.self)
        return UploadedMedia(kind: kind, mediaID: answer.mediaID, title: kind == .video ? media.name : nil)
    }

    // MARK: - Download

    /// Fetches media that a member sent (media/get) into a folder, streamed to the disk.
    ///
    /// - Parameters:
    ///   - reference: its `mediaID` counts.
    ///   - directory: folder that exists.
    ///   - prefix: start of the file's name there, unique for the reference.
    public func download(
        _ reference: MediaReference, into directory: String, name prefix: String
    ) async -> Result<FetchedMedia, MediaFailure> {
        guard let id = reference.mediaID, !id.isEmpty else { return .failure(.refusedAddress) }
        let download = MediaDownload(
            reference: reference, directory: directory, prefix: prefix, maxBytes: settings.maxDownloadBytes)
        var call = Call("media/get")
        call.query = [("media_id", id)]
        call.timeout = settings.mediaTimeout
        do {
            let end: MediaDownload.End = try await run(call) { try await download.takeWhole($0) }
            return end.result
        } catch .refused(let error) where error.reaction == .fetchInPieces {
            return await inPieces(call, download)
        } catch {
            return .failure(Self.mediaFailure(error))
        }
    }

    /// What one answer cannot hold is fetched by ranges, one after the other into one file.
    private func inPieces(_ call: Call, _ download: MediaDownload) async -> Result<FetchedMedia, MediaFailure> {
        let pieces = MediaPieces(download)
        while true {
            var call = call
            let start = pieces.count
            call.headers = [("Range", "bytes=\(start)-\(start + MediaRules.pieceBytes - 1)")]
            do {
                let end: MediaDownload.End = try await run(call) { try await pieces.take($0, from: start) }
                if case .more = end { continue }
                return end.result
            } catch {
                return .failure(Self.mediaFailure(error))
            }
        }
    }

    private static func mediaFailure(_ failure: ServerAPIFailure) -> MediaFailure {
        switch failure {
        case .refused(let error): error.reaction == .uploadAgain ? .expired : .unreachable
        case .notSent(.cancelled): .cancelled
        case .notSent, .unknown: .unreachable
        }
    }
}
