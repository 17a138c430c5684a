/// A part of the configuration that is an object in the file. Its stored defaults are the documented defaults.
protocol ConfigurationSection: Sendable {
    /// All defaults.
    init()
    /// Every key of this object: the one place that names it, types it and says what it means.
    static var fields: [ConfigurationField<Self>] { get }
}

/// One key of a section: how to read it, how to print it, what it means.
struct ConfigurationField<Root> {
    let name: String
    let meaning: String
    /// Why setting it changes nothing yet; nil when it works.
    let withoutEffect: String?
    /// Printed even when it has its default, because the file must give it.
    let isRequired: Bool
    /// Read here, but documented and printed elsewhere (account keys that stand at `channels.wecom` as defaults).
    var isHidden = false
    let type: String
    /// The keys below it, for a section or a map of sections.
    let nestedKeys: (String) -> [ConfigurationKey]
    let read: (inout Root, JSON5Value, JSON5Path, inout ConfigurationReader) -> Void
    /// Puts the built-in default back: what `null` in the file means.
    let reset: (inout Root) -> Void
    let show: (Root) -> ShownValue
    /// The keys below it that are set and change nothing yet.
    let nestedWithoutEffect: (Root, JSON5Path) -> [KeyWithoutEffect]

    init<Value>(
        _ name: String, _ place: WritableKeyPath<Root, Value>, _ codec: ConfigurationCodec<Value>, _ meaning: String,
        withoutEffect: String? = nil, isRequired: Bool = false
    ) where Root: ConfigurationSection {
        self.name = name
        self.isRequired = isRequired
        self.meaning = meaning
        self.withoutEffect = withoutEffect
        type = codec.type
        nestedKeys = codec.nestedKeys
        read = { root, value, path, reader in codec.read(&root[keyPath: place], value, path, &reader) }
        reset = { root in root[keyPath: place] = Root()[keyPath: place] }
        show = { root in codec.show(root[keyPath: place]) }
        nestedWithoutEffect = { root, path in codec.withoutEffect(root[keyPath: place], path) }
    }

    /// The field of a part, as a field of the whole.
    init<Part>(lifting field: ConfigurationField<Part>, to place: WritableKeyPath<Root, Part>) {
        name = field.name
        meaning = field.meaning
        withoutEffect = field.withoutEffect
        isRequired = field.isRequired
        isHidden = true
        type = field.type
        nestedKeys = field.nestedKeys
        read = { root, value, path, reader in field.read(&root[keyPath: place], value, path, &reader) }
        reset = { root in field.reset(&root[keyPath: place]) }
        show = { root in field.show(root[keyPath: place]) }
        nestedWithoutEffect = { root, path in field.nestedWithoutEffect(root[keyPath: place], path) }
    }

    /// The same field with another way to read it.
    init(_ field: Self, read: @escaping (inout Root, JSON5Value, JSON5Path, inout ConfigurationReader) -> Void) {
        name = field.name
        meaning = field.meaning
        withoutEffect = field.withoutEffect
        isRequired = field.isRequired
        isHidden = field.isHidden
        type = field.type
        nestedKeys = field.nestedKeys
        self.read = read
        reset = field.reset
        show = field.show
        nestedWithoutEffect = field.nestedWithoutEffect
    }
}

/// How one type of value is read from the file and printed back.
struct ConfigurationCodec<Value> {
    /// The type in words, for the reference.
    let type: String
    var nestedKeys: (String) -> [ConfigurationKey] = { _ in [] }
    /// Changes the value that stands there (the default, or what an outer level said); on a mistake reports it and changes nothing.
    let read: (inout Value, JSON5Value, JSON5Path, inout ConfigurationReader) -> Void
    let show: (Value) -> ShownValue
    var withoutEffect: (Value, JSON5Path) -> [KeyWithoutEffect] = { _, _ in [] }
}

/// A value of the configuration as it is printed: secrets are already replaced.
indirect enum ShownValue: Sendable, Equatable {
    case text(String)
    case list([ShownValue])
    case object([ShownMember])

    static let null = ShownValue.text("null")

    static func string(_ text: String) -> ShownValue { .text(JSON5Document.quoted(text)) }
}

/// One key of a printed section.
struct ShownMember: Sendable, Equatable {
    let name: String
    let value: ShownValue
    let isDefault: Bool
}

