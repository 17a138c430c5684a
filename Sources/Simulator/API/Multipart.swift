import Foundation

/// The one part of a media upload, read strictly.
struct MultipartFile: Sendable, Hashable {
    var name: String
    var filename: String?
    /// `filelength` of the part, where it is given.
    var length: Int?
    var bytes: [UInt8]

    /// Reads a body whose `Content-Type` is `contentType`; nil unless it is multipart/form-data with one part.
    init?(_ body: [UInt8], contentType: String) {
        guard contentType.lowercased().hasPrefix("multipart/form-data"),
            let mark = contentType.range(of: "boundary=", options: .caseInsensitive)
        else { return nil }
        var boundary = String(contentType[mark.upperBound...].prefix { $0 != ";" })
        boundary = boundary.filter { $0 != "\"" && !$0.isWhitespace }
        guard (1...70).contains(boundary.utf8.count) else { return nil }
        let open = Array("--\(boundary)\r\n".utf8)
        guard let start = Self.find(open, in: body[...]).map({ $0 + open.count }),
            let headEnd = Self.find(Array("\r\n\r\n".utf8), in: body[start...])
        else { return nil }
        let rest = body[(headEnd + 4)...]
        // The end is looked for from behind, so a file may hold anything that looks like it.
        let close = Array("\r\n--\(boundary)--".utf8)
        guard let end = Self.findLast(close, in: rest) else { return nil }
        bytes = Array(rest[rest.startIndex..<end])
        guard let head = String(validating: body[start..<headEnd], as: UTF8.self),
            let line = head.split(separator: "\r\n").first(where: {
                $0.lowercased().hasPrefix("content-disposition:")
            })
        else { return nil }
        let parameters = Self.parameters(String(line.dropFirst("content-disposition:".count)))
        name = parameters["name"] ?? ""
        filename = parameters["filename"]
        length = parameters["filelength"].flatMap { Int($0) }
    }

    private static func find(_ mark: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
        guard bytes.count >= mark.count else { return nil }
        return (bytes.startIndex...(bytes.endIndex - mark.count)).first { index in
            bytes[index] == mark[0] && bytes[index..<(index + mark.count)].elementsEqual(mark)
        }
    }

    private static func findLast(_ mark: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
        guard bytes.count >= mark.count else { return nil }
        return (bytes.startIndex...(bytes.endIndex - mark.count)).reversed().first { index in
            bytes[index] == mark[0] && bytes[index..<(index + mark.count)].elementsEqual(mark)
        }
    }

    /// `a=b` and `a="b"`, separated by semicolons outside quotes; a backslash escapes inside them.
    private static func parameters(_ text: String) -> [String: String] {
        var result: [String: String] = [:]
        var part = ""
        var isQuoted = false
        var isEscaped = false
        func finish() {
            let sides = part.split(separator: "=", maxSplits: 1).map(String.init)
            if sides.count == 2 { result[sides[0].filter { !$0.isWhitespace }.lowercased()] = sides[1] }
            part = ""
        }
        for character in text {
            if isEscaped {
                part.append(character)
                isEscaped = false
            } else if isQuoted, character == "\\" {
                isEscaped = true
            } else if character == "\"" {
                isQuoted.toggle()
            } else if character == ";", !isQuoted {
                finish()
            } else {
                part.append(character)
            }
        }
        finish()
        return result
    }
}
