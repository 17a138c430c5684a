import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Shared

/// Takes in the answers of media/get. An error comes as JSON with status 200, and a member's own JSON file has a name.
struct MediaDownload: Sendable {
    /// How taking in an answer ended.
    enum End: Sendable {
        case complete(FetchedMedia)
        case failed(MediaFailure)
        /// There is more to fetch.
        case more

        var result: Result<FetchedMedia, MediaFailure> {
            switch self {
            case .complete(let media): .success(media)
            case .failed(let failure): .failure(failure)
            case .more: .failure(.truncated)
            }
        }
    }

    private static let maxErrorBytes = 65_536
    let reference: MediaReference
    let directory: String
    let prefix: String
    let maxBytes: Int

    /// A whole file in one answer. What broke off is fetched anew.
    func takeWhole(_ response: HTTPClientResponse) async throws -> (AttemptResult, End?) {
        if let refusal = try await Self.refusal(response) { return (refusal, nil) }
        let length = response.headers.first(name: "content-length").flatMap { Int($0) }
        if let length, length > maxBytes { return (.done, .failed(.tooLarge(limit: maxBytes))) }
        do {
            var intake = try MediaIntake(kind: reference.kind, key: nil, directory: directory, maxBytes: maxBytes)
            var count = 0
            for try await buffer in response.body {
                count += buffer.readableBytes
                try buffer.withUnsafeReadableBytes { try intake.take($0) }
            }
            if let length, length != count { return (.noAnswer, nil) }
            try Task.checkCancellation()
            return (
                .done,
                .complete(
                    try intake.finish(
                        prefix: prefix, name: name(response), contentType: response.headers.first(name: "content-type"))
                )
            )
        } catch let failure as MediaFailure {
            return (.done, .failed(failure))
        }
    }

    /// Name by the header, else by the callback. The platform names files by their media id, which says nothing.
    func name(_ response: HTTPClientResponse) -> String? {
        let given = response.headers.first(name: "content-disposition").flatMap(ContentDisposition.fileName(in:))
        let isID = given.map { given in reference.mediaID.map { given.hasPrefix($0) } ?? false } ?? true
        let own = reference.name.flatMap { FileName.sanitised($0) }
        return own ?? (isID ? nil : given)
    }

    /// The platform's refusal, where the answer is one.
    static func refusal(_ response: HTTPClientResponse) async throws -> AttemptResult? {
        let type = response.headers.first(name: "content-type")?.lowercased() ?? ""
        guard type.contains("json") || type.hasPrefix("text/"), !response.headers.contains(name: "content-disposition")
        else { return nil }
        let bytes = try await ServerAPI.collect(response, upTo: maxErrorBytes)
        guard let head = try? JSONDecoder().decode(AnswerHead.self, from: bytes), let code = head.errcode, code != 0
        else { return .noAnswer }
        return .refused(PlatformError(code: code, message: head.errmsg ?? "", origin: .serverAPI))
    }
}

/// A file that comes in several answers. Used by one task at a time.
final class MediaPieces: @unchecked Sendable {
    // Unchecked: calls of one download follow each other, and each of them awaits the last one.
    private let download: MediaDownload
    private var intake: MediaIntake?
    private(set) var count = 0

    init(_ download: MediaDownload) { self.download = download }

    /// One piece. What broke off is left as it is: the next piece begins where it ended.
    func take(
        _ response: HTTPClientResponse, from start: Int
    ) async throws -> (AttemptResult, MediaDownload.End?) {
        if let refusal = try await MediaDownload.refusal(response) { return (refusal, nil) }
        do {
            guard response.status == .partialContent, let range = response.headers.first(name: "content-range"),
                let (first, total) = Self.range(range), first == start
            else { return (.noAnswer, nil) }
            guard total <= download.maxBytes else { return (.done, .failed(.tooLarge(limit: download.maxBytes))) }
            // A try that broke off has written a part of this piece.
            var skipped = count - start
            for try await buffer in response.body {
                let fresh = buffer.readableBytesView.dropFirst(skipped)
                skipped -= buffer.readableBytes - fresh.count
                try append(Array(fresh))
            }
            guard count <= total else { return (.done, .failed(.damaged)) }
            guard count == total else { return count > start ? (.done, .more) : (.noAnswer, nil) }
            return (.done, .complete(try finish(response)))
        } catch let failure as MediaFailure {
            return (.done, .failed(failure))
        }
    }

    private func append(_ bytes: [UInt8]) throws {
        if intake == nil {
            intake = try MediaIntake(
                kind: download.reference.kind, key: nil, directory: download.directory, maxBytes: download.maxBytes)
        }
        try bytes.withUnsafeBytes { try intake?.take($0) }
        count += bytes.count
    }

    private func finish(_ response: HTTPClientResponse) throws -> FetchedMedia {
        let name = download.name(response)
        let type = response.headers.first(name: "content-type")
        guard let media = try intake?.finish(prefix: download.prefix, name: name, contentType: type) else {
            throw MediaFailure.truncated
        }
        intake = nil
        return media
    }

    /// First byte and size of the whole, of `bytes 0-99/1234`.
    private static func range(_ header: String) -> (first: Int, total: Int)? {
        let fields = header.split { $0 == " " || $0 == "-" || $0 == "/" }
        guard fields.count == 4, fields[0] == "bytes", let first = Int(fields[1]), let total = Int(fields[3]) else {
            return nil
        }
        return (first, total)
    }
}
