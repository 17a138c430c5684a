import AsyncHTTPClient
import Backends
import Foundation
import Logging
import Shared
import WebhookCompat

/// The application of one account: a channel that is there while the program runs, and the receiver of its callbacks.
final class AgentDesk: Channel {
    private let settings: AgentSettings
    private let httpSettings: HTTPSettings
    private let kept: any KeptValues
    private let clock: any MonotonicClock
    private let wallClock: any WallClock
    private let logger: Logger
    private let open = Slot<(client: HTTPClient, agent: Agent)>()
    private let engine = Slot<ReplyEngine>()
    private let refusedAddress = Slot<String>()

    init(
        _ settings: AgentSettings, http: HTTPSettings, kept: any KeptValues, clock: any MonotonicClock,
        wallClock: any WallClock, logger: Logger
    ) {
        self.settings = settings
        httpSettings = http
        self.kept = kept
        self.clock = clock
        self.wallClock = wallClock
        self.logger = logger
    }

    // MARK: Life

    /// Opens the connections that calls use.
    ///
    /// - Throws: for a `caFile` or proxy that cannot be used.
    func begin() throws {
        var configuration = try httpSettings.clientConfiguration()
        configuration.redirectConfiguration = .disallow
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        let agent = Agent(
            settings, httpClient: client, kept: kept, clock: clock, wallClock: wallClock, logger: logger)
        open.set((client, agent))
    }

    /// Closes them.
    func end() async { try? await open.take()?.client.shutdown() }

    /// Gives messages to this engine from now on.
    func attach(_ engine: ReplyEngine?) { self.engine.set(engine) }

    // MARK: Channel

    var capabilities: Capabilities { settings.capabilities }

    nonisolated(nonsending) func perform(
        _ operation: ChannelOperation, late: (@Sendable (LateVerdict) -> Void)?
    ) async -> SendOutcome {
        guard let agent = open.value?.agent else { return .notSent(.offline) }
        let outcome = await agent.channel.perform(operation, late: late)
        if case .rejected(let error) = outcome { note(error) }
        if case .acknowledged = outcome { refusedAddress.set(nil) }
        return outcome
    }

    /// The address of ours that the platform does not trust, when that is what its last refusal was about.
    var untrustedAddress: String? { refusedAddress.value }

    func upload(_ media: OutboundMedia, progress: (@Sendable (Int) -> Void)?) async -> UploadOutcome {
        guard let agent = open.value?.agent else { return .interrupted }
        let outcome = await agent.channel.upload(media, progress: progress)
        if case .rejected(let error) = outcome { note(error) }
        return outcome
    }

    /// No new try of a download begins after that; the person waits for an answer.
    private static let fetchTime = Duration.seconds(120)

    func fetch(_ reference: MediaReference, _ directory: String, _ name: String) async -> Result<
        FetchedMedia, MediaFailure
    > {
        var pause = Duration.milliseconds(500)
        let end = clock.now.advanced(by: Self.fetchTime)
        for attempt in 1... {
            guard let agent = open.value?.agent else { return .failure(.unreachable) }
            let result = await agent.media.fetch(reference, into: directory, name: name)
            // Nothing changes by it on the platform, and an id is good for three days.
            guard case .failure(.unreachable) = result, attempt < 5, clock.now < end, !Task.isCancelled else {
                return result
            }
            try? await clock.sleep(for: pause)
            pause *= 2
        }
        return .failure(.unreachable)
    }

    // MARK: Directory

    /// Display name of a member; nil when it is not known within two seconds, in which the first one needs a token, too.
    /// An answer never waits longer for it.
    func name(of user: UserID) async -> String? {
        guard let agent = open.value?.agent else { return nil }
        return await within(until: clock.now.advanced(by: .seconds(2)), on: clock) {
            (try? await agent.api.member(user.rawValue))?.name
        } ?? nil
    }

    /// Whether a member is in a department or below it; nil when that cannot be found out now.
    func isMember(_ user: UserID, of department: Int) async -> Bool? {
        guard let agent = open.value?.agent else { return nil }
        return await within(until: clock.now.advanced(by: .seconds(5)), on: clock) {
            try? await agent.api.isMember(user.rawValue, ofDepartment: department)
        } ?? nil
    }

    private func note(_ error: PlatformError) {
        var metadata = Logger.Metadata([.errcode: error.code, .error: error])
        if let hint = error.hint { metadata[LogKey.hint.rawValue] = .string(hint) }
        if let address = error.exitAddress { refusedAddress.set(address) }
        logger.warning("server API refused a message", metadata: metadata)
    }

    // MARK: Callbacks

    /// The application as the receiver of an endpoint. A message is answered with an empty body once the ledger has it.
    func receiver(_ endpoint: CallbackEndpoint) -> CallbackReceiver {
        CallbackReceiver(endpoint: endpoint) { await self.answer($0) }
    }

    private func answer(_ callback: VerifiedCallback) async -> CallbackReceiver.Reply? {
        guard let agent = open.value?.agent, let engine = engine.value else { return nil }
        guard let intake = await agent.take(callback, receivedAt: wallClock.unixMilliseconds) else {
            return CallbackReceiver.Reply()
        }
        if let event = intake.event {
            guard case .message = event else {
                engine.accept(event)
                return CallbackReceiver.Reply(message: intake.reply)
            }
            let taken = Latch<ReplyEngine.Taken>()
            engine.accept(event) { taken.set($0) }
            let deadline = clock.now.advanced(by: .milliseconds(900))
            guard let outcome = await taken.value(until: deadline, on: clock), outcome != .refused else { return nil }
        }
        return CallbackReceiver.Reply(message: intake.reply)
    }
}
