import ArgumentParser
import Foundation
import Gateway
import Logging
import Shared

/// Looking at the configuration.
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Check and show the configuration.",
        subcommands: [Check.self, Show.self, Keys.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check the file: every problem with its line, key and fix.",
            discussion: "Exit status 0 when it can run, 2 when not. Warnings do not change the status.")

        @OptionGroup var file: ConfigFile

        func run() throws {
            let result = try file.read()
            for warning in result.warnings { Main.complain("warning: \(warning)") }
            guard let configuration = result.configuration else {
                throw Failure(.configuration, result.errors.map(\.description).joined(separator: "\n"))
            }
            try check(configuration)
            for key in configuration.notYetEffective() {
                Main.complain("warning: \(file.path): \(key.keyPath): \(key.sentence)")
            }
            for sentence in configuration.accessSentences() { print(sentence) }
            print("\(file.path): ok")
        }

        /// Whatever `run` would not start with, the files that it reads included.
        private func check(_ configuration: GatewayConfiguration) throws {
            do {
                try Gateway(
                    configuration, environment: ProcessInfo.processInfo.environment,
                    logger: Logger(label: "check") { _ in SwiftLogNoOpLogHandler() }
                ).check()
            } catch let error as GatewayError {
                throw Failure(.configuration, "\(file.path): \(error.message)")
            }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the configuration in canonical form, secrets left out.")

        @OptionGroup var file: ConfigFile

        @Flag(help: "Print defaults too.")
        var defaults = false

        func run() throws { print(try file.load().text(includingDefaults: defaults)) }
    }

    struct Keys: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print every key with its type, default and meaning (Markdown).")

        func run() { print(ConfigurationReference.markdown()) }
    }
}
