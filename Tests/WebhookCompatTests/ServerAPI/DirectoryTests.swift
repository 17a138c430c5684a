import Shared
import Testing

@testable import WebhookCompat

@Suite("Directory of an enterprise")
struct DirectoryTests {
    private static func script(_ request: QyapiRequest) -> QyapiAnswer? {
        switch request.api {
        case "user/get" where request.query("userid") == "lin.wei":
            .json(
                #"{"errcode":0,"errmsg":"ok","userid":"lin.wei","name":"林伟","department":[5],"position":"x","status":1}"#
            )
        case "user/get" where request.query("userid") == "bare": .json(#"{"errcode":0,"errmsg":"ok","userid":"bare"}"#)
        case "user/get": .error(60_111, "userid not found")
        case "department/list":
            .json(
                #"{"errcode":0,"department":[{"id":1,"name":"All","parentid":0,"order":1},{"id":2,"name":"R","parentid":1},"#
                    + #"{"id":5,"parentid":2},{"id":8,"parentid":9},{"id":9,"parentid":8}]}"#)
        default: nil
        }
    }

    @Test("AG-7: members are looked up once in ten minutes, also those that do not exist, without regard to case")
    func members() async throws {
        try await AgentBench.with(Self.script) { bench in
            for id in ["lin.wei", "LIN.WEI", "nobody", "Nobody"] {
                let member = try await bench.api.member(id)
                #expect((member?.name == "林伟") == id.lowercased().hasPrefix("lin"))
            }
            #expect(bench.server.requests.count == 2)
            let found1 = try await bench.api.member("bare")
            #expect(found1?.name == "")
            bench.clock.advance(by: .seconds(600))
            _ = try await bench.api.member("lin.wei")
            #expect(bench.server.requests.count == 4)
            bench.api.forgetDirectory()
            _ = try await bench.api.member("lin.wei")
            #expect(bench.server.requests.count == 5)
        }
    }

    @Test("AG-7: a member belongs to its departments and to all above them, and a circle ends")
    func departments() async throws {
        try await AgentBench.with(Self.script) { bench in
            for (department, isIn) in [(5, true), (2, true), (1, true), (8, false), (77, false)] {
                let found2 = try await bench.api.isMember("lin.wei", ofDepartment: department)
                #expect(found2 == isIn, "\(department)")
            }
            let found3 = try await bench.api.isMember("nobody", ofDepartment: 1)
            #expect(found3 == false)
            #expect(bench.server.requests.count == 3)
        }
    }

    @Test("AG-7: a look-up that fails is not kept")
    func failure() async throws {
        try await AgentBench.with({ _ in .error(60_011) }) { bench in
            for _ in 0..<2 {
                await #expect(throws: ServerAPIFailure.refused(PlatformError(code: 60_011, origin: .serverAPI))) {
                    try await bench.api.member("lin.wei")
                }
            }
            #expect(bench.server.requests.count == 2)
        }
    }

    @Test("AG-7: what is remembered has a bound, and the latest are in it")
    func bound() throws {
        var cache = DirectoryCache()
        for index in 0..<10_100 { cache.keep(nil, id: "u\(index)", now: 0) }
        #expect((0..<10_100).count { cache.member("u\($0)", now: 0) != nil } == 10_000)
        #expect(cache.member("u10099", now: 0) != nil)
        #expect(cache.member("u10099", now: 600_000) == nil)
    }
}
