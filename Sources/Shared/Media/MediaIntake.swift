/// Takes in the bytes of one download: decrypts them, bounds them, writes them, and says what they turned out to be.
///
/// Used by one task at a time. The file exists under its name only after `finish` has succeeded.
package struct MediaIntake: ~Copyable {
    private let kind: MediaReference.Kind
    private let output: Output
    private var cipher: MediaCipher?
    private let isEncrypted: Bool

    package init(kind: MediaReference.Kind, key: MediaKey?, directory: String, maxBytes: Int) throws {
        self.kind = kind
        isEncrypted = key != nil
        cipher = if let key { try MediaCipher(key: key) } else { nil }
        output = Output(file: try TemporaryFile(in: directory), maxBytes: maxBytes)
    }

    /// Takes bytes as they came.
    package mutating func take(_ bytes: UnsafeRawBufferPointer) throws {
        let output = output
        if isEncrypted {
            try cipher?.update(bytes) { try output.append($0) }
        } else {
            try output.append(bytes)
        }
    }

    /// Checks the end and gives the file its name.
    package mutating func finish(prefix: String, name: String?, contentType: String?) throws -> FetchedMedia {
        let output = output
        do {
            try cipher?.finish { try output.append($0) }
        } catch MediaCipherError.badPadding {
            // What begins like a file was decrypted with the right key.
            throw MediaType.ofBytes(output.head) == nil ? MediaFailure.wrongKey : .damaged
        }
        let type = MediaType.find(head: output.head, contentType: contentType, name: name)
        // One wrong key in 256 leaves padding that looks right, and plain bodies have none: pictures must be pictures.
        if kind == .image, MediaType.ofBytes(output.head)?.isImage != true {
            throw isEncrypted ? MediaFailure.wrongKey : .damaged
        }
        let shown = FileName.completed(name ?? kind.rawValue, type)
        return FetchedMedia(
            path: try output.file.keep(as: Self.fileName(prefix: prefix, shown)), name: shown, mime: type.mime,
            bytes: output.count)
    }

    private static func fileName(prefix: String, _ name: String) -> String {
        let safe = prefix.utf8.prefix(100).map { byte in
            (ASCII.isWord(byte) && byte < 0x80) || byte == ASCII.minus ? byte : ASCII.underscore
        }
        return FileName.shortened(String(decoding: safe, as: UTF8.self) + "-" + name, maxBytes: FileName.maxBytes)
    }

    /// Where plain bytes go.
    private final class Output {
        var file: TemporaryFile
        private(set) var head: [UInt8] = []
        private(set) var count = 0
        private let maxBytes: Int

        init(file: consuming TemporaryFile, maxBytes: Int) {
            self.file = file
            self.maxBytes = maxBytes
        }

        func append(_ bytes: UnsafeRawBufferPointer) throws(MediaFailure) {
            guard bytes.count <= maxBytes - count else { throw .tooLarge(limit: maxBytes) }
            count += bytes.count
            if head.count < MediaType.headBytes {
                head.append(contentsOf: bytes.prefix(MediaType.headBytes - head.count))
            }
            try file.append(bytes)
        }
    }
}
