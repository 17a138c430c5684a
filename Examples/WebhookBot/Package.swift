// swift-tools-version: 6.2
import PackageDescription

// A bot in callback mode in a package of its own. In yours, name the repository instead of the path.
let package = Package(
    name: "WebhookBot",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "wecom-aibot", path: "../..")],
    targets: [
        .executableTarget(
            name: "WebhookBot", dependencies: [.product(name: "WebhookCompat", package: "wecom-aibot")])
    ]
)
