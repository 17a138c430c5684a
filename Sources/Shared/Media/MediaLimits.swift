/// What a channel takes as media, as data: bytes and types of each kind.
public struct MediaLimits: Hashable, Sendable {
    /// Bound of one kind.
    public struct Rule: Hashable, Sendable {
        /// Largest size in bytes.
        public var maxBytes: Int
        /// Media types that it takes; nil for all.
        public var types: Set<String>?

        /// Creates a rule.
        public init(maxBytes: Int, types: Set<String>? = nil) {
            self.maxBytes = maxBytes
            self.types = types
        }
    }

    /// Rules by kind. What fits no other kind goes as `.file`; without that rule it is refused.
    public var rules: [MediaReference.Kind: Rule]
    /// Smallest size in bytes.
    public var minBytes: Int
    /// Longest name in UTF-8 bytes.
    public var maxNameBytes: Int

    /// Creates limits.
    public init(rules: [MediaReference.Kind: Rule], minBytes: Int, maxNameBytes: Int) {
        self.rules = rules
        self.minBytes = minBytes
        self.maxNameBytes = maxNameBytes
    }

    /// The long connection: sizes in bytes of the raw file. Documented by the platform; the smallest size was observed.
    public static let longConnection = MediaLimits(
        rules: [
            .image: Rule(maxBytes: 10 << 20, types: ["image/png", "image/jpeg", "image/gif"]),
            .voice: Rule(maxBytes: 2 << 20, types: ["audio/amr"]),
            .video: Rule(maxBytes: 10 << 20, types: ["video/mp4"]),
            .file: Rule(maxBytes: 20 << 20),
        ],
        minBytes: 5, maxNameBytes: 256)

    /// An application: what the platform's pages call MB is read as 10^6 bytes to be safe, and a file has more than 5 bytes.
    public static let application = MediaLimits(
        rules: [
            .image: Rule(maxBytes: 10_000_000, types: ["image/png", "image/jpeg"]),
            .voice: Rule(maxBytes: 2_000_000, types: ["audio/amr"]),
            .video: Rule(maxBytes: 10_000_000, types: ["video/mp4"]),
            .file: Rule(maxBytes: 20_000_000),
        ],
        minBytes: 6, maxNameBytes: 200)

    /// Largest size of any kind.
    public var maxBytes: Int { rules.values.map(\.maxBytes).max() ?? 0 }

    /// What a file is sent as: the kind that its bytes are, else a file; nil when it is too large for both.
    /// `wanted` counts only as the wish for a plain file, since the platform checks the bytes against the kind.
    func kind(of type: MediaType, bytes: Int, wanted: MediaReference.Kind?) -> MediaReference.Kind? {
        if wanted != .file {
            for kind in [MediaReference.Kind.image, .voice, .video] {
                guard let rule = rules[kind], bytes <= rule.maxBytes else { continue }
                if rule.types?.contains(type.mime) ?? false { return kind }
            }
        }
        guard let rule = rules[.file], bytes <= rule.maxBytes, rule.types?.contains(type.mime) ?? true else {
            return nil
        }
        return .file
    }
}

extension Int {
    /// Size for a person: `20 MB`, `1.5 MB`, `800 KB`; 1 MB is 1,048,576 bytes.
    var asSize: String {
        if self >= 1 << 20 {
            let tenths = Int(Double(self) / 1_048_576 * 10)
            return tenths.isMultiple(of: 10) ? "\(tenths / 10) MB" : "\(tenths / 10).\(tenths % 10) MB"
        }
        return self >= 1 << 10 ? "\(self >> 10) KB" : "\(self) B"
    }
}
