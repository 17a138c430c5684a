import AsyncHTTPClient
import Backends
import Foundation
import Logging
import Shared

/// Fetches what people send to one account, and finds what its answers attach.
final class MediaDesk: Sendable {
    private let account: String
    private let settings: MediaSettings
    private let httpSettings: HTTPSettings
    private let store: MediaStore
    private let folders: SessionFolders
    private let localRoots: [String]
    /// What the channel of its answers takes.
    private let limits: MediaLimits
    private let clock: any MonotonicClock
    private let logger: Logger
    private let clients = Slot<EgressClients>()
    private let egress: Egress
    /// Keys that messages name instead of holding them.
    private let keys: [String: Secret]
    /// Fetches what has an id instead of an address.
    private let byID: @Sendable (MediaReference, String, String) async -> Result<FetchedMedia, MediaFailure>
    /// Downloads at a time; more wait, since every message that arrives begins one.
    private let places = Places(8)

    init(
        account: String, _ configuration: GatewayConfiguration, egress: Egress, http: HTTPSettings,
        network: GatewayConfiguration.Network, ownHost: String?, keys: [String: Secret] = [:],
        byID:
            @escaping @Sendable (MediaReference, _ directory: String, _ name: String) async -> Result<
                FetchedMedia, MediaFailure
            > = { _, _, _ in .failure(.unreachable) },
        limits: MediaLimits, store: MediaStore, folders: SessionFolders,
        clock: any MonotonicClock, logger: Logger
    ) {
        self.account = account
        let media = configuration.wecom.media
        var settings = MediaSettings()
        settings.maxBytes = media.maxBytes
        settings.retries = network.retries
        settings.retryDelay = network.retryDelay
        settings.allowedHosts = media.allowPrivateHosts + [ownHost].compactMap { $0 }
        self.settings = settings
        self.egress = egress
        httpSettings = http
        self.keys = keys
        self.limits = limits
        self.byID = byID
        self.store = store
        self.folders = folders
        localRoots = media.localRoots.map(\.absolutePath)
        self.clock = clock
        self.logger = logger
    }

    /// Reads what connections need, and opens none.
    ///
    /// - Throws: for a `caFile` or proxy that cannot be used.
    func check() throws {
        _ = try httpSettings.clientConfiguration()
        _ = try egress.proxyURLs()
    }

    /// Opens the connections that downloads use.
    ///
    /// - Throws: for a `caFile` or proxy that cannot be used.
    func open() throws { clients.set(try EgressClients(egress, httpSettings)) }

    /// The way to an address; nil while there is none.
    func route(to url: URL) -> HTTPRoute? { clients.value?.route(to: url) }

    private var downloader: MediaDownloader? {
        clients.value.map { MediaDownloader(settings: settings, clock: clock, route: $0.route) }
    }

    /// Closes them. Downloads that run end with an error.
    func close() async { await clients.take()?.shutdown() }

    /// What the engine asks for.
    var hooks: EngineHooks {
        var hooks = EngineHooks()
        hooks.fetch = { await self.fetch($0) }
        hooks.resolve = { await self.resolve($0, $1) }
        hooks.pictures = { answer in
            let found = MarkdownImages(answer)
            return (found.text, found.images.map(\.location))
        }
        hooks.attachLong = { await self.attach(whole: $0, $1) }
        return hooks
    }

    // MARK: In

    private func fetch(_ message: InboundMessage) async -> InboundMessage {
        let receivedAt = clock.now
        var message = message
        for index in message.parts.indices {
            message.parts[index] = await fetch(message.parts[index], "\(index)", of: message, receivedAt)
        }
        guard var quote = message.quote else { return message }
        for index in quote.parts.indices {
            quote.parts[index] = await fetch(quote.parts[index], "q\(index)", of: message, receivedAt)
        }
        message.quote = quote
        return message
    }

