import AIBotWS
import Foundation
import Shared
import Testing

@testable import Gateway

@Suite("Gateway: the way out")
struct EgressTests {
    private static let environment = [
        "https_proxy": "http://user:p%40ss@secure.example:3128", "http_proxy": "http://plain.example",
        "no_proxy": ".intra.example, 192.0.2.7, other.example:8443",
    ]

    @Test(
        "net.proxy: P29, AG-9: each address has the proxy that the environment names for it",
        arguments: [
            ("https://qyapi.weixin.qq.com/cgi-bin/x", "http://user:p%40ss@secure.example:3128"),
            ("http://cos.example/a", "http://plain.example:80"), ("https://MEDIA.intra.example/a", nil),
            ("https://192.0.2.7/", nil), ("https://other.example:8443/", nil),
            ("https://other.example/", "http://user:p%40ss@secure.example:3128"),
        ] as [(String, String?)])
    func environment(address: String, expected: String?) throws {
        let egress = Egress(.environment, environment: Self.environment)
        #expect(try egress.proxyURL(for: try #require(URL(string: address))) == expected)
        #expect(try egress.proxyURLs().count == 2)
        #expect(try Egress(.none, environment: Self.environment).proxyURLs().isEmpty)
    }

    @Test("net.proxy: P29: a variable that is no proxy address is named, without what it holds")
    func noProxyAddress() throws {
        let egress = Egress(.environment, environment: ["https_proxy": "socks5://user:pass@host:1"])
        let error = #expect(throws: URLProblem.self) { try egress.proxyURLs() }
        #expect(error?.description.contains("only http:// proxies") == true)
        #expect(error?.description.contains("pass") == false)
    }
}
