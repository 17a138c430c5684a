import ArgumentParser
import Foundation
import Gateway
import Logging
import Shared

/// `--config`, and reading what it names.
struct ConfigFile: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("Configuration file (JSON5).", valueName: "file"))
    var config = "~/.wecom-aibot/config.json5"

    var path: String { (config as NSString).expandingTildeInPath }

    /// Where relative paths in the file start.
    var folder: String { URL(fileURLWithPath: path).deletingLastPathComponent().path }

    func read(resolvesSecrets: Bool = true) throws -> ConfigurationResult {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw Failure(
                .configuration,
                "\(path): cannot be read. Write it first, or name another file with --config; `wecom-aibot --help` shows the least one."
            )
        }
        return GatewayConfiguration.load(
            bytes: Array(data), file: path, environment: ProcessInfo.processInfo.environment,
            resolvesSecrets: resolvesSecrets,
            readFile: { try String(contentsOfFile: ($0 as NSString).expandingTildeInPath, encoding: .utf8) })
    }

    /// The configuration, with warnings on standard error. Whoever only talks to the running program, or looks into its
    /// ledger, needs no secrets.
    func load(resolvesSecrets: Bool = true) throws -> GatewayConfiguration {
        let result = try read(resolvesSecrets: resolvesSecrets)
        for warning in result.warnings { Main.complain("warning: \(warning)") }
        guard let configuration = result.configuration else {
            throw Failure(.configuration, result.errors.map(\.description).joined(separator: "\n"))
        }
        return configuration
    }
}

extension GatewayConfiguration {
    /// Logger as configured.
    func makeLogger(_ label: String) -> Logger {
        let level = Logger.Level(rawValue: gateway.log.level.rawValue) ?? .info
        let format: LogLines.Format = gateway.log.format == .json ? .json : .text
        return Logger(label: label) { _ in LogLines(format: format, level: level) }
    }
}
