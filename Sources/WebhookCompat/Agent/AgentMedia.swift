public import Shared

/// Fetches what members send to an application, by media id.
public struct AgentMedia: Sendable {
    private let api: ServerAPI

    init(_ api: ServerAPI) { self.api = api }

    /// Fetches one file into a folder, in constant memory. Media ids are good for three days.
    ///
    /// - Parameters:
    ///   - reference: one with a `mediaID`.
    ///   - directory: folder that exists, as `MediaStore.folder(account:)` gives it.
    ///   - prefix: start of the file's name there, unique for the reference.
    public func fetch(
        _ reference: MediaReference, into directory: String, name prefix: String
    ) async -> Result<FetchedMedia, MediaFailure> {
        await api.download(reference, into: directory, name: prefix)
    }

    /// Fetches all media of a message that has ids and no paths yet, into today's folder of its account: gives it back with
    /// path, name, type and size, or with the reason why not.
    public func fetch(_ message: InboundMessage, into store: MediaStore) async -> InboundMessage {
        var message = message
        for index in message.parts.indices {
            guard case .media(var reference) = message.parts[index], reference.mediaID != nil, reference.path == nil
            else { continue }
            do throws(MediaFailure) {
                let folder = try store.folder(account: message.account.rawValue)
                let prefix = ServerAPI.hash("\(message.id.rawValue)\u{0}\(index)").map { String($0.prefix(16)) } ?? ""
                let media = try await fetch(reference, into: folder, name: "\(prefix)-\(index)").get()
                reference.path = media.path
                reference.name = media.name
                reference.mime = media.mime
                reference.bytes = media.bytes
            } catch {
                reference.failure = error.line(name: reference.name)
            }
            message.parts[index] = .media(reference)
        }
        return message
    }
}
