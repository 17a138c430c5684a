import Foundation
import Testing

@testable import Shared

@Suite struct MediaStoreTests {
    /// 2026-11-21 10:00:00 UTC.
    private static let now: Int64 = 1_795_255_200_000
    private let scratch: Scratch
    private let store: MediaStore

    init() throws {
        scratch = try Scratch()
        store = MediaStore(
            directory: scratch.path + "/media/", retention: .seconds(24 * 3_600),
            clock: ManualClock(unixMilliseconds: Self.now))
    }

    /// Writes a file that was last touched so many hours ago.
    @discardableResult
    private func write(_ name: String, hoursAgo: Double) throws -> String {
        let path = try scratch.write(name, [1])
        let date = Date(timeIntervalSince1970: Double(Self.now) / 1_000 - hoursAgo * 3_600)
        try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: path)
        return path
    }

    @Test("media.in: P12: a folder for each account and day, readable for its owner alone")
    func folders() throws {
        #expect(try store.folder(account: "default") == scratch.path + "/media/default/2026-11-21")
        #expect(try store.folder(account: "default") == scratch.path + "/media/default/2026-11-21")
        #expect(try store.folder(account: "../a/b") == scratch.path + "/media/%2E%2E%2Fa%2Fb/2026-11-21")
        #expect(try scratch.names("media") == ["%2E%2E%2Fa%2Fb", "default"])
        for path in ["media", "media/default", "media/default/2026-11-21"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: scratch.path + "/" + path)
            #expect(attributes[.posixPermissions] as? Int == 0o700)
        }
    }

    @Test("media.in: P12: a place that is taken by something else is not written to")
    func takenPlaces() throws {
        let outside = try scratch.folder("outside")
        _ = try scratch.folder("media")
        try FileManager.default.createSymbolicLink(
            atPath: scratch.path + "/media/linked", withDestinationPath: outside)
        try scratch.write("media/file", [1])
        #expect(throws: MediaFailure.unwritable) { try store.folder(account: "linked") }
        #expect(throws: MediaFailure.unwritable) { try store.folder(account: "file") }
        #expect(try scratch.names("outside").isEmpty)
    }

    @Test("media.in: P12: old files go, young ones and those in use stay, and empty days go with them")
    func cleaning() throws {
        try write("media/a/2026-11-18/gone", hoursAgo: 60)
        let used = try write("media/a/2026-11-19/used", hoursAgo: 48)
        try write("media/a/2026-11-19/gone", hoursAgo: 48)
        try write("media/a/2026-11-20/old", hoursAgo: 24.1)
        try write("media/a/2026-11-20/young", hoursAgo: 23.9)
        try write("media/b/2026-11-21/.x.part", hoursAgo: 0)
        #expect(store.clean(keeping: [used]) == 3)
        #expect(try scratch.names("media/a") == ["2026-11-19", "2026-11-20"])
        #expect(try scratch.names("media/a/2026-11-19") == ["used"])
        #expect(try scratch.names("media/a/2026-11-20") == ["young"])
        #expect(try scratch.names("media/b/2026-11-21") == [".x.part"])
        // At the start nobody is writing.
        #expect(store.clean(keeping: [], atStart: true) == 2)
        #expect(try scratch.names("media/b") == ["2026-11-21"])
        #expect(try scratch.names("media/b/2026-11-21").isEmpty)
        #expect(MediaStore(directory: "/nonexistent", retention: .zero, clock: ManualClock()).clean(keeping: []) == 0)
    }

    @Test("media.in: P12: cleaning never leaves its folder and follows no symbolic link")
    func containment() throws {
        let outside = try write("outside/2026-11-01/file", hoursAgo: 500)
        let loose = try write("media/loose", hoursAgo: 500)
        let other = try write("media/a/notes/file", hoursAgo: 500)
        try write("media/a/2026-11-02/old", hoursAgo: 400)
        let manager = FileManager.default
        let link = { (name: String, target: String) in
            try manager.createSymbolicLink(atPath: scratch.path + "/media/" + name, withDestinationPath: target)
        }
        try link("account", scratch.path + "/outside")
        try link("a/2026-11-01", scratch.path + "/outside/2026-11-01")
        try link("a/2026-11-02/link", outside)
        #expect(store.clean(keeping: [], atStart: true) == 1)
        for path in [outside, loose, other] { #expect(manager.fileExists(atPath: path)) }
        #expect(try scratch.names("media/a/2026-11-02") == ["link"])
    }

    @Test("media.in: P12: a file in use stays when its path was made real on the way")
    func realPaths() throws {
        let kept = try write("media/a/2026-11-01/kept", hoursAgo: 400)
        let alias = scratch.path + "/alias"
        try FileManager.default.createSymbolicLink(atPath: alias, withDestinationPath: scratch.path + "/media")
        let store = MediaStore(
            directory: alias, retention: .seconds(3_600), clock: ManualClock(unixMilliseconds: Self.now))
        #expect(store.clean(keeping: [kept]) == 0)
        #expect(store.clean(keeping: [alias + "/a/2026-11-01/kept"]) == 0)
        #expect(store.clean(keeping: []) == 1)
    }
}
