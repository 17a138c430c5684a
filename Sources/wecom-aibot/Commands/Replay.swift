import ArgumentParser

/// Fixture scenarios against the real client.
struct Replay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Play fixture scenarios against the real client.")
    func run() async throws {}
}

/// A scrubbed scenario from the running program.
struct Record: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Record a scenario.")
    func run() async throws {}
}
