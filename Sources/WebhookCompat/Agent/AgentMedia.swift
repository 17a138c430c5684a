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
}
