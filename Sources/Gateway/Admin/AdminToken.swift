import Foundation
import Shared

/// The token of the admin listener.
enum AdminToken {
    /// Token in a file of the state folder, made (256 random bits, mode 0600) when there is none.
    ///
    /// - Throws: `GatewayError.invalidConfiguration` when the file can neither be read nor made.
    static func load(directory: String) throws(GatewayError) -> Secret {
        let path = directory + "/admin-token"
        if let text = try? String(contentsOfFile: path, encoding: .utf8) {
            let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
            if !token.isEmpty { return Secret(token) }
        }
        var generator = SystemRandomNumberGenerator()
        let token = (0..<32).map { _ in
            let byte = UInt8.random(in: .min ... .max, using: &generator)
            return (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
        guard write(token, path) else {
            throw GatewayError(
                .invalidConfiguration,
                "\(path) cannot be written: make gateway.stateDir writable, or give gateway.adminToken")
        }
        return Secret(token)
    }

    /// Made with its mode, so that it is at no time readable by others; an unreadable or empty one is replaced.
    private static func write(_ token: String, _ path: String) -> Bool {
        unlink(path)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let bytes = Array((token + "\n").utf8)
        return bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) } == bytes.count
    }

    /// Compares in a time that depends on what was sent alone.
    static func matches(_ given: some StringProtocol, _ expected: Secret) -> Bool {
        let expected = Array(expected.reveal().utf8)
        guard !expected.isEmpty else { return false }
        var difference = 0
        var count = 0
        for byte in given.utf8 {
            difference |= Int(byte ^ expected[count % expected.count])
            count += 1
        }
        return difference | (count ^ expected.count) == 0
    }
}
