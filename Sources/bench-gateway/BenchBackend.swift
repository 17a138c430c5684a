import Shared

/// Answers what the load generator asks for.
struct BenchBackend: Backend {
    let text: [UInt8]
    let keepsSessions = false

    func answer(_ request: BackendRequest, to reply: any Replying) async throws {
        let message = request.message
        if let path = message.media.first?.path {
            return try await reply.append(try Digest.sha256(ofFile: path))
        }
        let words = message.text.split(separator: " ")
        guard let start = words.firstIndex(of: "bench"), words.count > start + 2 else { return }
        switch words[start + 1] {
        case "stream":
            guard words.count > start + 3, let count = Int(words[start + 2]), let bytes = Int(words[start + 3]) else {
                return
            }
            try await stream(count, bytes, reply)
        case "push": try await reply.append(String(words[start + 2]))
        default: return
        }
    }

    private func stream(_ count: Int, _ bytes: Int, _ reply: any Replying) async throws {
        var done = 0
        for index in 1...max(count, 1) {
            let end = boundary(min(bytes, text.count) * index / max(count, 1))
            try await reply.append(String(decoding: text[done..<end], as: UTF8.self))
            done = end
        }
    }

    /// Last beginning of a character at or before an offset.
    private func boundary(_ offset: Int) -> Int {
        var end = min(offset, text.count)
        while end > 0, end < text.count, text[end] & 0xC0 == 0x80 { end -= 1 }
        return end
    }
}
