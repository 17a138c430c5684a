import Foundation
import Shared
import Simulator
import Testing

@Suite("What the application knows about people")
struct DirectoryTests {
    @Test("AG-7: backends hear the name of whoever writes, over every transport", arguments: Transport.allCases)
    func names(via: Transport) async throws {
        try await ThreeSides.run(
            agentBeside: true,
            answer: { request, reply in
                try await reply.append("hello \(request.message.sender.name ?? "stranger")")
            }
        ) { sides in
            try sides.simulator.post("hi", via: via)
            try await sides.wait(via) { $0.last?.finished == true && $0.last?.content == "hello 林薇" }
        }
    }

    @Test("AG-7: a name that cannot be had delays no answer")
    func withoutName() async throws {
        try await ThreeSides.run(
            agentBeside: true,
            answer: { request, reply in
                try await reply.append("hello \(request.message.sender.name ?? "stranger")")
            }
        ) { sides in
            sides.simulator.setFaults(
                SimulatorFaults([SimulatorFault(.errorCode, cmd: "cgi-bin/user/get", code: 48_002)]))
            try sides.simulator.post("hi", via: .webhook)
            try await sides.wait(.webhook) { $0.last?.finished == true && $0.last?.content == "hello stranger" }
        }
    }

    @Test("GW-3, AG-7: in a group of one department others get a line, and the backend is not asked")
    func department() async throws {
        let group = SimulatorGroup.demo.id
        try await ThreeSides.run(
            account: "groups: {\"\(group)\": {departmentId: \"2\"}}", agentBeside: true,
            answer: { request, reply in try await reply.append("for \(request.message.sender.id)") }
        ) { sides in
            for user in ["lin.wei", "mei.chen"] {
                try sides.simulator.post("hi", from: user, group: group, via: .webhook)
            }
            let key = ConversationKey(bot: ThreeSides.bot, chat: .group(group))
            try await sides.simulator.waitUntil(timeout: .seconds(60)) { core in
                core.view(of: key).filter { $0.from == .bot && $0.finished && !$0.waiting }.count == 2
            }
            let shown = sides.simulator.view(of: key).filter { $0.from == .bot }.compactMap(\.content)
            #expect(shown.contains { $0.hasPrefix("for ") } && shown.contains { $0.contains("🔒") }, "\(shown)")
        }
    }
}
