import AsyncHTTPClient
public import Foundation
import NIOCore
import NIOHTTP1

/// How files are fetched.
public struct MediaSettings: Sendable, Equatable {
    /// Largest file in bytes, decrypted.
    public var maxBytes = 83_886_080
    /// Further attempts after one that failed for a reason that may pass.
    public var retries = 2
    /// Pause before each of them.
    public var retryDelay = Duration.milliseconds(500)
    /// Longest silence of the storage, also before its first byte.
    public var stallTimeout = Duration.seconds(30)
    /// Longest time of one attempt.
    public var timeout = Duration.seconds(300)
    /// Hosts (`host` or `host:port`) that may have private addresses or plain http.
    public var allowedHosts: [String] = []

    /// Creates the defaults.
    public init() {}
}

/// A file that was fetched.
public struct FetchedMedia: Hashable, Sendable {
    /// Where it lies, complete and readable for its owner alone.
    public var path: String
    /// Name for a person, with an extension where its type has one; free of paths and control characters.
    public var name: String
    /// Media type by its bytes, else by its sender, else by its name.
    public var mime: String
    /// Size in bytes, decrypted.
    public var bytes: Int

    /// Creates a description.
    public init(path: String, name: String, mime: String, bytes: Int) {
        self.path = path
        self.name = name
        self.mime = mime
        self.bytes = bytes
    }
}

/// Fetches files of users from the platform's storage: streamed, decrypted on the way, never whole in memory.
///
/// Redirects are followed here, at most three, each judged like the first address; the HTTP clients must be configured
/// not to follow any (`redirectConfiguration = .disallow`). A file appears under its name only when it is complete
/// and its padding and, for a picture, its first bytes are right; until then it is a hidden `.part` file, which is
/// removed on failure and on cancellation.
public struct MediaDownloader: Sendable {
    /// How long the platform's addresses are good for.
    public static let addressLifetime = Duration.seconds(300)
    private static let maxRedirects = 3

    /// How files are fetched.
    public let settings: MediaSettings
    private let route: @Sendable (URL) -> HTTPRoute
    private let clock: any MonotonicClock
    private let policy: AddressPolicy
    private let lookup: AddressPolicy.Lookup

    /// Creates a downloader; the owner of the clients shuts them down.
    public init(
        settings: MediaSettings, clock: any MonotonicClock, route: @escaping @Sendable (URL) -> HTTPRoute
    ) {
        self.init(settings: settings, clock: clock, route: route, lookup: HostAddress.resolve)
    }

    init(
        settings: MediaSettings, clock: any MonotonicClock, route: @escaping @Sendable (URL) -> HTTPRoute,
        lookup: @escaping AddressPolicy.Lookup
    ) {
        self.settings = settings
        self.route = route
        self.clock = clock
        self.lookup = lookup
        policy = AddressPolicy(allowedHosts: settings.allowedHosts, lookup: lookup)
    }

    /// The same with another bound of size, in bytes.
    func limited(to maxBytes: Int) -> MediaDownloader {
        var settings = settings
        settings.maxBytes = maxBytes
        return MediaDownloader(settings: settings, clock: clock, route: route, lookup: lookup)
    }

    /// Fetches one file.
    ///
    /// - Parameters:
    ///   - reference: what to fetch; without a key the body is taken as it is.
    ///   - receivedAt: when the address came, so that nothing is tried again after its five minutes; nil for
    ///     addresses that do not expire.
    ///   - directory: folder that exists.
    ///   - prefix: start of the file's name there, unique for the reference. An older file of that name is replaced.
    public func fetch(
        _ reference: MediaReference, receivedAt: MonotonicInstant? = nil, into directory: String, name prefix: String
    ) async -> Result<FetchedMedia, MediaFailure> {
        var key: MediaKey?
        if let text = reference.key {
            guard let read = MediaKey(base64: text) else { return .failure(.badKey) }
            key = read
        }
        let job = Job(reference: reference, key: key, directory: directory, prefix: prefix)
        let expiry = receivedAt?.advanced(by: Self.addressLifetime)
        var retries = 0
        while true {
            let trouble: Trouble
            switch await attempt(job) {
            case .success(let media): return .success(media)
            case .failure(let error): trouble = error
            }
            if Task.isCancelled { return .failure(.cancelled) }
            let isLate = expiry.map { clock.now.advanced(by: settings.retryDelay) >= $0 } ?? false
            if isLate, trouble.failure == .unreachable { return .failure(.expired) }
            guard !isLate, retries < min(settings.retries, trouble.retries) else { return .failure(trouble.failure) }
            retries += 1
            do { try await pause() } catch { return .failure(.cancelled) }
        }
    }

    private func pause() async throws {
        guard settings.retryDelay > .zero else { return }
        try await clock.sleep(until: clock.now.advanced(by: settings.retryDelay), tolerance: nil)
    }

    // MARK: - One attempt

    private struct Job: Sendable {
        let reference: MediaReference
        let key: MediaKey?
        let directory: String
        let prefix: String
    }

    /// Why an attempt failed, and how many more are worth it.
    private struct Trouble: Error {
        let failure: MediaFailure
        let retries: Int

        static func final(_ failure: MediaFailure) -> Trouble { Trouble(failure: failure, retries: 0) }
        static func passing(_ failure: MediaFailure) -> Trouble { Trouble(failure: failure, retries: .max) }
        /// Storage that is asked right after an upload may not have it yet: once more.
        static let gone = Trouble(failure: .expired, retries: 1)
    }

