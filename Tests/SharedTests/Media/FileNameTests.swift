import Foundation
import Testing

@testable import Shared

@Suite struct FileNameTests {
    @Test("WS-16: names in published Content-Disposition headers")
    func vectors() throws {
        let cases = try #require(MediaFixture.json("vector-content-disposition.json")["cases"] as? [[String: Any]])
        #expect(cases.count == 11)
        for vector in cases {
            let header = try #require(vector["header"] as? String)
            #expect(ContentDisposition.fileName(in: header) == vector["expect"] as? String, "\(header)")
        }
    }

    @Test(
        "WS-16: further forms of the header",
        arguments: [
            ("attachment; filename=my report final.pdf; size=3", "my report final.pdf"),
            ("attachment; filename=\"a;b.txt\"", "a;b.txt"),
            ("attachment; FileName = \"a.txt\"", "a.txt"),
            ("attachment; filename=\"a \\\"b\\\".txt\"", "a \"b\".txt"),
            ("attachment; filename=\"C:\\temp\\a.txt\"", "a.txt"),
            ("attachment; filename*=UTF-8''; filename=\"b.txt\"", "b.txt"),
            ("attachment; filename*=UTF-8''%E6%zz.txt; filename=\"b.txt\"", "b.txt"),
            ("attachment; filename*=GBK''%B2%E2.txt; filename=\"b.txt\"", "b.txt"),
            ("attachment; filename*=iso-8859-1'en'caf%E9.txt", "café.txt"),
            ("attachment; filename=\"\u{E6}\u{B5}\u{8B}.txt\"", "测.txt"),
            ("attachment; filename=\"café.txt\"", "café.txt"),
            ("attachment; filename=\"%C3%A9t%C3%A9+2026.pdf\"", "été 2026.pdf"),
            ("attachment; filename=\"100%25+sure~.txt\"", "100% sure~.txt"),
            ("attachment; filename=\"50% off.txt\"", "50% off.txt"),
            ("attachment; filename=\"a\u{202E}txt.exe\"", "atxt.exe"),
            ("attachment; filename=\"unclosed.txt", "unclosed.txt"),
        ] as [(String, String)])
    func forms(header: String, expected: String) {
        #expect(ContentDisposition.fileName(in: header) == expected)
    }

    @Test(
        "WS-16: headers without a usable name",
        arguments: [
            "", ";", "attachment;", "attachment; filename", "attachment; filename=", "attachment; filename=\"..\"",
            "attachment; filename=\"/\"", "attachment; filename=\"%2F..%2F\"", "attachment; filename=\" \u{1} \"",
            "attachment; filename=\"" + String(repeating: "a", count: 9_000) + "\"",
        ])
    func nameless(header: String) {
        #expect(ContentDisposition.fileName(in: header) == nil)
    }

    @Test("WS-16: random headers never trap, and names are harmless")
    func fuzz() {
        var random = SeededGenerator(seed: 16)
        let pieces = [
            "filename", "*", "=", ";", "\"", "\\", "%", "%E6", "%2F", "'", "UTF-8''", "+", " ", "/", "..", "测", "\u{0}",
            "a.b", "\u{E9}",
        ]
        for _ in 0..<5_000 {
            let header =
                "attachment; filename="
                + (0..<Int.random(in: 0...14, using: &random))
                .map { _ in pieces[Int.random(in: 0..<pieces.count, using: &random)] }.joined()
            guard let name = ContentDisposition.fileName(in: header) else { continue }
            #expect(!name.isEmpty && name != "." && name != ".." && name.utf8.count <= 255)
            #expect(!name.unicodeScalars.contains { $0.value < 0x20 || $0 == "/" || $0 == "\\" })
        }
    }

    @Test("WS-16: long names are cut between characters and keep their extension")
    func longNames() throws {
        for unit in ["长", "👩‍👩‍👧‍👦", "a", "é"] {
            let name = try #require(FileName.sanitised(String(repeating: unit, count: 300) + ".docx"))
            #expect(name.utf8.count <= 255 && name.utf8.count > 255 - 26)
            #expect(name.hasSuffix(".docx"))
            #expect(name.dropLast(5).allSatisfy { String($0) == unit })
        }
        #expect(FileName.sanitised(String(repeating: "x", count: 300))?.utf8.count == 255)
    }

    @Test("WS-16: an extension is added where there is none")
    func completion() {
        #expect(FileName.completed("image", .png) == "image.png")
        #expect(FileName.completed("photo.jpeg", .png) == "photo.jpeg")
        #expect(FileName.completed("v1.2 final", .png) == "v1.2 final.png")
        #expect(FileName.completed("x", .unknown) == "x")
        #expect(FileName.completed(String(repeating: "x", count: 255), .png).utf8.count == 255)
    }

    @Test("WS-16: type by bytes")
    func types() {
        let riff = { (kind: String) in Array("RIFF".utf8) + [1, 2, 3, 4] + Array(kind.utf8) }
        let bitmap: [UInt8] = Array("BM".utf8) + [UInt8](repeating: 0, count: 12) + [40, 0, 0, 0]
        let brand = { (name: String) in [0, 0, 0, 24] + Array("ftyp\(name)".utf8) }
        let cases: [([UInt8], String)] = [
            (Sample.png, "png"), ([0xFF, 0xD8, 0xFF, 0xE0], "jpg"), (Array("GIF89a".utf8), "gif"),
            (riff("WEBP"), "webp"), (riff("WAVE"), "wav"), (riff("AVI "), "avi"), (bitmap, "bmp"),
            (Array("%PDF-1.7".utf8), "pdf"), (Sample.amr, "amr"), (Sample.mp4, "mp4"), (brand("qt  "), "mov"),
            (brand("heic"), "heic"), (Sample.mp3, "mp3"), ([0xFF, 0xFB, 0x90, 0x64], "mp3"),
            (Array("OggS".utf8), "ogg"),
            (Sample.zip(["a.txt"]), "zip"),
            (Sample.zip(["[Content_Types].xml", "_rels/.rels", "word/document.xml"]), "docx"),
            (Sample.zip(["[Content_Types].xml", "xl/workbook.xml"]), "xlsx"),
            (Sample.zip(["ppt/presentation.xml"]), "pptx"),
            (Array("你好, text\n".utf8), "txt"), (Array("你好".utf8.dropLast()), "?"), ([0, 1, 2, 3, 0xFF], "?"), ([], "?"),
            (Array("BMW sells".utf8), "txt"), (Array("xxxxxxxxWEBP".utf8), "txt"),
        ]
        for (bytes, expected) in cases {
            #expect(MediaType.ofBytes(bytes)?.fileExtension ?? "?" == expected, "\(bytes.prefix(12))")
        }
    }

    @Test("WS-16: bytes before header before name; the name tells kinds of text and archives apart")
    func precedence() {
        let find = { (head: [UInt8], header: String?, name: String?) in
            MediaType.find(head: head, contentType: header, name: name).mime
        }
        #expect(find(Sample.png, "image/jpeg", "a.jpg") == "image/png")
        #expect(find([0, 1], "application/pdf; charset=x", "a.jpg") == "application/pdf")
        #expect(find([0, 1], "application/octet-stream", "a.DOC") == "application/msword")
        #expect(find([0, 1], nil, "a") == "application/octet-stream")
        #expect(find(Array("a,b\n".utf8), nil, "a.csv") == "text/csv")
        #expect(find(Array("a,b\n".utf8), nil, "a.png") == "text/plain")
        #expect(find(Sample.zip(["x"]), nil, "a.pptx").hasSuffix("presentationml.presentation"))
    }
}
