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
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioWebSocket = Target.Dependency.product(name: "NIOWebSocket", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")

let package = Package(
    name: "wecom-aibot",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "AIBotWS", targets: ["AIBotWS"]),
        .executable(name: "wecom-aibot", targets: ["wecom-aibot"]),
        .executable(name: "bench-bot", targets: ["bench-bot"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
    ],
    targets: [
        .systemLibrary(
            name: "CLibWebSockets", pkgConfig: "libwebsockets", providers: [.apt(["libwebsockets-dev", "libcap-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libssl libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(name: "Shared", dependencies: [collections, logging], swiftSettings: swiftSettings),
        .target(
            name: "AIBotWS", dependencies: ["Shared", "CLibWebSockets", collections, logging, lifecycle],
            swiftSettings: swiftSettings),
        .target(name: "WebhookCompat", dependencies: ["Shared"], swiftSettings: swiftSettings),
        .target(
            name: "Backends",
            dependencies: [
                "Shared", logging, httpClient, nioCore, nioHTTP1,
                .product(name: "Subprocess", package: "swift-subprocess"),
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "Gateway", dependencies: ["Shared", "AIBotWS", "WebhookCompat", "Backends", logging, lifecycle, httpClient],
            swiftSettings: swiftSettings),
        .target(
            name: "Simulator",
            dependencies: [
                logging, lifecycle, nioCore, nioPosix, nioHTTP1, nioWebSocket, nioSSL,
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "_CryptoExtras", package: "swift-crypto"),
                .product(name: "X509", package: "swift-certificates"),
            ],
            resources: [.copy("ChatPage")],
            swiftSettings: swiftSettings),
        .target(
            name: "Scenarios",
            dependencies: ["Shared", "AIBotWS", "WebhookCompat", "Simulator", logging],
            swiftSettings: swiftSettings),
        .executableTarget(
            name: "wecom-aibot",
            dependencies: [
                "Shared", "AIBotWS", "Backends", "Gateway", "Simulator", "Scenarios", logging, lifecycle,
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: swiftSettings),
        .executableTarget(name: "bench-bot", dependencies: ["Shared", "AIBotWS", logging], swiftSettings: swiftSettings),
    ]
)