    private func fetch(
        _ part: MessagePart, _ position: String, of message: InboundMessage, _ receivedAt: MonotonicInstant
    ) async -> MessagePart {
        guard case .media(var reference) = part, reference.path == nil, let downloader else { return part }
        let name = "\(UInt64(bitPattern: Int64(message.id.rawValue.hashValue)))-\(position)"
        let begin = clock.now
        let result = await places.with { () -> Result<FetchedMedia, MediaFailure> in
            do throws(MediaFailure) {
                let folder = try store.folder(account: account)
                if reference.mediaID != nil { return await byID(reference, folder, name) }
                var wanted = reference
                if let key = reference.key.flatMap({ keys[$0] }) { wanted.key = key.reveal() }
                return await downloader.fetch(wanted, receivedAt: receivedAt, into: folder, name: name)
            } catch {
                return .failure(error)
            }
        }
        var metadata = Logger.Metadata([.messageID: message.id, .kind: reference.kind.rawValue])
        switch result {
        case .success(let media):
            reference.path = media.path
            reference.name = media.name
            reference.mime = media.mime
            reference.bytes = media.bytes
            metadata.merge(.init([.bytes: media.bytes, .seconds: begin.duration(to: clock.now).inSeconds])) { $1 }
            logger.info("media fetched", metadata: metadata)
        case .failure(let failure):
            reference.failure = failure.line(name: reference.name)
            metadata[LogKey.reason.rawValue] = .string(failure.logWord)
            logger.warning("media not fetched", metadata: metadata)
        }
        return .media(reference)
    }

    // MARK: Out

    private func resolve(
        _ attachment: Attachment, _ message: InboundMessage
    ) async -> Result<OutboundMedia, AttachmentProblem> {
        guard case .file(let location, let kind, let name) = attachment else {
            return .failure(AttachmentProblem(line: ReplyWords().badCard))
        }
        let found = await resolve(location, kind, name, workspace: folders.workspace(of: message), roots: localRoots)
        return found.mapError { failure in
            logger.warning("media of an answer not sent", metadata: .init([.reason: failure.logWord]))
            return AttachmentProblem(line: failure.line(name: name))
        }
    }

    /// A file that the operator names: any path of this machine.
    ///
    /// - Throws: `GatewayError.invalidConfiguration` with the path and a sentence for the operator.
    func resolve(path: String) async throws(GatewayError) -> OutboundMedia {
        switch await resolve(path, nil, nil, workspace: nil, roots: ["/"]) {
        case .success(let media): return media
        case .failure(let failure): throw GatewayError(.invalidConfiguration, "\(path) \(failure.operatorWords)")
        }
    }

    private func resolve(
        _ location: String, _ kind: MediaReference.Kind?, _ name: String?, workspace: String?, roots: [String]
    ) async -> Result<OutboundMedia, OutboundMediaFailure> {
        guard let downloader else { return .failure(.fetch(.unreachable)) }
        let folder: String
        do { folder = try store.folder(account: account) } catch { return .failure(.fetch(error)) }
        let resolver = OutboundMediaResolver(
            workspace: workspace, localRoots: roots, directory: folder, downloader: downloader,
            limits: limits)
        return await resolver.resolve(location: location, kind: kind, name: name)
    }

    private func attach(whole answer: String, _ message: InboundMessage) async -> OutboundMedia? {
        guard let folder = try? store.folder(account: account) else { return nil }
        let path = "\(folder)/answer-\(UUID().uuidString.lowercased()).md"
        do {
            try Data(answer.utf8).write(to: URL(fileURLWithPath: path), options: .withoutOverwriting)
        } catch {
            logger.warning("media of an answer not written", metadata: .init([.messageID: message.id]))
            return nil
        }
        return OutboundMedia(path: path, kind: .file, name: "answer.md", bytes: answer.utf8.count)
    }
}

extension OutboundMediaFailure {
    /// What follows the path in a sentence for whoever named it.
    fileprivate var operatorWords: String {
        switch self {
        case .notFound:
            "does not exist as the running program sees it (a service may have folders of its own: PrivateTmp, ProtectHome)"
        case .notRegular: "is no plain file"
        case .unreadable: "cannot be read by the running program"
        case .tooSmall(let least): "is smaller than the \(least) bytes that the platform takes"
        case .tooLarge(let limit): "is larger than the \(limit) bytes that the platform takes"
        case .outside, .badLocation, .fetch: "cannot be sent (\(logWord))"
        }
    }
}
