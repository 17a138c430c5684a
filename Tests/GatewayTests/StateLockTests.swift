import Foundation
import Testing

@testable import Gateway

@Suite("State folder")
struct StateLockTests {
    private let folder = "/tmp/state-\(UUID().uuidString.prefix(13))"

    @Test("OPS-1: the folder is made with those above it, and is one program's at a time")
    func held() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let lock = try StateLock(directory: folder + "/a/b")
        let mode = try FileManager.default.attributesOfItem(atPath: folder + "/a/b")[.posixPermissions] as? Int
        #expect(mode == 0o700)
        let trouble = #expect(throws: StateLock.Trouble.self) { _ = try StateLock(directory: folder + "/a/b") }
        #expect(trouble == .held(directory: folder + "/a/b", pid: "\(getpid())"))
        withExtendedLifetime(lock) {}
    }

    @Test("OPS-1: a folder that cannot be had is named, with the system's reason and what to do")
    func unusable() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data("file".utf8).write(to: URL(fileURLWithPath: folder + "/file"))
        for path in [folder + "/file", folder + "/file/below", folder + "/file/below/it", ""] {
            let trouble = #expect(throws: StateLock.Trouble.self) { _ = try StateLock(directory: path) }
            let words = trouble?.description ?? ""
            #expect(words.contains("gateway.stateDir") && !words.contains("Error Domain"), "\(words)")
            #expect(words.contains("Not a directory") || path.isEmpty, "\(words)")
        }
    }
}
