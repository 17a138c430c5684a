extension ConfigurationReader {
    /// Checks backends, bindings, tools and scheduled messages.
    mutating func checkReferences(_ configuration: GatewayConfiguration) {
        for (name, backend) in configuration.backends.sorted(by: { $0.key < $1.key }) {
            check(backend, at: JSON5Path("backends", name), tools: Array(configuration.tools.keys))
        }
        for (index, binding) in configuration.bindings.enumerated() {
            check(binding, at: JSON5Path("bindings").appending(index: index), configuration)
        }
        checkUnbound(configuration)
        for (name, tool) in configuration.tools.sorted(by: { $0.key < $1.key }) where tool.command.isEmpty {
            needOnce(JSON5Path("tools", name, "command"), "a tool needs command", "Write command: [\"./program\"]")
        }
        var names: Set<String> = []
        for (index, job) in configuration.cron.enumerated() {
            let path = JSON5Path("cron").appending(index: index)
            check(job, at: path, configuration)
            if !job.name.isEmpty, !names.insert(job.name).inserted {
                mistake(at: path.appending("name"), "two scheduled messages have this name", "Rename one")
            }
        }
    }

    /// Reports a missing key, unless it is given and was refused already.
    private mutating func needOnce(_ path: JSON5Path, _ problem: String, _ fix: String) {
        switch document.value(at: path)?.content {
        case nil, .null, .string(""), .array([]): mistake(at: path, problem, fix)
        default: return
        }
    }

    private mutating func check(_ backend: GatewayConfiguration.Backend, at path: JSON5Path, tools: [String]) {
        // A refused type was reported already.
        if let type = document.value(at: path.appending("type"))?.content {
            guard type == .string(backend.type.rawValue) else { return }
        } else if document.value(at: path) != nil {
            mistake(
                at: path.appending("type"), "a backend needs type",
                "Write one of \"echo\", \"openai\", \"command\", \"http\"")
            return
        }
        let keys: [String]
        switch backend.type {
        case .echo: keys = []
        case .openai:
            keys = ["baseUrl", "model", "apiKey", "headers", "system", "vision", "tools"]
            let url = "baseUrl: \"http://127.0.0.1:11434/v1\""
            if backend.baseURL.isEmpty {
                needOnce(path.appending("baseUrl"), "type openai needs baseUrl", "Write " + url)
            }
            if backend.model.isEmpty {
                needOnce(path.appending("model"), "type openai needs model", "Write the model's name")
            }
        case .command:
            keys = ["command"]
            if backend.command.first?.isEmpty ?? true {
                needOnce(path.appending("command"), "type command needs command", "Write command: [\"./answer.py\"]")
            }
        case .http:
            keys = ["url", "headers"]
            if backend.url.isEmpty {
                needOnce(path.appending("url"), "type http needs url", "Write url: \"http://127.0.0.1:9000/chat\"")
            }
        }
        warnOfForeignKeys(backend.type, allowed: keys, at: path)
        for tool in backend.tools ?? [] where !tools.contains(tool) {
            warn(
                at: path.appending("tools"), "there is no tool named \(JSON5Document.quoted(tool))",
                Self.suggestion(tool, among: tools, section: "tools"))
        }
    }

    private mutating func warnOfForeignKeys(
        _ type: GatewayConfiguration.BackendType, allowed: [String], at path: JSON5Path
    ) {
        guard case .object(let members)? = document.value(at: path)?.content else { return }
        let common = ["type", "timeoutSeconds"]
        let known = GatewayConfiguration.Backend.fields.map(\.name)
        for member in members where known.contains(member.key) && !(common + allowed).contains(member.key) {
            warn(
                at: path.appending(member.key), "a backend of type \(type.rawValue) does not use this key",
                "Remove it, or change type")
        }
    }

    private mutating func check(
        _ binding: GatewayConfiguration.Binding, at path: JSON5Path, _ configuration: GatewayConfiguration
    ) {
        let names = Array(configuration.backends.keys)
        if binding.backend.isEmpty {
            needOnce(
                path.appending("backend"), "a binding needs backend", "Write one of \(Self.list(names))")
        } else if configuration.backends[binding.backend] == nil {
            mistake(
                at: path.appending("backend"), "there is no backend named \(JSON5Document.quoted(binding.backend))",
                Self.suggestion(binding.backend, among: names, section: "backends"))
        }
        checkAccount(binding.match.account, at: path.appending("match").appending("account"), configuration)
    }

    private mutating func checkAccount(_ name: String, at path: JSON5Path, _ configuration: GatewayConfiguration) {
        let accounts = configuration.wecom.accounts
        guard !name.isEmpty, accounts[name] == nil else { return }
        mistake(
            at: path, "there is no account named \(JSON5Document.quoted(name))",
            Self.suggestion(name, among: Array(accounts.keys), section: "channels.wecom.accounts"))
    }

    /// Without a backend named `default` and with several, something must catch what no binding catches.
    private mutating func checkUnbound(_ configuration: GatewayConfiguration) {
        let names = Array(configuration.backends.keys)
        guard names.count > 1, configuration.backends[GatewayConfiguration.defaultBackend] == nil else { return }
        let bindings = configuration.bindings
        func catchesAll(_ account: String) -> Bool {
            bindings.contains {
                $0.match.group.isEmpty && $0.match.user.isEmpty
                    && ($0.match.account.isEmpty || $0.match.account == account)
            }
        }
        guard configuration.wecom.accounts.keys.contains(where: { !catchesAll($0) }) else { return }
        mistake(
            at: JSON5Path("backends"),
            "there are \(names.count) backends, none is named default, and not every message has a binding",
            "Name one default, or add a binding without match")
    }

    private mutating func check(
        _ job: GatewayConfiguration.CronJob, at path: JSON5Path, _ configuration: GatewayConfiguration
    ) {
        let needed = [
            ("name", job.name, "\"brief\""), ("cron", job.schedule, "\"0 9 * * 1-5\""),
            ("message", job.message, "\"…\""), ("to", job.target, "\"user:lin.wei\""),
        ]
        for (key, value, example) in needed where value.isEmpty {
            needOnce(path.appending(key), "a scheduled message needs \(key)", "Write \(key): \(example)")
        }
        if !job.schedule.isEmpty, !CronFields.areWellFormed(job.schedule) {
            mistake(
                at: path.appending("cron"), "this is no cron expression",
                "Write five fields: minute, hour, day of month, month, day of week, such as \"0 9 * * 1-5\"")
        }
        if !job.channel.isEmpty, job.channel != "wecom" {
            mistake(at: path.appending("channel"), "there is no such channel", "Write \"wecom\", or remove the key")
        }
        checkAccount(job.account, at: path.appending("account"), configuration)
    }
}