    /// One attempt, ended when the storage falls silent.
    private func attempt(_ job: Job) async -> Result<FetchedMedia, Trouble> {
        let progress = Locked(0)
        return await withTaskGroup(of: Result<FetchedMedia, Trouble>?.self) { group in
            group.addTask { await exchange(job, progress) }
            group.addTask {
                await watch(progress)
                return nil
            }
            var outcome: Result<FetchedMedia, Trouble>?
            while let ended = await group.next() {
                // Whichever ends first ends the other.
                group.cancelAll()
                if let ended { outcome = ended }
            }
            // Ended by the watch, not by the caller.
            if case .failure(let trouble) = outcome, trouble.failure == .cancelled, !Task.isCancelled { outcome = nil }
            return outcome ?? .failure(.passing(.unreachable))
        }
    }

    /// Returns when nothing came for too long, or the attempt takes too long, or it is over.
    private func watch(_ progress: Locked<Int>) async {
        let end = clock.now.advanced(by: settings.timeout)
        var seen = progress.withLock { $0 }
        while true {
            let next = min(end, clock.now.advanced(by: settings.stallTimeout))
            do { try await clock.sleep(until: next, tolerance: nil) } catch { return }
            let count = progress.withLock { $0 }
            if count == seen || clock.now >= end { return }
            seen = count
        }
    }

    private func exchange(_ job: Job, _ progress: Locked<Int>) async -> Result<FetchedMedia, Trouble> {
        guard var url = URL(string: job.reference.url) else { return .failure(.final(.refusedAddress)) }
        for _ in 0...Self.maxRedirects {
            let route = route(url)
            switch await policy.judge(url, isProxied: route.isProxied) {
            case .admitted: break
            case .refused: return .failure(.final(.refusedAddress))
            case .unresolved: return .failure(.passing(.unreachable))
            }
            var request = HTTPClientRequest(url: url.absoluteString)
            request.headers.add(name: "Accept", value: "*/*")
            let response: HTTPClientResponse
            do {
                response = try await route.client.execute(request, deadline: .distantFuture)
            } catch {
                return .failure(error.isOfProxy ? .final(.refusedByProxy) : .passing(.unreachable))
            }
            progress.withLock { $0 += 1 }
            guard let target = Self.redirect(response, from: url) else { return await receive(response, job, progress) }
            url = target
        }
        return .failure(.final(.unreachable))
    }

    private static func redirect(_ response: HTTPClientResponse, from url: URL) -> URL? {
        guard [301, 302, 303, 307, 308].contains(response.status.code) else { return nil }
        return response.headers.first(name: "location").flatMap { URL(string: $0, relativeTo: url)?.absoluteURL }
    }

    // MARK: - The answer

    private func receive(_ response: HTTPClientResponse, _ job: Job, _ progress: Locked<Int>) async
        -> Result<FetchedMedia, Trouble>
    {
        guard response.status == .ok else { return .failure(await trouble(with: response)) }
        let length = response.headers.first(name: "content-length").flatMap { Int($0) }
        // Encrypted bodies are longer by their padding.
        if let length, length - (job.key == nil ? 0 : MediaKey.count) > settings.maxBytes {
            return .failure(.final(.tooLarge(limit: settings.maxBytes)))
        }
        do {
            var intake = try MediaIntake(
                kind: job.reference.kind, key: job.key, directory: job.directory, maxBytes: settings.maxBytes)
            var received = 0
            do {
                for try await buffer in response.body {
                    received += buffer.readableBytes
                    progress.withLock { $0 += 1 }
                    try buffer.withUnsafeReadableBytes { try intake.take($0) }
                }
            } catch let error as MediaFailure {
                throw error
            } catch let error as MediaCipherError {
                throw error
            } catch {
                // The connection broke: what is there is a part.
                throw received > 0 ? MediaFailure.truncated : .unreachable
            }
            if let length, length != received { throw MediaFailure.truncated }
            try Task.checkCancellation()
            return .success(
                try intake.finish(
                    prefix: job.prefix, name: Self.name(response, job.reference),
                    contentType: response.headers.first(name: "content-type")))
        } catch {
            return .failure(Self.trouble(error))
        }
    }

    private static func name(_ response: HTTPClientResponse, _ reference: MediaReference) -> String? {
        response.headers.first(name: "content-disposition").flatMap(ContentDisposition.fileName(in:))
            ?? reference.name.flatMap { FileName.sanitised($0) }
    }

    private static func trouble(_ error: any Error) -> Trouble {
        switch error {
        case let failure as MediaFailure:
            failure == .truncated || failure == .unreachable ? .passing(failure) : .final(failure)
        case MediaCipherError.truncated: .passing(.truncated)
        case is CancellationError: .final(.cancelled)
        // A cryptographic library without this cipher.
        default: .final(.unwritable)
        }
    }

    /// What an answer other than 200 means. Storage tells of an expired address in a small XML body.
    private func trouble(with response: HTTPClientResponse) async -> Trouble {
        switch response.status.code {
        case 403, 404, 410: return .gone
        case 407: return .final(.refusedByProxy)
        case 400, 408, 429, 500...599:
            return await Self.saysExpired(response) ? .gone : .passing(.unreachable)
        default: return .final(.unreachable)
        }
    }

    private static func saysExpired(_ response: HTTPClientResponse) async -> Bool {
        var text: [UInt8] = []
        do {
            for try await buffer in response.body {
                text.append(contentsOf: buffer.readableBytesView.prefix(4_096 - text.count))
                if text.count >= 4_096 { break }
            }
        } catch {
            // What came tells enough, or nothing.
        }
        return String(decoding: text, as: UTF8.self).lowercased().contains("expired")
    }
}
