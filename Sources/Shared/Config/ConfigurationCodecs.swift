extension ConfigurationCodec where Value == Bool {
    static var flag: Self {
        Self(
            type: "true or false",
            read: { flag, value, path, reader in
                guard case .bool(let given) = value.content else {
                    reader.typeMistake(
                        value, at: path, expected: "true or false", example: "true or false, without quotes")
                    return
                }
                flag = given
            },
            show: { .text($0 ? "true" : "false") })
    }
}

extension ConfigurationCodec where Value == Int {
    static func integer(_ range: ClosedRange<Int>) -> Self {
        Self(
            type: "whole number, \(range.lowerBound) to \(range.upperBound)",
            read: { number, value, path, reader in
                guard case .number = value.content else {
                    reader.typeMistake(
                        value, at: path, expected: "a whole number",
                        example: "a whole number from \(range.lowerBound) to \(range.upperBound), without quotes")
                    return
                }
                guard let given = value.integerValue, range.contains(given) else {
                    reader.mistake(
                        at: path, "the number is out of range or not whole",
                        "Write a whole number from \(range.lowerBound) to \(range.upperBound)")
                    return
                }
                number = given
            },
            show: { .text(String($0)) })
    }
}

extension ConfigurationCodec where Value == Duration {
    static func seconds(_ range: ClosedRange<Double>, offAtZero: Bool = false) -> Self {
        time(range, unit: "seconds", milliseconds: 1_000, offAtZero: offAtZero)
    }

    static func hours(_ range: ClosedRange<Double>, offAtZero: Bool = false) -> Self {
        time(range, unit: "hours", milliseconds: 3_600_000, offAtZero: offAtZero)
    }

    static func days(_ range: ClosedRange<Double>) -> Self {
        time(range, unit: "days", milliseconds: 86_400_000, offAtZero: false)
    }

    /// Decimals are kept to the millisecond.
    private static func time(_ range: ClosedRange<Double>, unit: String, milliseconds: Double, offAtZero: Bool) -> Self
    {
        let bounds = "\(shortNumber(range.lowerBound)) to \(shortNumber(range.upperBound))"
        let off = offAtZero ? ", or 0 to switch it off" : ""
        return Self(
            type: "\(unit), \(bounds)\(off)",
            read: { duration, value, path, reader in
                guard case .number = value.content, let given = value.doubleValue else {
                    reader.typeMistake(
                        value, at: path, expected: "a number of \(unit)",
                        example: "a number like 30 or 0.5, without quotes")
                    return
                }
                guard range.contains(given) || offAtZero && given == 0 else {
                    reader.mistake(
                        at: path, "the number of \(unit) is out of range", "Write a number from \(bounds)\(off)")
                    return
                }
                duration = .milliseconds(Int64((given * milliseconds).rounded()))
            },
            show: { duration in
                let (seconds, attoseconds) = duration.components
                let total = Double(seconds) * 1_000 + Double(attoseconds / 1_000_000_000_000_000)
                return .text(shortNumber(total / milliseconds))
            })
    }
}

/// A number without a needless `.0`.
private func shortNumber(_ number: Double) -> String {
    Int(exactly: number).map(String.init) ?? String(number)
}

extension ConfigurationCodec where Value == String {
    /// Free text; control characters other than tabs and line ends are refused.
    static func text(maxBytes: Int = 4_096) -> Self {
        Self(
            type: "string",
            read: { text, value, path, reader in
                guard let given = reader.string(value, at: path, maxBytes: maxBytes) else { return }
                text = given
            },
            show: ShownValue.string)
    }

    /// An id: text without spaces; a whole number is taken as its digits.
    static var identifier: Self {
        Self(
            type: "string (id)",
            read: { text, value, path, reader in
                if case .number(let source) = value.content, value.integerValue != nil {
                    text = source
                    return
                }
                guard let given = reader.string(value, at: path, maxBytes: 512) else { return }
                guard !given.contains(where: \.isWhitespace) else {
                    reader.mistake(
                        at: path, "the id has a space or line end in it", "Copy it again without the white space")
                    return
                }
                text = given
            },
            show: ShownValue.string)
    }

