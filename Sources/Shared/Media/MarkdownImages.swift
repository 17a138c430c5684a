/// Images in a finished answer, taken out so that they can be sent as pictures.
///
/// Finds `![alt](location)` outside code fences and inline code, where the location is a path, an `http(s):`,
/// `file:` or base64 `data:` address; each is replaced by its alternative text, or by the file's name where that is empty.
/// Everything else stays as it is, byte for byte. Takes time in proportion to the text.
public struct MarkdownImages: Sendable, Equatable {
    /// An image that was taken out.
    public struct Image: Sendable, Equatable {
        /// Where it is, as written but for escapes.
        public let location: String
        /// What stands in its place now.
        public let shown: String
        /// Its Markdown in the answer, in UTF-8 bytes.
        public let range: Range<Int>
    }

    /// Most images of one answer; further ones stay Markdown.
    public static let maxImages = 20
    /// Longest alternative text, and longest location that is no `data:` address, in bytes.
    private static let maxPart = 2_048

    /// Answer with its images replaced.
    public let text: String
    /// Images in order.
    public let images: [Image]

    /// Reads an answer.
    public init(_ markdown: String) {
        guard markdown.containsBytes(ASCII.bang, ASCII.openBracket) else {
            text = markdown
            images = []
            return
        }
        var scanner = Scanner(bytes: Array(markdown.utf8))
        for run in Self.textRuns(scanner.bytes) { scanner.scan(run) }
        images = scanner.images
        text = images.isEmpty ? markdown : scanner.replaced()
    }

