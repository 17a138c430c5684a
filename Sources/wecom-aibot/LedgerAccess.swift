import Foundation
import Gateway
import Persistence
import Shared

/// The ledger in the state folder.
enum Ledgers {
    /// Opens the ledger in the state folder of a configuration.
    ///
    /// - Parameter migrates: whether the caller holds the folder, and may bring the file up to date.
    /// - Throws: `Failure` when it cannot be opened.
    static func open(_ configuration: GatewayConfiguration, create: Bool = false, migrates: Bool = true) throws
        -> any LedgerStore
    {
        let path = configuration.gateway.stateFolder + "/ledger.sqlite"
        guard create || FileManager.default.fileExists(atPath: path) else {
            throw Failure(
                .notRunning,
                "no program runs with state folder \(configuration.gateway.stateDirectory), and there is no ledger in it; "
                    + "start `wecom-aibot run`")
        }
        do throws(LedgerTrouble) {
            return try SQLiteLedger(path: path, migrates: migrates)
        } catch {
            throw Failure(.failed, error.description)
        }
    }
}

extension ConfigFile {
    /// Asks the running program.
    ///
    /// - Throws: `Failure` with status 3 when none runs.
    func ask<Answer>(_ question: (AdminClient) async throws -> Answer) async throws -> Answer {
        try await Self.ask(try load(), question)
    }

    /// Asks the running program, or reads the ledger of one that is down.
    func ask<Answer>(
        _ question: (AdminClient) async throws -> Answer, orLedger reading: (LedgerReports) async throws -> Answer
    ) async throws -> Answer {
        let configuration = try load()
        do {
            return try await Self.ask(configuration, question)
        } catch let failure as Failure where failure.status == .notRunning {
            return try await reading(LedgerReports(ledger: try Ledgers.open(configuration, migrates: false)))
        }
    }

    /// Asks the running program, or changes the ledger of one that is down while keeping it from starting.
    func ask<Answer>(
        _ question: (AdminClient) async throws -> Answer, orChanging change: (LedgerReports) async throws -> Answer
    ) async throws -> Answer {
        let configuration = try load()
        do {
            return try await Self.ask(configuration, question)
        } catch let failure as Failure where failure.status == .notRunning {
            let lock = try StateLock.take(configuration)
            defer { withExtendedLifetime(lock) {} }
            return try await change(LedgerReports(ledger: try Ledgers.open(configuration)))
        }
    }

    private static func ask<Answer>(
        _ configuration: GatewayConfiguration, _ question: (AdminClient) async throws -> Answer
    ) async throws -> Answer {
        do {
            return try await question(AdminClient(configuration: configuration.gateway))
        } catch let error as AdminClient.NotRunning {
            throw Failure(.notRunning, error.description)
        } catch let error as AdminClient.NoAccess {
            throw Failure(.failed, error.description)
        } catch let problem as AdminProblem {
            throw Failure(problem.status == 400 ? .configuration : .failed, problem.description)
        }
    }
}

/// Prints data: JSON where asked for, else lines for a person.
enum Output {
    static func show(_ value: some Encodable, json: Bool, lines: [String]) throws {
        print(json ? try AdminJSON.text(value, pretty: true) : lines.joined(separator: "\n"))
    }
}