    /// An address with one of the schemes; `plain` schemes only for loopback hosts when `plainIsLocal`.
    static func url(secure: String, plain: String, plainIsLocal: Bool) -> Self {
        Self(
            type: plainIsLocal ? "\(secure):// URL (\(plain):// on loopback only)" : "\(plain):// or \(secure):// URL",
            read: { text, value, path, reader in
                guard let given = reader.string(value, at: path, maxBytes: 2_048) else { return }
                // An empty string is as good as none: the default stays.
                guard !given.isEmpty else { return }
                if let (problem, fix) = NetworkAddress.mistake(
                    in: given, secure: secure, plain: plain, plainIsLocal: plainIsLocal)
                {
                    reader.mistake(at: path, problem, fix)
                } else {
                    text = given
                }
            },
            show: ShownValue.string)
    }

    /// Any JSON object, kept as JSON text.
    static var json: Self {
        Self(
            type: "object (JSON Schema)",
            read: { text, value, path, reader in
                guard case .object = value.content else {
                    reader.typeMistake(
                        value, at: path, expected: "an object", example: "keys and values in braces: {key: …}")
                    return
                }
                text = value.jsonText
            },
            show: ShownValue.text)
    }
}

extension ConfigurationCodec where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
    static func choice() -> Self {
        let names = Value.allCases.map(\.rawValue)
        let list = names.map(JSON5Document.quoted).joined(separator: ", ")
        return Self(
            type: "one of " + list,
            read: { choice, value, path, reader in
                guard case .string(let name) = value.content else {
                    reader.typeMistake(value, at: path, expected: "one of \(list)", example: "one of \(list)")
                    return
                }
                guard let given = Value(rawValue: name) else {
                    let nearest = NearestKey.find(name, among: names).map { ", probably \(JSON5Document.quoted($0))" }
                    reader.mistake(at: path, "the value is not known", "Write one of \(list)" + (nearest ?? ""))
                    return
                }
                choice = given
            },
            show: { .string($0.rawValue) })
    }
}

extension ConfigurationCodec where Value == Secret? {
    static var secret: Self {
        Self(
            type: "secret",
            read: { secret, value, path, reader in
                if let given = reader.secret(value, at: path) { secret = given }
            },
            show: { $0.map { ShownValue.string($0.description) } ?? .null })
    }
}

extension ConfigurationCodec where Value == Secret {
    /// A secret inside a map.
    static var secretValue: Self {
        Self(
            type: "secret",
            read: { secret, value, path, reader in
                if let given = reader.secret(value, at: path) { secret = given }
            },
            show: { ShownValue.string($0.description) })
    }
}

extension ConfigurationCodec where Value == NetworkAddress? {
    static var listenAddress: Self {
        Self(
            type: "host:port, or \"\" for none",
            read: { address, value, path, reader in
                guard let given = reader.string(value, at: path, maxBytes: 300) else { return }
                guard !given.isEmpty else {
                    address = nil
                    return
                }
                guard let parsed = NetworkAddress(given) else {
                    reader.mistake(
                        at: path, "this is no listen address",
                        "Write host:port, such as \"127.0.0.1:18789\", with a port from 0 to 65535")
                    return
                }
                address = parsed
            },
            show: { .string($0?.description ?? "") })
    }
}

extension ConfigurationCodec where Value == EgressProxy {
    static var egressProxy: Self {
        Self(
            type: "\"http://[user:password@]host:port\", \"env\", or \"\" for none",
            read: { proxy, value, path, reader in
                guard let given = reader.secret(value, at: path, mayBeEmpty: true) else { return }
                guard let parsed = EgressProxy(given.reveal()) else {
                    reader.mistake(
                        at: path, "this is no proxy address",
                        "Write \"http://[user:password@]host:port\", \"env\" for the environment's proxy, or \"\" for none"
                    )
                    return
                }
                proxy = parsed
            },
            show: { .string($0.description) })
    }
}
