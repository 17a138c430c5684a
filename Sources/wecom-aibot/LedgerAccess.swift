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
    /// - Throws: `Failure` with status 3 when none runs, or another user's.
    func ask<Answer>(_ question: (AdminClient) async throws -> Answer) async throws -> Answer {
        let configuration = try load(resolvesSecrets: false)
        do { return try await question(AdminClient(configuration: configuration.gateway)) } catch {
            throw Self.failure(error)
        }
    }

    /// Asks the running program, or reads the ledger of one that is down.
    func ask<Answer>(
        _ question: (AdminClient) async throws -> Answer, orLedger reading: (LedgerReports) async throws -> Answer
    ) async throws -> Answer {
        let configuration = try load(resolvesSecrets: false)
        do {
            return try await question(AdminClient(configuration: configuration.gateway))
        } catch is AdminClient.NotRunning {
            return try await reading(LedgerReports(ledger: try Ledgers.open(configuration, migrates: false)))
        } catch {
            throw Self.failure(error)
        }
    }

    /// Asks the running program, or changes the ledger of one that is down while keeping it from starting.
    func ask<Answer>(
        _ question: (AdminClient) async throws -> Answer, orChanging change: (LedgerReports) async throws -> Answer
    ) async throws -> Answer {
        let configuration = try load(resolvesSecrets: false)
        do {
            return try await question(AdminClient(configuration: configuration.gateway))
        } catch is AdminClient.NotRunning {
            let lock = try StateLock.take(configuration)
            defer { withExtendedLifetime(lock) {} }
            return try await change(LedgerReports(ledger: try Ledgers.open(configuration)))
        } catch {
            throw Self.failure(error)
        }
    }

    private static func failure(_ error: any Error) -> any Error {
        switch error {
        case let error as AdminClient.NotRunning: Failure(.notRunning, error.description)
        case let error as AdminClient.NoAccess: Failure(.notRunning, error.description)
        case let problem as AdminProblem:
            Failure(problem.status == 400 ? .configuration : .failed, problem.description)
        default: error
        }
    }
}

/// Prints data: JSON where asked for, else lines for a person.
enum Output {
    static func show(_ value: some Encodable, json: Bool, lines: [String]) throws {
        print(json ? try AdminJSON.text(value, pretty: true) : lines.joined(separator: "\n"))
    }
}
