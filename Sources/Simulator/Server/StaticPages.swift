import Foundation
import NIOHTTP1

/// The chat page: files of the `ChatPage` resource folder, under `/page/`.
struct StaticPages: Sendable {
    private let folder: URL?

    init(folder: URL? = StaticPages.resourceFolder) { self.folder = folder }

    /// Folder of the resources beside the program; nil when the program was copied without them.
    static var resourceFolder: URL? {
        let places = [
            Bundle.main.resourceURL, Bundle.main.bundleURL, Bundle.main.executableURL?.deletingLastPathComponent(),
        ]
        for place in places.compactMap({ $0 }) {
            for suffix in ["resources", "bundle"] {
                let folder = place.appendingPathComponent("wecom-aibot_Simulator.\(suffix)/ChatPage")
                if FileManager.default.fileExists(atPath: folder.appendingPathComponent("index.html").path) {
                    return folder
                }
            }
        }
        return nil
    }

    func file(_ path: String) -> HTTPReply {
        let name = path == "/" ? "index.html" : String(path.dropFirst("/page/".count))
        let parts =
            (name.isEmpty ? "index.html" : name).removingPercentEncoding?
            .split(separator: "/", omittingEmptySubsequences: false) ?? []
        let isSafe = !parts.isEmpty && parts.allSatisfy { !$0.isEmpty && !$0.hasPrefix(".") && !$0.contains("\\") }
        guard let folder, isSafe,
            let data = try? Data(contentsOf: folder.appendingPathComponent(parts.joined(separator: "/")))
        else { return .error(.notFound, "no such page") }
        let headers: HTTPHeaders = [
            "Content-Type": Self.contentType(String(parts.last ?? "")), "Cache-Control": "no-store",
            "Content-Security-Policy": "default-src 'self'; img-src 'self' data: https: http:",
        ]
        return HTTPReply(status: .ok, headers: headers, body: .bytes(Array(data)))
    }

    private static func contentType(_ name: String) -> String {
        switch name.split(separator: ".").last {
        case "html": "text/html; charset=utf-8"
        case "js", "mjs": "text/javascript; charset=utf-8"
        case "css": "text/css; charset=utf-8"
        case "json": "application/json; charset=utf-8"
        case "svg": "image/svg+xml"
        case "png": "image/png"
        case "jpg", "jpeg": "image/jpeg"
        case "gif": "image/gif"
        case "ico": "image/x-icon"
        case "woff2": "font/woff2"
        case "txt", "md": "text/plain; charset=utf-8"
        default: "application/octet-stream"
        }
    }
}
