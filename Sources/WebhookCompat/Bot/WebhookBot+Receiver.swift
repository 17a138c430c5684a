import Logging
import Shared

extension WebhookBot {
    /// The bot as the receiver of an endpoint.
    public func receiver(_ endpoint: CallbackEndpoint) -> CallbackReceiver {
        CallbackReceiver(endpoint: endpoint) { callback in
            guard case .json(let content) = callback.payload else { return CallbackReceiver.Reply() }
            switch await self.answer(content, generation: callback.generation) {
            case .empty: return CallbackReceiver.Reply()
            case .busy: return nil
            case .passive(let reply):
                let json = reply.json { count in
                    self.logger.warning(
                        "pictures of an answer cannot be read any more; the answer names them",
                        metadata: .init([.count: count]))
                }
                return CallbackReceiver.Reply(message: json) { self.written(reply) }
            }
        }
    }
}
