import ArgumentParser
import Foundation
import Gateway

/// What each channel can carry.
struct CapabilitiesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "capabilities", abstract: "What each channel can carry (Markdown).",
        discussion: "The same data that answers are planned by: aibot-ws is the long connection.")

    @Flag(help: "As JSON: one object for each property.")
    var json = false

    func run() throws {
        guard json else { return print(CapabilityTable.markdown(), terminator: "") }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        print(String(decoding: try encoder.encode(CapabilityTable.rows), as: UTF8.self))
    }
}