    /// Stretches of text in which inline code may reach from line to line; fences are left out.
    private static func textRuns(_ bytes: [UInt8]) -> [Range<Int>] {
        let reader = MarkdownReader(limitBytes: 8_192)
        var context = BlockContext()
        var runs: [Range<Int>] = []
        var goesOn = false
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: ASCII.lineFeed).map { $0 + 1 } ?? bytes.count
            let kind = reader.kind(of: bytes, start..<end, context)
            context = reader.context(after: start..<end, in: bytes, kind, context)
            let isFence =
                switch kind {
                case .fenceOpener, .fenceBody, .fenceCloser: true
                // The line after a fence that its container ended may open the next one.
                case .fenceLeft: context.fence != nil
                default: false
                }
            if !isFence, kind != .blank {
                if kind == .plain, goesOn, let last = runs.last {
                    runs[runs.count - 1] = last.lowerBound..<end
                } else {
                    runs.append(start..<end)
                }
            }
            goesOn = kind == .plain || kind == .listItem || kind == .quote
            start = end
        }
        return runs
    }

    // MARK: - Scanner

    private struct Scanner {
        let bytes: [UInt8]
        var images: [Image] = []
        private var unclosedCode: Set<Int> = []

        init(bytes: [UInt8]) { self.bytes = bytes }

        /// The answer with every image replaced.
        func replaced() -> String {
            var result: [UInt8] = []
            result.reserveCapacity(bytes.count)
            var position = 0
            for image in images {
                result.append(contentsOf: bytes[position..<image.range.lowerBound])
                result.append(contentsOf: image.shown.utf8)
                position = image.range.upperBound
            }
            result.append(contentsOf: bytes[position...])
            return String(decoding: result, as: UTF8.self)
        }

        mutating func scan(_ run: Range<Int>) {
            unclosedCode = []
            var index = run.lowerBound
            while index < run.upperBound, images.count < MarkdownImages.maxImages {
                switch bytes[index] {
                case ASCII.backslash: index += 2
                case ASCII.backtick: index = afterCode(index, run.upperBound)
                case ASCII.bang:
                    if let image = image(at: index, run.upperBound) {
                        images.append(image)
                        index = image.range.upperBound
                    } else {
                        index += 1
                    }
                default: index += 1
                }
            }
        }

        /// End of the inline code that begins here, or of its backticks when nothing closes it.
        private mutating func afterCode(_ index: Int, _ end: Int) -> Int {
            let length = MarkdownReader.runLength(bytes, index, end, of: ASCII.backtick)
            let start = index + length
            guard !unclosedCode.contains(length) else { return start }
            var position = start
            while position < end {
                let run = MarkdownReader.runLength(bytes, position, end, of: ASCII.backtick)
                if run == length { return position + run }
                position += max(run, 1)
            }
            unclosedCode.insert(length)
            return start
        }

        private func image(at index: Int, _ end: Int) -> Image? {
            guard index + 1 < end, bytes[index + 1] == ASCII.openBracket,
                let close = closingBracket(from: index + 2, end), close + 1 < end,
                bytes[close + 1] == ASCII.openParen,
                let (destination, after) = destination(from: skipBlanks(close + 2, end), end),
                let last = closingParen(from: after, end)
            else { return nil }
            let text = MarkdownImages.unescaped(destination)
            guard let location = MediaLocation(text) else { return nil }
            let alt = String(decoding: bytes[(index + 2)..<close], as: UTF8.self)
            let shown = alt.allSatisfy(\.isWhitespace) ? location.name ?? "image" : alt
            return Image(location: text, shown: shown, range: index..<(last + 1))
        }

        private func skipBlanks(_ start: Int, _ end: Int) -> Int {
            var index = start
            while index < end, ASCII.isWhitespace(bytes[index]) { index += 1 }
            return index
        }

        private func closingBracket(from start: Int, _ end: Int) -> Int? {
            var depth = 0
            var index = start
            while index < min(end, start + MarkdownImages.maxPart) {
                switch bytes[index] {
                case ASCII.backslash: index += 1
                case ASCII.openBracket: depth += 1
                case ASCII.closeBracket:
                    if depth == 0 { return index }
                    depth -= 1
                default: break
                }
                index += 1
            }
            return nil
        }

        /// Bytes of a destination, and where it ends.
        private func destination(from start: Int, _ end: Int) -> (ArraySlice<UInt8>, Int)? {
            guard start < end else { return nil }
            if bytes[start] == ASCII.less { return bracketed(from: start + 1, end) }
            let isData = bytes[start..<min(start + 5, end)].elementsEqual("data:".utf8)
            let limit = isData ? end : min(end, start + MarkdownImages.maxPart)
            var depth = 0
            var index = start
            while index < limit {
                let byte = bytes[index]
                if ASCII.isWhitespace(byte) { break }
                // Nothing that could begin another image belongs to base64: the text is read once.
                if isData, byte == ASCII.bang { return nil }
                if byte == ASCII.openParen { depth += 1 }
                if byte == ASCII.closeParen {
                    if depth == 0 { break }
                    depth -= 1
                }
                index += byte == ASCII.backslash && index + 1 < limit ? 2 : 1
            }
            guard index > start, index < limit, depth == 0 else { return nil }
            return (bytes[start..<index], index)
        }

        private func bracketed(from start: Int, _ end: Int) -> (ArraySlice<UInt8>, Int)? {
            var index = start
            while index < min(end, start + MarkdownImages.maxPart) {
                switch bytes[index] {
                case ASCII.greater: return index > start ? (bytes[start..<index], index + 1) : nil
                case ASCII.less, ASCII.lineFeed: return nil
                case ASCII.backslash: index += 2
                default: index += 1
                }
            }
            return nil
        }

        /// Place of the `)` after an optional title.
        private func closingParen(from start: Int, _ end: Int) -> Int? {
            var index = skipBlanks(start, end)
            guard index < end else { return nil }
            if bytes[index] == ASCII.closeParen { return index }
            let pairs = [UInt8(ascii: "\""): UInt8(ascii: "\""), UInt8(ascii: "'"): UInt8(ascii: "'")]
            guard index > start, let closer = pairs[bytes[index]] else { return nil }
            let limit = min(end, index + MarkdownImages.maxPart)
            index += 1
            while index < limit, bytes[index] != closer { index += bytes[index] == ASCII.backslash ? 2 : 1 }
            index = skipBlanks(index + 1, end)
            return index < limit && bytes[index] == ASCII.closeParen ? index : nil
        }
    }

    /// Text without the backslashes before ASCII punctuation.
    private static func unescaped(_ bytes: ArraySlice<UInt8>) -> String {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var isEscaped = false
        for byte in bytes {
            if byte == ASCII.backslash, !isEscaped {
                isEscaped = true
                continue
            }
            let isPunctuation = byte > 0x20 && byte < 0x7F && (!ASCII.isWord(byte))
            if isEscaped, !isPunctuation { result.append(ASCII.backslash) }
            result.append(byte)
            isEscaped = false
        }
        if isEscaped { result.append(ASCII.backslash) }
        return String(decoding: result, as: UTF8.self)
    }
}
