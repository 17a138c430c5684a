import Foundation
import Shared

/// Names of sessions, and the folders that belong to them.
struct SessionFolders: Sendable {
    private let root: String

    /// - Parameter stateFolder: folder of the program's state.
    init(stateFolder: String) { root = stateFolder + "/workspaces" }

    /// Account, kind and id, so that no two conversations share a session; safe as a folder name.
    static func name(of message: InboundMessage) -> String {
        let id = message.conversation.id.utf8.map { byte -> String in
            let scalar = Unicode.Scalar(byte)
            let plain = byte < 0x80 && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
            return plain || scalar == "-" || scalar == "_" ? String(scalar) : "%" + String(byte, radix: 16)
        }
        return "\(message.account)-\(message.conversation.kind.rawValue)-\(id.joined())"
    }

    /// Folder of the conversation, made when it is missing; nil when it cannot be made.
    func workspace(of message: InboundMessage) -> String? {
        let path = "\(root)/\(Self.name(of: message))"
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            return path
        } catch {
            return nil
        }
    }
}
