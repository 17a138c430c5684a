import Foundation
import Shared
import Testing

@testable import Backends

@Suite(.timeLimit(.minutes(1))) struct CommandBackendTests {
    private let clock = ManualClock()
    private let reply = RecordingReply()

    private func backend(
        _ script: String, change: (inout CommandSettings) -> Void = { _ in }
    ) -> CommandBackend {
        var settings = CommandSettings(command: ["/bin/sh", "-c", script], killGrace: .milliseconds(300))
        change(&settings)
        return CommandBackend(settings: settings, clock: clock, logger: Samples.logger)
    }

    /// Whether the process is gone, or dead and not yet collected by the system.
    private func isGone(_ pid: String) -> Bool {
        guard let stat = FileManager.default.contents(atPath: "/proc/\(pid)/stat") else { return true }
        return String(decoding: stat, as: UTF8.self).contains(") Z ")
    }

    /// Number that the program printed first.
    private func firstLine() -> String { String(reply.text.prefix { $0 != "\n" }) }

    @Test("GW-10: plain output is the answer")
    func plain() async throws {
        try await backend("printf '你好\\n'; printf 'world'").answer(Samples.request(), to: reply)
        #expect(reply.text == "你好\nworld")
    }

    @Test("GW-10: JSON lines become text, reasoning, files and cards")
    func jsonLines() async throws {
        let script = """
            echo '{"thinking":"t"}'; echo '{"delta":"a"}'; echo '{"text":"ab"}'
            echo '{"file":"out.png","kind":"image"}'; echo '{"template_card":{"x":1}}'; echo '{"done":true}'; echo '{"delta":"late"}'
            """
        try await backend(script).answer(Samples.request(), to: reply)
        #expect(reply.thoughts == "t")
        #expect(reply.text == "ab")
        #expect(
            reply.attachments
                == [.file(location: "out.png", kind: .image, name: nil), .card(json: "{\"x\":1}")])
    }

    @Test("GW-10: the request is on the standard input, which is then closed")
    func standardInput() async throws {
        let request = Samples.request(String(repeating: "长", count: 100_000))
        try await backend("cat").answer(request, to: reply)
        // A request has none of the keys of an answer, so it is taken as text.
        #expect(reply.text == String(decoding: try RequestEncoder.encode(request), as: UTF8.self) + "\n")
    }

    @Test("GW-10: a program need not read its input")
    func ignoresInput() async throws {
        try await backend("exec 0<&-; echo ok").answer(
            Samples.request(String(repeating: "x", count: 1 << 20)), to: reply)
        #expect(reply.text == "ok\n")
    }

    @Test(
        "GW-10, OPS-3: another exit status is a failure, with the size of the standard error, which may quote messages")
    func exitStatus() async throws {
        let script = "echo part; head -c 100000 /dev/zero | tr '\\0' x >&2; echo 'the end' >&2; exit 3"
        let failure = await failure { try await backend(script).answer(Samples.request(), to: reply) }
        #expect(failure?.userText == "处理程序出错了,请稍后再试。")
        #expect(
            failure?.detail == "exit status 3; standard error: 100008 bytes (gateway.log.messageText shows the end)")
        #expect(reply.text == "part\n")
    }

    @Test("GW-10: the end of the standard error is in the log where the settings allow it")
    func standardError() async throws {
        let script = "head -c 100000 /dev/zero | tr '\\0' x >&2; echo 'the end' >&2; exit 3"
        let failure = await failure {
            try await backend(script) { $0.showsStandardError = true }.answer(Samples.request(), to: reply)
        }
        #expect(failure?.detail.hasPrefix("exit status 3; standard error: xxx") == true)
        #expect(failure?.detail.hasSuffix("xxxthe end") == true)
        #expect((failure?.detail.utf8.count ?? 0) < 4200)
    }

    @Test("GW-10: a program that dies by a signal, or is not there, is a failure")
    func noProgram() async throws {
        let killed = await failure { try await backend("kill -9 $$").answer(Samples.request(), to: reply) }
        #expect(killed?.detail == "ended by a signal")
        for command in [["/nonexistent/program"], ["nonexistent-program"], []] {
            let failure = await failure {
                try await backend("") { $0.command = command }.answer(Samples.request(), to: reply)
            }
            #expect(failure?.userText != nil, "\(command)")
        }
    }

    @Test("GW-10: an error object is shown to the person and ends the task")
    func errorObject() async throws {
        let failure = await failure {
            try await backend(#"echo '{"delta":"a"}'; echo '{"error":"额度用完了"}'"#).answer(Samples.request(), to: reply)
        }
        #expect(failure?.userText == "额度用完了")
        #expect(reply.text == "a")
    }

    @Test("GW-10: megabytes of output come whole, and slowly taken output is not lost")
    func bigOutput() async throws {
        try await backend("i=0; while [ $i -lt 50 ]; do head -c 65537 /dev/zero | tr '\\0' y; i=$((i+1)); done")
            .answer(Samples.request(), to: reply)
        #expect(reply.text.utf8.count == 50 * 65_537)
    }

    @Test("GW-10: a JSON line beyond the bound is a failure that keeps the text before it")
    func hugeLine() async throws {
        let script = #"echo '{"delta":"a"}'; head -c 2000000 /dev/zero | tr '\0' x; sleep 60"#
        let failure = await failure { try await backend(script).answer(Samples.request(), to: reply) }
        #expect(failure?.detail.hasPrefix("a line beyond") == true)
        #expect(reply.text == "a")
    }

    @Test("GW-10: the program runs in the workspace, in a group of its own, with the environment")
    func surroundings() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "backend-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let program = folder.appending(path: "answer.sh")
        try Data("#!/bin/sh\npwd; echo \"$PATH\"; ps -o pgid= -p $$ | tr -d ' '; echo $$; echo \"$1\"\n".utf8).write(
            to: program)
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: program.path)
        try await backend("") {
            $0.command = ["./answer.sh", "two words $HOME"]
            $0.baseDirectory = folder.path
        }.answer(Samples.request(workspace: folder.path), to: reply)
        let lines = reply.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        try #require(lines.count >= 5)
        #expect(lines[0] == folder.path)
        #expect(lines[1] == ProcessInfo.processInfo.environment["PATH"])
        #expect(lines[2] == lines[3])
        #expect(lines[4] == "two words $HOME")
    }

    @Test("GW-10: a time-out ends the program and its children, even those that ignore SIGTERM")
    func timeout() async throws {
        let script = "sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1; done' & sleep 60"
        async let ended = failure { try await backend(script).answer(Samples.request("hi there"), to: reply) }
        await reply.wait { !$0.isEmpty }
        #expect(!isGone(firstLine()))
        clock.advance(by: .seconds(600))
        let failure = await ended
        #expect(failure?.userText == "The answer was cut off here. Please ask again.")
        #expect(failure?.detail == "time-out after 600.0 s")
        #expect(isGone(firstLine()))
    }

    @Test("GW-10: cancelling ends the program and its children, and gives them time after SIGTERM")
    func cancellation() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "backend-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        // The leader goes at once; its child needs a moment to put its things in order.
        let script =
            "sh -c 'trap \"sleep 0.1; echo saved > saved; exit\" TERM; echo $$; while :; do sleep 0.05; done' & wait"
        let backend = backend(script) { $0.killGrace = .seconds(20) }
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await backend.answer(Samples.request(workspace: folder.path), to: reply) }
            await reply.wait { !$0.isEmpty }
            group.cancelAll()
            await #expect(throws: CancellationError.self) { try await group.waitForAll() }
        }
        #expect(isGone(firstLine()))
        #expect(FileManager.default.contents(atPath: folder.path + "/saved") == Data("saved\n".utf8))
    }

    @Test("GW-10: children that outlive the program do not outlive the answer, nor hold it up")
    func leftovers() async throws {
        try await backend("sleep 600 & echo $!").answer(Samples.request(), to: reply)
        #expect(isGone(firstLine()))
    }

    @Test("GW-10: a program that stays after its answer is stopped, which is no failure")
    func lingering() async throws {
        try await backend(#"echo '{"delta":"a"}'; echo '{"done":true}'; exec sleep 600"#) {
            $0.exitGrace = .milliseconds(200)
        }
        .answer(Samples.request(), to: reply)
        try await backend("echo b; exec >&- 2>&-; sleep 600") { $0.exitGrace = .milliseconds(200) }
            .answer(Samples.request(), to: reply)
        #expect(reply.text == "ab\n")
    }

    @Test("GW-10: a refusal of the reply ends the program and is passed on")
    func replyRefuses() async throws {
        struct Full: Error {}
        let ended = await error {
            try await backend("echo a; sleep 600").answer(Samples.request(), to: RecordingReply(refusing: Full()))
        }
        #expect(ended is Full)
    }

    @Test("GW-10: group members are told apart by a stat line whose name may hold anything")
    func statLine() {
        #expect(ProcessGroup.isMember(stat: "12 (a) b) 3) S 1 77 77 0", of: 77))
        #expect(!ProcessGroup.isMember(stat: "12 (sh) Z 1 77 77 0", of: 77))
        #expect(!ProcessGroup.isMember(stat: "12 (sh) S 1 78 77 0", of: 77))
        #expect(!ProcessGroup.isMember(stat: "nonsense", of: 77))
    }
}