/// The outer form of a cron expression.
enum CronFields {
    private static let ranges = [0...59, 0...23, 1...31, 1...12, 0...7]
    private static let names = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "sun", "mon", "tue", "wed",
        "thu", "fri", "sat",
    ]

    /// Whether there are five fields of numbers, names, ranges, lists and steps in their ranges.
    static func areWellFormed(_ text: String) -> Bool {
        let fields = text.split(whereSeparator: \.isWhitespace)
        guard fields.count == ranges.count else { return false }
        return zip(fields, ranges).allSatisfy { field, range in
            field.split(separator: ",", omittingEmptySubsequences: false).allSatisfy { isPart($0, range) }
        }
    }

    private static func isPart(_ part: Substring, _ range: ClosedRange<Int>) -> Bool {
        let pieces = part.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(pieces.count) else { return false }
        if pieces.count == 2 {
            guard let step = Int(pieces[1]), (1...range.upperBound).contains(step) else { return false }
        }
        if pieces[0] == "*" { return true }
        let ends = pieces[0].split(separator: "-", omittingEmptySubsequences: false)
        guard (1...2).contains(ends.count) else { return false }
        let isName: (Substring) -> Bool = { names.contains($0.lowercased()) && range.upperBound <= 12 }
        guard ends.allSatisfy({ isName($0) || Int($0).map(range.contains) == true }) else { return false }
        if ends.count == 2, let low = Int(ends[0]), let high = Int(ends[1]) { return low <= high }
        return true
    }
}
