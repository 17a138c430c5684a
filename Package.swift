// swift-tools-version: 6.2
import PackageDescription

/// One set of settings for every target: Swift 6 mode, explicit existentials and import visibility.
/// Warnings become errors where the environment asks for it (CI does), never for a package that depends on us.
let swiftSettings: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
    ] + (Context.environment["WARNINGS_AS_ERRORS"] == "1" ? [.treatAllWarnings(as: .error)] : [])

let collections = Target.Dependency.product(name: "Collections", package: "swift-collections")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioWebSocket = Target.Dependency.product(name: "NIOWebSocket", package: "swift-nio")
let nioConcurrency = Target.Dependency.product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "_CryptoExtras", package: "swift-crypto")
let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")

let package = Package(
    name: "wecom-aibot",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "AIBotWS", targets: ["AIBotWS"]),
        .library(name: "WebhookCompat", targets: ["WebhookCompat"]),
        .executable(name: "wecom-aibot", targets: ["wecom-aibot"]),
        .executable(name: "bench-bot", targets: ["bench-bot"]),
        .executable(name: "bench-gateway", targets: ["bench-gateway"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
    ],
    targets: [
        .systemLibrary(
            name: "CLibWebSockets", pkgConfig: "libwebsockets", providers: [.apt(["libwebsockets-dev", "libcap-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libssl libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(
            name: "Shared", dependencies: ["COpenSSL", collections, logging, httpClient, nioCore, nioHTTP1],
            swiftSettings: swiftSettings),
        .target(
            name: "AIBotWS", dependencies: ["Shared", "CLibWebSockets", "COpenSSL", collections, logging, lifecycle],
            swiftSettings: swiftSettings),
        .target(
            name: "Persistence",
            dependencies: [
                "Shared", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "WebhookCompat",
            dependencies: [
                "Shared", collections, logging, lifecycle, httpClient, hummingbird, nioCore, nioPosix, nioHTTP1,
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "Backends",
            dependencies: [
                "Shared", logging, httpClient, nioCore, nioHTTP1, nioSSL,
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "Gateway",
            dependencies: [
                "Shared", "AIBotWS", "WebhookCompat", "Persistence", "Backends", logging, lifecycle, httpClient,
                hummingbird, nioCore, nioHTTP1,
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "Simulator",
            dependencies: [
                logging, lifecycle, httpClient, nioCore, nioPosix, nioHTTP1, nioWebSocket, nioConcurrency, nioSSL,
                crypto,
                cryptoExtras, x509, asn1,
            ],
            resources: [.copy("ChatPage")],
            swiftSettings: swiftSettings),
        .target(
            name: "Scenarios",
            dependencies: ["Shared", "AIBotWS", logging, nioCore, nioPosix, nioHTTP1, nioWebSocket],
            swiftSettings: swiftSettings),
        .executableTarget(
            name: "wecom-aibot",
            dependencies: [
                "Shared", "AIBotWS", "Persistence", "Backends", "Gateway", "Simulator", "Scenarios", logging, lifecycle,
                unixSignals,
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: swiftSettings),
        .executableTarget(
            name: "example-echo-bot", dependencies: ["AIBotWS"], path: "Examples/EchoBot/Sources/EchoBot",
            swiftSettings: swiftSettings),
        .executableTarget(
            name: "example-webhook-bot", dependencies: ["WebhookCompat"],
            path: "Examples/WebhookBot/Sources/WebhookBot",
            swiftSettings: swiftSettings),
        .executableTarget(
            name: "bench-gateway", dependencies: ["Gateway", "Persistence", "Shared", logging],
            swiftSettings: swiftSettings
        ),
        .executableTarget(name: "bench-bot", dependencies: ["AIBotWS", logging], swiftSettings: swiftSettings),
        .testTarget(
            name: "SharedTests",
            dependencies: ["Shared", "COpenSSL", logging, httpClient, nioCore, nioPosix, nioHTTP1],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "AIBotWSTests",
            dependencies: [
                "AIBotWS", "Shared", logging, nioCore, nioPosix, nioHTTP1, nioWebSocket, nioSSL, crypto, x509, asn1,
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "BackendsTests",
            dependencies: ["Backends", "Shared", logging, httpClient, nioCore, nioPosix, nioHTTP1],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "SimulatorTests",
            dependencies: [
                "Simulator", logging, nioCore, nioPosix, nioHTTP1, nioWebSocket, nioConcurrency, nioSSL, crypto,
                cryptoExtras,
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "AIBotWS", "Gateway", "Persistence", "Shared", "Simulator", lifecycle, logging, httpClient, nioCore,
                nioPosix,
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "PersistenceTests",
            dependencies: ["Persistence", "Shared", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "GatewayTests",
            dependencies: [
                "Gateway", "Shared", "AIBotWS", "Backends", "Persistence", "WebhookCompat", "Simulator", logging,
                lifecycle,
                httpClient, nioCore, nioPosix, nioHTTP1,
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "ReliabilityTests", dependencies: ["Simulator", crypto],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "WebhookCompatTests",
            dependencies: [
                "WebhookCompat", "Shared", "Simulator", logging, lifecycle, httpClient, nioCore, nioPosix, nioHTTP1,
            ],
            swiftSettings: swiftSettings),
        .testTarget(name: "DocsTests", dependencies: ["Gateway", "Shared"], swiftSettings: swiftSettings),
        .testTarget(
            name: "ScenariosTests", dependencies: ["Scenarios", "AIBotWS", "Shared", logging],
            swiftSettings: swiftSettings),
    ]
)
