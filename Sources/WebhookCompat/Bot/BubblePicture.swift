import Foundation
import NIOCore
import Shared

/// A picture below a bubble, as it was when the answer ended. Its bytes stay on the disk until a refresh takes them: many
/// bubbles wait at a time. One that is another by then does not go out.
struct BubblePicture: Hashable, Sendable {
    let media: OutboundMedia
    /// Nil when it could not be read even then.
    private let md5: String?

    /// Reads the file once, and blocks while it does.
    init(_ media: OutboundMedia) {
        self.media = media
        md5 = Self.read(media)?.md5
    }

    /// Member of a reply; nil when the file is gone or another than it was.
    var item: JSONValue? {
        guard let md5, let picture = Self.read(media), picture.md5 == md5 else { return nil }
        return .dictionary([
            "msgtype": .string("image"),
            "image": .dictionary(["base64": .string(picture.bytes.base64EncodedString()), "md5": .string(md5)]),
        ])
    }

    private static func read(_ media: OutboundMedia) -> (bytes: Data, md5: String)? {
        guard let source = FileSource(media.path), source.bytes == media.bytes else { return nil }
        var bytes = Data(capacity: media.bytes)
        while bytes.count < media.bytes {
            guard let piece = source.read(media.bytes - bytes.count, at: bytes.count) else { return nil }
            bytes.append(contentsOf: piece.readableBytesView)
        }
        guard var digest = try? Digest(.md5), (try? bytes.withUnsafeBytes { try digest.update($0) }) != nil,
            let md5 = try? digest.finish()
        else { return nil }
        return (bytes, md5)
    }
}
