import Foundation

@testable import AIBotWS

/// The platform's side of uploads: keeps pieces by upload, and puts up obstacles when told to.
final class FakeUploads: @unchecked Sendable {
    enum Obstacle: Sendable {
        /// Refuses without effect.
        case refuses(Int)
        /// Takes it and does not answer.
        case takesSilently
        /// Neither.
        case loses
    }
    struct Upload {
        var total: Int
        var md5: String?
        var pieces: [Int: [UInt8]] = [:]
        var isFinished = false
    }

    // Touched under `lock` alone.
    private let lock = NSLock()
    private var uploads: [String: Upload] = [:]
    private var obstacles: [String: [Obstacle]] = [:]
    private var commands: [String] = []

    /// Puts up obstacles for the next frames of a command (`init`, `chunk` or `finish`).
    func obstruct(_ command: String, _ list: [Obstacle]) { lock.withLock { obstacles[command, default: []] += list } }

    /// Forgets every upload, as after half an hour.
    func forget() { lock.withLock { uploads = [:] } }

    /// What came, without the prefix.
    var seen: [String] { lock.withLock { commands } }
    /// Finished uploads.
    var finished: Int { lock.withLock { uploads.values.count { $0.isFinished } } }

    /// Whether a finished upload holds just this.
    func has(_ content: [UInt8]) -> Bool {
        lock.withLock {
            uploads.values.contains { upload in
                upload.isFinished && upload.pieces.sorted { $0.key < $1.key }.flatMap(\.value) == content
            }
        }
    }

    /// Answer to a frame; nil is silence.
    func answer(_ frame: JSONValue) -> (code: Int, body: JSONValue?)? {
        let command = frame["cmd"]?.string?.split(separator: "_").last.map(String.init) ?? ""
        return lock.withLock {
            commands.append(command)
            let obstacle = obstacles[command]?.isEmpty == false ? obstacles[command]?.removeFirst() : nil
            switch obstacle {
            case .refuses(let code): return (code, nil)
            case .loses: return nil
            case .takesSilently:
                _ = take(command, frame["body"])
                return nil
            case nil: return take(command, frame["body"])
            }
        }
    }

    private func take(_ command: String, _ body: JSONValue?) -> (code: Int, body: JSONValue?) {
        if command == "init" {
            let id = "upload-\(uploads.count + 1)-\(commands.count)"
            uploads[id] = Upload(total: body?["total_size"]?.integer ?? 0, md5: body?["md5"]?.string)
            return (0, .dictionary(["upload_id": .string(id)]))
        }
        guard let id = body?["upload_id"]?.string, let upload = uploads[id], !upload.isFinished else {
            return (40_058, nil)
        }
        if command == "chunk" {
            guard let index = body?["chunk_index"], case .integer(let number) = index,
                let data = Data(base64Encoded: body?["base64_data"]?.string ?? "")
            else { return (40_058, nil) }
            uploads[id]?.pieces[number] = Array(data)
            return (0, nil)
        }
        guard upload.pieces.values.reduce(0, { $0 + $1.count }) == upload.total else { return (40_058, nil) }
        uploads[id]?.isFinished = true
        return (0, .dictionary(["type": "file", "media_id": .string("media-of-" + id), "created_at": "1795000201"]))
    }
}
