import Foundation

@testable import Shared

/// Card bodies in fixtures/cards.
enum CardFixtures {
    static let names = [
        "respond-card-button", "respond-card-multiple", "respond-card-news-notice", "respond-card-text-notice",
        "respond-card-vote", "send-card-single", "update-card", "update-card-vote-locked", "welcome-card",
    ]

    static func data(_ name: String) throws -> Data {
        let root = (0..<4).reduce(URL(fileURLWithPath: #filePath)) { url, _ in url.deletingLastPathComponent() }
        return try Data(contentsOf: root.appendingPathComponent("fixtures/cards/\(name).json"))
    }

    static func text(_ name: String) throws -> String { String(decoding: try data(name), as: UTF8.self) }

    static func card(_ name: String) throws -> TemplateCard { try TemplateCard(json: try text(name)) }
}
