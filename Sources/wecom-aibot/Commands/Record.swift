import ArgumentParser

/// A scrubbed scenario from the running program.
struct Record: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Record a scenario.")
    func run() async throws {}
}
