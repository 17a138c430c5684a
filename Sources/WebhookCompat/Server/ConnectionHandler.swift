import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Tells that the answer which is written next went out whole, to the last byte that the system took.
struct WhenWritten: Sendable {
    let action: @Sendable () -> Void
}

/// Ends connections whose requests do not come, or whose answers are not taken, in time; an idle limit alone is outwitted by
/// one byte now and then. What to do says `ConnectionMachine`.
final class ConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// Time for an answer to arrive whose request is not read to its end.
    private static let linger: TimeAmount = .seconds(1)

    private let limit: TimeAmount
    private let crowd: ConnectionCrowd
    private var machine = ConnectionMachine()
    private var place: ConnectionCrowd.Place?
    private var timer: Scheduled<Void>?
    private var whenWritten: WhenWritten?
    private var writing = 0
    private var isOverdue = false
    private var closing: (isWanted: Bool, promise: EventLoopPromise<Void>?) = (false, nil)

    init(_ limit: TimeAmount, _ crowd: ConnectionCrowd) {
        self.limit = limit
        self.crowd = crowd
    }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) { if context.channel.isActive { begin(context) } }

    func handlerRemoved(context: ChannelHandlerContext) { end() }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard place == nil else { return }
        place = crowd.enter(context.channel)
        perform(.startTimer, context)
    }

    private func end() {
        timer?.cancel()
        closing.promise?.fail(ChannelError.alreadyClosed)
        closing.promise = nil
        place.map(crowd.leave)
        place = nil
    }

    // MARK: In

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard machine.reads else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            perform(machine.began(isLast: Self.isLast(head.headerFields)), context)
        case .body: break
        case .end:
            perform(machine.received(), context)
            place.map(crowd.works)
        }
        context.fireChannelRead(data)
    }

    func read(context: ChannelHandlerContext) { if machine.reads { context.read() } }

    private static func isLast(_ fields: HTTPFields) -> Bool {
        fields[.connection]?.lowercased().split(separator: ",").contains { $0.trimmed == "close" } ?? false
    }

    // MARK: Out

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head) where head.status.code >= 200:
            if machine.answering(isLast: Self.isLast(head.headerFields)) { head.headerFields[.connection] = "close" }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .end:
            let done = promise ?? context.eventLoop.makePromise(of: Void.self)
            let box = NIOLoopBound((self, context, whenWritten), eventLoop: context.eventLoop)
            whenWritten = nil
            writing += 1
            done.futureResult.whenComplete { result in
                let (handler, context, whenWritten) = box.value
                handler.writing -= 1
                guard case .success = result else { return }
                whenWritten?.action()
                handler.answered(context)
            }
            context.write(data, promise: done)
        case .head, .body: context.write(data, promise: promise)
        }
    }

    func triggerUserOutboundEvent(
        context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?
    ) {
        guard let event = event as? WhenWritten else {
            return context.triggerUserOutboundEvent(event, promise: promise)
        }
        whenWritten = event
        promise?.succeed()
    }

    /// What was written goes out before the connection ends, as long as its time lasts.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .all, writing > 0, !isOverdue else { return context.close(mode: mode, promise: promise) }
        if let waiting = closing.promise {
            waiting.futureResult.cascade(to: promise)
        } else {
            closing.promise = promise
        }
        closing.isWanted = true
    }

    private func answered(_ context: ChannelHandlerContext) {
        let action = machine.answered()
        if closing.isWanted, writing == 0 {
            let promise = closing.promise
            closing.promise = nil
            return context.close(promise: promise)
        }
        perform(action, context)
        if !machine.isAtWork, let place { crowd.waits(place, context.channel) }
    }

    // MARK: Time

    private func perform(_ action: ConnectionMachine.Action, _ context: ChannelHandlerContext) {
        switch action {
        case .nothing: break
        case .startTimer: schedule(limit, context)
        case .rest: timer?.cancel()
        case .close: context.close(promise: nil)
        case .linger:
            context.close(mode: .output, promise: nil)
            schedule(min(Self.linger, limit), context)
        }
    }

    private func schedule(_ time: TimeAmount, _ context: ChannelHandlerContext) {
        timer?.cancel()
        let box = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: time) {
            let (handler, context) = box.value
            handler.isOverdue = true
            context.close(promise: nil)
        }
    }
}

extension Substring {
    fileprivate var trimmed: Substring { drop { $0 == " " }.prefix { $0 != " " } }
}
