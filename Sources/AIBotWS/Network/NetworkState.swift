/// How the machine is connected, as far as connections depend on it.
package struct NetworkState: Hashable, Sendable {
    /// An address of an interface.
    package struct Address: Hashable, Sendable {
        var interface: String
        /// 4 or 16 bytes.
        var bytes: [UInt8]

        package init(interface: String, bytes: [UInt8]) {
            self.interface = interface
            self.bytes = bytes
        }

        /// Every interface has one of these, those of containers too, and nothing is reached through them.
        var isLinkLocal: Bool {
            bytes.count == 4 ? bytes.starts(with: [169, 254]) : bytes[0] == 0xFE && bytes[1] & 0xC0 == 0x80
        }
    }

    /// Addresses of its own that others can know: neither loopback nor link-local.
    package var addresses: Set<Address>
    /// Default routes, in words of the kernel.
    package var routes: Set<String>
    /// Seconds that it has slept, from some moment on. What was connected before is connected no more, even when all looks the same.
    package var slept: Int64

    package init(addresses: Set<Address>, routes: Set<String> = [], slept: Int64 = 0) {
        self.addresses = addresses
        self.routes = routes
        self.slept = slept
    }

    /// Default routes in `/proc/net/route`: interface, gateway and metric.
    static func routes(v4 table: String) -> Set<String> {
        rows(table) { fields in
            // Destination and mask.
            guard fields.count > 7, fields[1] == "00000000", fields[7] == "00000000" else { return nil }
            return [fields[0], fields[2], fields[6]]
        }
    }

    /// Default routes in `/proc/net/ipv6_route`. Those of the loopback interface refuse.
    static func routes(v6 table: String) -> Set<String> {
        rows(table) { fields in
            guard fields.count > 9, fields[1] == "00", fields[9] != "lo" else { return nil }
            return [fields[9], fields[4], fields[5]]
        }
    }

    private static func rows(_ table: String, _ pick: ([Substring]) -> [Substring]?) -> Set<String> {
        Set(
            table.split(separator: "\n").compactMap { line in
                pick(line.split { $0 == " " || $0 == "\t" })?.joined(separator: " ")
            })
    }
}
