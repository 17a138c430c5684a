import AIBotWS
public import Shared
import WebhookCompat

/// What each channel can carry, as a table: the same data that answers are planned by.
public enum CapabilityTable {
    /// Every channel of the program.
    public static let channels = [LongConnection.capabilities, WebhookChannels.bot, WebhookChannels.agent]

    /// One property of all channels.
    public struct Row: Hashable, Sendable, Codable {
        /// What it is about.
        public var name: String
        /// By transport name.
        public var cells: [String: String]
    }

    /// Every property, in the order of the table.
    public static var rows: [Row] {
        properties.map { name, cell in
            Row(name: name, cells: Dictionary(uniqueKeysWithValues: channels.map { ($0.channel, cell($0)) }))
        }
    }

    private static let properties: [(String, @Sendable (Capabilities) -> String)] = [
        ("chats", { words($0.conversations.map(\.rawValue), of: ["direct", "group", "department", "tag"]) }),
        (
            "receives",
            { media($0.mediaIn, besides: $0.mediaIn.contains(.voice) ? ["text"] : ["text", "voice as text"]) }
        ),
        ("sends", { media($0.mediaOut, besides: $0.cards ? ["text", "card"] : ["text"]) }),
        ("growing answer", { $0.streams ? "yes" : "no" }),
        ("bubbles per message", { $0.streams ? $0.bubblesPerMessage.map(String.init) ?? "any number" : "-" }),
        ("a bubble grows for", { $0.streams ? seconds($0.streamWindow) : "-" }),
        ("text of one message", { "\($0.maxTextBytes) bytes" }),
        ("pictures", { $0.bubbleImages.map { "with the last frame, up to \($0.count)" } ?? "messages of their own" }),
        ("writes first", { $0.pushes ? "yes" : "no" }),
        ("late answer", { late($0) }),
        ("cards late, in", { $0.lateReply.map { words($0.cards.map(\.rawValue), of: ["direct", "group"]) } ?? "-" }),
        ("greets within", { $0.welcomeWindow.map(seconds) ?? "the answer to the callback" }),
        ("connection", { $0.hasSession ? "outbound, kept open" : "a request for each message" }),
        ("answers where it was asked", { $0.streams || $0.pushes ? "yes" : "no" }),
        ("edits, takes back what was sent", { _ in "no" }),
        ("threads, reactions, effects", { _ in "no" }),
        ("polls", { $0.cards ? "as vote cards" : "no" }),
        ("group management, native commands", { _ in "no" }),
    ]

    private static func words(_ given: [String], of order: [String]) -> String {
        order.filter(given.contains).joined(separator: ", ")
    }

    private static func media(_ kinds: Set<MediaReference.Kind>, besides: [String]) -> String {
        (besides + ["image", "voice", "video", "file"].filter { kinds.map(\.rawValue).contains($0) })
            .joined(separator: ", ")
    }

    private static func seconds(_ duration: Duration) -> String { "\(Int(duration.inSeconds)) s" }

    private static func late(_ capabilities: Capabilities) -> String {
        if let late = capabilities.lateReply { return "one message within \(seconds(late.window)) (response_url)" }
        return capabilities.pushes ? "push, at any time" : "no"
    }

    /// The table in Markdown.
    public static func markdown() -> String {
        let names = channels.map(\.channel)
        var lines = ["| | " + names.joined(separator: " | ") + " |", "|---" + names.map { _ in "|---" }.joined() + "|"]
        for row in rows {
            lines.append("| \(row.name) | " + names.map { row.cells[$0] ?? "-" }.joined(separator: " | ") + " |")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
