import AsyncHTTPClient
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix

/// Makes the HTTP requests that the core asks for. It is started and stopped with the listeners; before and after
/// that every request fails.
final class CallbackPoster: Sendable {
    /// Real time after which a request is given up, whatever the clock of the platform says.
    private static let cap = TimeAmount.seconds(60)

    private struct State {
        var client: HTTPClient?
        var tasks: [Int: HTTPClient.Task<HTTPClient.Response>] = [:]
    }

    private let state = NIOLockedValueBox(State())

    func start(group: MultiThreadedEventLoopGroup) {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: .seconds(5)))
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = Callbacks.inFlightLimit
        // A connection that breaks is a delivery that failed, which the core judges.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        let client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
        state.withLockedValue { $0.client = client }
    }

    func stop() async {
        let client = state.withLockedValue { state in
            defer { state = State() }
            return state.client
        }
        try? await client?.shutdown()
    }

    /// Makes the request; `report` is called once, unless it is cancelled.
    func post(_ request: CallbackRequest, report: @escaping @Sendable (CallbackResult) -> Void) {
        guard let client = state.withLockedValue({ $0.client }), let wire = try? Self.wire(request) else {
            report(.failed)
            return
        }
        let body = ResponseAccumulator(request: wire, maxBodySize: CallbackResult.maxBodyBytes)
        let task = client.execute(request: wire, delegate: body, deadline: .now() + Self.cap)
        state.withLockedValue { $0.tasks[request.id] = task }
        task.futureResult.whenComplete { [weak self] result in
            let isWanted = self?.state.withLockedValue { $0.tasks.removeValue(forKey: request.id) } != nil
            guard isWanted else { return }
            switch result {
            case .failure: report(.failed)
            case .success(let response):
                let bytes = response.body.map { Array($0.readableBytesView) } ?? []
                report(.answered(status: Int(response.status.code), body: bytes))
            }
        }
    }

    /// Cuts the connection of a request.
    func cancel(_ id: Int) { state.withLockedValue { $0.tasks.removeValue(forKey: id) }?.cancel() }

    private static func wire(_ request: CallbackRequest) throws -> HTTPClient.Request {
        // One request for each connection: the client's pool stops the program when a connection that it has just given
        // back turns out to be dead, as when the other side is killed.
        var headers: HTTPHeaders = ["User-Agent": "Mozilla/4.0", "Connection": "close"]
        guard request.method == "POST" else {
            return try HTTPClient.Request(url: request.url, method: .GET, headers: headers)
        }
        headers.add(name: "Content-Type", value: request.contentType)
        return try HTTPClient.Request(url: request.url, method: .POST, headers: headers, body: .bytes(request.body))
    }
}
