// swift-tools-version: 6.2
import PackageDescription

// A bot in a package of its own. In yours, name the repository instead of the path.
let package = Package(
    name: "EchoBot",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "wecom-aibot", path: "../..")],
    targets: [
        .executableTarget(name: "EchoBot", dependencies: [.product(name: "AIBotWS", package: "wecom-aibot")])
    ]
)
