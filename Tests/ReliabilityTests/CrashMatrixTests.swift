import Foundation
import Simulator
import Testing

/// `CRASH_POINTS` kills (default 30), ten to a round, from seed `CRASH_SEED`; `CRASH_KEEP=1` keeps the folders.
@Suite("The program is killed at any moment")
struct CrashMatrixTests {
    static let pointsPerRound = 10

    private static func setting(_ name: String, default fallback: Int) -> Int {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? fallback
    }

    @Test("WS-15: nothing that was accepted is lost, and whatever is seen twice is named by the ledger")
    func crashMatrix() async throws {
        let points = Self.setting("CRASH_POINTS", default: 30)
        let seed = UInt64(Self.setting("CRASH_SEED", default: 20_260_901))
        var random = Random(seed: seed)
        var total = Tally()
        var lines = [Tally.line("seed \(seed)", Tally.head)]
        var number = 1
        for round in 0..<(points + Self.pointsPerRound - 1) / Self.pointsPerRound {
            let count = min(Self.pointsPerRound, points - round * Self.pointsPerRound)
            let regime = Regime.allCases[round % Regime.allCases.count]
            let plans = (0..<count).map { _ in KillPlan.random(using: &random) }
            let book = Book(firstNumber: number, firstPoint: round * Self.pointsPerRound + 1)
            let begin = ContinuousClock.now
            let tally = try await Self.play(regime, plans, book, seed: seed &+ UInt64(round))
            let time = (ContinuousClock.now - begin).components.seconds
            lines.append(Tally.line("\(round + 1) \(regime.rawValue), \(time) s", tally.cells.map(String.init)))
            total.add(tally)
            number = book.nextNumber
        }
        lines.append(Tally.line("all", total.cells.map(String.init)))
        lines += [total.killLine, total.sideLine]
        print((lines + total.notes.prefix(40) + total.problems.prefix(100)).joined(separator: "\n"))
        #expect(total.points == points)
        #expect(total.accepted >= points, "too little was accepted to prove anything")
        for side in Side.allCases {
            #expect((total.sides[side] ?? 0) * 8 >= points, "too little was accepted by \(side) to prove anything")
        }
        #expect(total.answered + total.apologized + total.doubtful == total.accepted)
        #expect(total.doubtful * 50 <= total.accepted, "more than 2 % were left in doubt")
        #expect(total.apologized * 50 <= total.accepted, "more than 2 % were given up")
        #expect(total.pushes > 0, "no `send` in this build")
        #expect(total.missing == 0)
        #expect(total.unnamed == 0)
        #expect(total.unfinished == 0)
        #expect(total.strays == 0)
        #expect(total.refused == 0)
        #expect(total.problems.isEmpty)
    }

    private static func play(
        _ regime: Regime, _ plans: [KillPlan], _ book: Book, seed: UInt64
    ) async throws -> Tally {
        let folder = URL(fileURLWithPath: "/tmp/crash-\(getpid())-\(book.point)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let program = Program(executable: try Program.find(), folder: folder)
        let commands = try await program.commands()
        let port = try FreePort.find()
        let platform = Round.platform(regime, callbacksTo: port, seed: seed)
        let tally = try await PlatformSimulator.withRunning(configuration: platform) { simulator in
            try await Round(
                regime: regime, plans: plans, seed: seed, simulator: simulator, program: program, commands: commands,
                book: book, port: port
            ).play()
        }
        if tally.problems.isEmpty, setting("CRASH_KEEP", default: 0) == 0 {
            try FileManager.default.removeItem(at: folder)
        } else {
            print("round kept in \(folder.path)")
        }
        return tally
    }
}
