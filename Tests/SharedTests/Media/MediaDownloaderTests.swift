import Foundation
import Testing

@testable import Shared

@Suite(.timeLimit(.minutes(1))) struct MediaDownloaderTests {
    private let clock = ManualClock()

    private func downloader(
        _ server: MediaServer, _ change: (inout MediaSettings) -> Void = { _ in },
        lookup: @escaping AddressPolicy.Lookup = { _ in [] }
    ) -> MediaDownloader {
        var settings = MediaSettings()
        settings.allowedHosts = ["127.0.0.1:\(server.port)"]
        settings.retryDelay = .zero
        change(&settings)
        return MediaDownloader(
            settings: settings, clock: clock, route: { _ in HTTPRoute(client: server.client) }, lookup: lookup)
    }

    /// Fetches one file from a server with these answers; tells the outcome, the requests and the names that are left.
    private func fetch(
        _ answers: [MediaAnswer], kind: MediaReference.Kind = .file, key: String? = Sealed.keyText,
        name: String? = nil, receivedAt: MonotonicInstant? = nil, _ change: (inout MediaSettings) -> Void = { _ in }
    ) async throws -> (result: Result<FetchedMedia, MediaFailure>, requests: Int, left: [String]) {
        let scratch = try Scratch()
        var outcome: Result<FetchedMedia, MediaFailure> = .failure(.cancelled)
        var requests = 0
        try await MediaServer.with(answers) { server in
            let reference = MediaReference(kind: kind, url: server.url("/f?sign=s%2Bx"), key: key, name: name)
            outcome = await downloader(server, change)
                .fetch(reference, receivedAt: receivedAt, into: scratch.path, name: "m1")
            requests = server.paths.count
            // Signatures are sent as they stand.
            #expect(server.paths.first ?? "/f?sign=s%2Bx" == "/f?sign=s%2Bx")
        }
        return (outcome, requests, try scratch.names())
    }

    @Test("media.in: P12, WS-16: every kind arrives byte for byte, decrypted or plain, with name and type")
    func kinds() async throws {
        let files: [(MediaReference.Kind, [UInt8], String, String)] = [
            (.image, Sample.png, "image/png", "image.png"),
            (.file, Array("%PDF-1.7".utf8), "application/pdf", "file.pdf"),
            (.video, Sample.mp4, "video/mp4", "video.mp4"), (.voice, Sample.amr, "audio/amr", "voice.amr"),
        ]
        for (kind, start, mime, name) in files {
            for key in [Sealed.keyText, nil] {
                let scratch = try Scratch()
                let plain = Sample.file(start, count: 150_001)
                let source = try scratch.write("source", plain)
                let folder = try scratch.folder("in")
                try await MediaServer.with([.ok(key == nil ? plain : try Sealed.seal(plain))]) { server in
                    let media = try await downloader(server)
                        .fetch(MediaReference(kind: kind, url: server.url(), key: key), into: folder, name: "../m 1")
                        .get()
                    #expect(media.mime == mime && media.name == name && media.bytes == plain.count)
                    #expect(media.path == folder + "/___m_1-" + name)
                    #expect(try Digest.sha256(ofFile: media.path) == Digest.sha256(ofFile: source))
                    let mode = try FileManager.default.attributesOfItem(atPath: media.path)[.posixPermissions] as? Int
                    #expect(mode == 0o600)
                    #expect(try scratch.names("in") == ["___m_1-" + name])
                }
            }
        }
    }

    @Test("media.in: P12, WS-16: the download's own name wins over the callback's, and both are made harmless")
    func names() async throws {
        let body = try Sealed.seal(Array("%PDF-1.7 x".utf8))
        let header = "Content-Disposition: attachment; filename=\"%E6%B5%8B+1\""
        let named = try await fetch([.ok(body, headers: [header])], name: "other.pdf")
        #expect(try named.result.get().name == "测 1.pdf")
        #expect(named.left == ["m1-测 1.pdf"])
        #expect(try await fetch([.ok(body)], name: "../../a\u{7}.pdf").result.get().name == "a.pdf")
        let long = try await fetch([.ok(body)], name: String(repeating: "长", count: 100) + ".pdf")
        #expect(long.left.first?.utf8.count ?? 0 <= 255 && long.left.first?.hasSuffix(".pdf") == true)
    }

    @Test(
        "media.in: P12, WS-16: what may pass is tried again",
        arguments: [
            "400 Bad Request", "408 Timeout", "429 Too Many", "500 Oops", "503 Busy", "403 Forbidden", "404 None",
        ])
    func retries(status: String) async throws {
        let body = try Sealed.seal(Sample.png)
        let (result, requests, left) = try await fetch([.status(status), .ok(body)], kind: .image)
        #expect(try result.get().bytes == Sample.png.count)
        #expect(requests == 2 && left == ["m1-image.png"])
    }

    @Test("media.in: P12, WS-16: attempts are bounded, and pause in between")
    func boundedRetries() async throws {
        let (result, requests, left) = try await fetch([.status("503 Busy")]) { $0.retries = 3 }
        #expect(result == .failure(.unreachable) && requests == 4 && left.isEmpty)
        try await MediaServer.with([.status("503 Busy"), .ok(Sample.png)]) { server in
            let scratch = try Scratch()
            let downloader = downloader(server) { $0.retryDelay = .milliseconds(700) }
            async let media = downloader.fetch(
                MediaReference(kind: .image, url: server.url()), into: scratch.path, name: "m")
            while clock.nextDeadline?.nanoseconds != 700_000_000 { await Task.yield() }
            #expect(server.paths.count == 1)
            clock.advance(by: .milliseconds(700))
            #expect(try await media.get().mime == "image/png")
        }
    }

    @Test("media.in: P12, WS-16: a late file is expired: storage says so, or its five minutes are over")
    func expired() async throws {
        let xml = "<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
        for status in ["403 Forbidden", "404 Not Found", "400 Bad Request"] {
            let (result, requests, left) = try await fetch([.status(status, xml)]) { $0.retries = 5 }
            #expect(result == .failure(.expired) && requests == 2 && left.isEmpty)
        }
        clock.advance(by: .seconds(400))
        let old = MonotonicInstant(nanoseconds: clock.now.nanoseconds - 300_000_000_000)
        let late = try await fetch([.status("503 Busy")], receivedAt: old)
        #expect(late.result == .failure(.expired) && late.requests == 1)
        let young = MonotonicInstant(nanoseconds: clock.now.nanoseconds - 290_000_000_000)
        #expect(try await fetch([.status("503 Busy")], receivedAt: young).requests == 3)
        // A copy that is still there is taken however old the address.
        let kept = try await fetch([.ok(Sealed.seal(Sample.png))], kind: .image, receivedAt: old)
        #expect(try kept.result.get().mime == "image/png")
    }

    @Test("media.in: P12, WS-16: an oversized file is refused by its length, or while it streams")
    func oversized() async throws {
        let plain = Sample.file(Sample.png, count: 1_000)
        let sealed = try Sealed.seal(plain)
        let announced = try await fetch([MediaAnswer(body: [], length: 1_033)]) { $0.maxBytes = 1_000 }
        #expect(announced.result == .failure(.tooLarge(limit: 1_000)) && announced.requests == 1)
        for body in [sealed, plain] {
            let key = body == sealed ? Sealed.keyText : nil
            let streamed = try await fetch([MediaAnswer(body: body, length: -1)], key: key) { $0.maxBytes = 999 }
            #expect(streamed.result == .failure(.tooLarge(limit: 999)))
            #expect(streamed.requests == 1 && streamed.left.isEmpty)
            let fits = try await fetch([MediaAnswer(body: body, length: -1)], key: key) { $0.maxBytes = 1_000 }
            #expect(try fits.result.get().bytes == 1_000)
        }
        #expect(try await fetch([.ok(sealed)]) { $0.maxBytes = 1_000 }.result.get().bytes == 1_000)
    }

    @Test("media.in: P12, WS-16: a truncated file is tried again and never handed out")
    func truncated() async throws {
        let sealed = try Sealed.seal(Sample.file(Sample.png, count: 100_000))
        let part = Array(sealed.prefix(60_000))
        let ragged = Array(sealed.prefix(60_001))
        for answer in [
            MediaAnswer(body: part, length: sealed.count), .ok(ragged), MediaAnswer(body: ragged, length: -1), .ok([]),
        ] {
            let failed = try await fetch([answer], kind: .image)
            #expect(failed.result == .failure(.truncated) && failed.requests == 3 && failed.left.isEmpty)
            let mended = try await fetch([answer, .ok(sealed)], kind: .image)
            #expect(try mended.result.get().bytes == 100_000)
        }
    }

    @Test("media.in: P12, WS-16: a damaged file is told from a wrong key")
    func damaged() async throws {
        var sealed = try Sealed.seal(Sample.file(Sample.png, count: 10_000))
        sealed[sealed.count - 20] ^= 0x55
        let broken = try await fetch([.ok(sealed)])
        #expect(broken.result == .failure(.damaged) && broken.requests == 1 && broken.left.isEmpty)
        // Without a key a picture must begin like one: an error page is none.
        let page = try await fetch([.ok(Array("<html>gone</html>".utf8))], kind: .image, key: nil)
        #expect(page.result == .failure(.damaged) && page.left.isEmpty)
    }

    @Test("media.in: P12, WS-16: a mis-keyed file is never handed out")
    func wrongKey() async throws {
        let sealed = try Sealed.seal(Sample.file(Sample.png, count: 10_000))
        let other = try await fetch([.ok(sealed)], key: Sealed.otherKeyText)
        #expect(other.result == .failure(.wrongKey) && other.requests == 1 && other.left.isEmpty)
        // Padding that is right by chance does not make a picture.
        let chance = try await fetch([.ok(Sealed.seal(Sample.file([0, 1, 2, 3], count: 999)))], kind: .image)
        #expect(chance.result == .failure(.wrongKey) && chance.left.isEmpty)
        let short = try await fetch([.ok(sealed)], key: "c2hvcnQ=")
        #expect(short.result == .failure(.badKey) && short.requests == 0)
    }

    @Test("media.in: P12, WS-16: a folder that cannot be written, and a full disk, have their own failures")
    func disk() async throws {
        try await MediaServer.with([.ok(Sample.png)]) { server in
            let reference = MediaReference(kind: .image, url: server.url())
            let result = await downloader(server).fetch(reference, into: "/nonexistent/folder", name: "m")
            #expect(result == .failure(.unwritable))
        }
        #expect(TemporaryFile.failure(ENOSPC) == .diskFull)
        #expect(TemporaryFile.failure(EDQUOT) == .diskFull)
        #expect(TemporaryFile.failure(EACCES) == .unwritable)
    }

    @Test("media.in: P12, WS-16: a cancelled download leaves nothing behind")
    func cancelled() async throws {
        let scratch = try Scratch()
        let part = Sample.file(Sample.png, count: 50_000)
        try await MediaServer.with([MediaAnswer(body: part, length: 100_000, hangs: true)]) { server in
            let downloader = downloader(server)
            let reference = MediaReference(kind: .image, url: server.url())
            await withTaskGroup(of: Result<FetchedMedia, MediaFailure>.self) { group in
                group.addTask { await downloader.fetch(reference, into: scratch.path, name: "m") }
                while scratch.bytes() == 0 { await Task.yield() }
                group.cancelAll()
                #expect(await group.next() == .failure(.cancelled))
            }
            #expect(server.paths.count == 1)
        }
        #expect(try scratch.names().isEmpty)
    }

    @Test("media.in: P12, WS-16: a storage that falls silent is given up, before its first byte and after")
    func silence() async throws {
        let silent = MediaAnswer(status: "", hangs: true)
        let part = MediaAnswer(body: Sample.png, length: 1_000, hangs: true)
        for (answer, expected) in [(silent, MediaFailure.unreachable), (part, .truncated)] {
            let scratch = try Scratch()
            try await MediaServer.with([answer]) { server in
                let downloader = downloader(server) { $0.retries = 0 }
                let reference = MediaReference(kind: .image, url: server.url())
                let isOver = Locked(false)
                async let result = {
                    let result = await downloader.fetch(reference, into: scratch.path, name: "m")
                    isOver.withLock { $0 = true }
                    return result
                }()
                while server.paths.isEmpty || (expected == .truncated && scratch.bytes() == 0) { await Task.yield() }
                // A spell of 30 s that brought something is followed by another.
                while !isOver.withLock({ $0 }) {
                    clock.advance(by: .seconds(30))
                    await Task.yield()
                }
                #expect(await result == .failure(expected))
                #expect(clock.now.nanoseconds >= 30_000_000_000)
            }
            #expect(try scratch.names().isEmpty)
        }
    }

    // MARK: - Addresses

    @Test("media.in: P12, WS-16: redirects are followed, three at most, and judged like the first address")
    func redirects() async throws {
        let to = { (location: String) in MediaAnswer(status: "302 Found", headers: ["Location: \(location)"]) }
        let relative = try await fetch([to("/b?x=1"), to("c"), .ok(Sealed.seal(Sample.png))], kind: .image)
        #expect(try relative.result.get().mime == "image/png")
        let endless = try await fetch([to("/again")]) { $0.retries = 2 }
        #expect(endless.result == .failure(.unreachable) && endless.requests == 4)
        for target in [
            "http://127.0.0.1:1/x", "https://169.254.169.254/latest", "file:///etc/passwd", "https://[::1]/",
        ] {
            let away = try await fetch([to(target)])
            #expect(away.result == .failure(.refusedAddress) && away.requests == 1, "\(target)")
        }
    }

    @Test(
        "media.in: P12, WS-16: addresses that are refused before anything is sent",
        arguments: [
            "http://example.com/a", "ftp://example.com/a", "file:///etc/passwd", "unix:///tmp/x", "/relative", "",
            "https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f.1/", "https://10.0.0.1/",
            "https://172.16.0.1/", "https://172.31.255.255/", "https://192.168.1.1/", "https://169.254.169.254/",
            "https://100.64.0.1/", "https://0.0.0.0/", "https://224.0.0.1/", "https://255.255.255.255/",
            "https://[::1]/", "https://[::]/", "https://[fe80::1]/", "https://[fd00::1]/", "https://[ff02::1]/",
            "https://[::ffff:127.0.0.1]/", "https://[::ffff:8.8.8.8]/", "https://[64:ff9b::7f00:1]/",
            "https://[2002:7f00:1::]/", "https://localhost/", "https://a.localhost/", "https://user@127.0.0.1/",
            "https://rebound.example/", "https://mixed.example/", "http://127.0.0.1:1/",
        ])
    func refused(address: String) async throws {
        let scratch = try Scratch()
        try await MediaServer.with([.ok(Sample.png)]) { server in
            let names: [String: [HostAddress]] = [
                "rebound.example": [.v4(0x7F00_0001)],
                "mixed.example": [.v4(0x0808_0808), .v6([0xFD] + [UInt8](repeating: 0, count: 15))],
            ]
            let downloader = downloader(server, lookup: { names[$0] ?? [] })
            let result = await downloader.fetch(
                MediaReference(kind: .file, url: address), into: scratch.path, name: "m")
            #expect(result == .failure(.refusedAddress))
            #expect(server.paths.isEmpty)
        }
    }

    @Test("media.in: P12, WS-16: addresses on the open Internet are admitted; names without one are not")
    func admitted() async throws {
        for text in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "198.18.0.7", "2606:4700::1111", "64:ff9b::808:808"] {
            #expect(HostAddress(text)?.isPublic == true, "\(text)")
        }
        let policy = AddressPolicy(allowedHosts: ["Intranet.example", "[::1]:8443"]) { host in
            host == "cos.example" ? [.v4(0x0808_0808)] : []
        }
        let judge = { (text: String, isProxied: Bool) async throws in
            await policy.judge(try #require(URL(string: text)), isProxied: isProxied)
        }
        #expect(try await judge("https://cos.example/a?b=c", false) == .admitted)
        #expect(try await judge("https://none.example/", false) == .unresolved)
        #expect(try await judge("https://none.example/", true) == .admitted)
        #expect(try await judge("https://127.1/", true) == .refused)
        #expect(try await judge("http://intranet.EXAMPLE:8080/", false) == .admitted)
        #expect(try await judge("https://[::1]:8443/", false) == .admitted)
        #expect(try await judge("https://[::1]:8444/", false) == .refused)
        #expect(await HostAddress.resolve("127.0.0.1") == [.v4(0x7F00_0001)])
    }

    @Test("media.in: P12, WS-16: every failure has its own line in both languages, and a word for the log")
    func lines() {
        let failures: [MediaFailure] = [
            .tooLarge(limit: 83_886_080), .expired, .damaged, .truncated, .badKey, .wrongKey, .refusedAddress,
            .unreachable, .refusedByProxy, .diskFull, .unwritable, .cancelled,
        ]
        #expect(Set(failures.map { $0.line(name: nil) }).count == failures.count)
        #expect(Set(failures.map(\.logWord)).count == failures.count)
        for failure in failures {
            let line = failure.line(name: "a.png")
            #expect(line.contains("「a.png」") && line.contains(" / “a.png” ") && !line.contains("\n"))
            #expect(failure.logWord.contains("media"))
            #expect(line.contains("再") || line.contains("重新") || line.contains("管理员"))
        }
        #expect(MediaFailure.tooLarge(limit: 83_886_080).line(name: nil).contains("80 MB"))
        #expect([1_536 << 10, 800 << 10, 5].map(\.asSize) == ["1.5 MB", "800 KB", "5 B"])
    }
}