extension ConfigurationSection {
    mutating func read(_ value: JSON5Value, at path: JSON5Path, with reader: inout ConfigurationReader) {
        guard case .object(let members) = value.content else {
            reader.typeMistake(value, at: path, expected: "an object", example: "keys and values in braces: {key: …}")
            return
        }
        let fields = Self.fields
        let names = fields.map(\.name)
        let byKey = Dictionary(members.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
        for member in members where !names.contains(member.key) {
            reader.unknownKey(member, at: path, known: names)
        }
        for field in fields {
            guard let value = byKey[field.name] else { continue }
            if value.content == .null {
                field.reset(&self)
            } else {
                field.read(&self, value, path.appending(field.name), &reader)
            }
        }
    }

    var shown: ShownValue {
        let defaults = Self()
        return .object(
            Self.fields.filter { !$0.isHidden }.map { field in
                let value = field.show(self)
                let isDefault = !field.isRequired && value == field.show(defaults)
                return ShownMember(name: field.name, value: value, isDefault: isDefault)
            })
    }
}

extension ConfigurationCodec where Value: ConfigurationSection {
    static var section: Self {
        Self(
            type: "object", nestedKeys: { ConfigurationKeys.keys(of: Value.self, below: $0) },
            read: { $0.read($1, at: $2, with: &$3) }, show: { $0.shown },
            withoutEffect: { GatewayConfiguration.keysWithoutEffect(in: $0, below: $1) })
    }
}

extension ConfigurationCodec {
    /// An object whose keys are free names; each starts from `initial`, or from what an outer level gave for that name.
    static func map<Element>(
        _ element: ConfigurationCodec<Element>, initial: Element, named placeholder: String, most: Int
    ) -> Self where Value == [String: Element] {
        Self(
            type: "object of \(element.type)",
            nestedKeys: { element.nestedKeys("\($0).<\(placeholder)>") },
            read: { map, value, path, reader in
                guard case .object(let members) = value.content else {
                    reader.typeMistake(
                        value, at: path, expected: "an object", example: "names and values in braces: {name: …}")
                    return
                }
                guard reader.accepts(count: members.count, most: most, at: path) else { return }
                for member in members {
                    if member.value.content == .null {
                        map[member.key] = nil
                    } else {
                        element.read(
                            &map[member.key, default: initial], member.value, path.appending(member.key), &reader)
                    }
                }
            },
            show: { map in
                .object(
                    map.sorted { $0.key < $1.key }.map {
                        ShownMember(name: $0.key, value: element.show($0.value), isDefault: false)
                    })
            },
            withoutEffect: { map, path in
                map.sorted { $0.key < $1.key }.flatMap { element.withoutEffect($0.value, path.appending($0.key)) }
            })
    }

    /// A list; it replaces what an outer level gave.
    static func list<Element>(_ element: ConfigurationCodec<Element>, initial: Element, most: Int) -> Self
    where Value == [Element] {
        Self(
            type: "list of \(element.type)", nestedKeys: { element.nestedKeys("\($0)[]") },
            read: { list, value, path, reader in
                guard case .array(let elements) = value.content else {
                    reader.typeMistake(
                        value, at: path, expected: "a list", example: "a list in brackets, even for one element: [ … ]")
                    return
                }
                guard reader.accepts(count: elements.count, most: most, at: path) else { return }
                list = elements.enumerated().map { index, value in
                    var item = initial
                    element.read(&item, value, path.appending(index: index), &reader)
                    return item
                }
            },
            show: { .list($0.map(element.show)) },
            withoutEffect: { list, path in
                list.enumerated().flatMap { element.withoutEffect($0.element, path.appending(index: $0.offset)) }
            })
    }

    /// A value that may be absent.
    static func optional<Wrapped>(_ codec: ConfigurationCodec<Wrapped>, initial: Wrapped) -> Self
    where Value == Wrapped? {
        Self(
            type: codec.type, nestedKeys: codec.nestedKeys,
            read: { value, source, path, reader in
                let before = reader.errors.count
                var wrapped = value ?? initial
                codec.read(&wrapped, source, path, &reader)
                if reader.errors.count == before { value = wrapped }
            },
            show: { $0.map(codec.show) ?? .null })
    }
}
