/// How to reach a model behind a chat-completions interface.
///
/// Never prints its values: they hold the key.
public struct OpenAISettings: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// Address up to and including the version, for example `https://api.deepseek.com/v1`.
    public var baseURL: String
    /// Name of the model.
    public var model: String
    /// Bearer token; nil for servers that want none.
    public var apiKey: String?
    /// System prompt; nil or empty for none.
    public var system: String?
    /// Whether the model reads pictures. Reserved: no picture reaches a backend yet.
    public var vision: Bool
    /// Further request headers.
    public var headers: [String: String]
    /// Bound of the whole answer, retries included.
    public var timeout: Duration
    /// Bound until the first piece of an answer, reasoning included. Keep-alive lines do not count as one.
    public var firstTokenTimeout: Duration
    /// Bound of silence (not one byte) once bytes have come.
    public var stallTimeout: Duration

    /// Creates settings.
    public init(
        baseURL: String, model: String, apiKey: String? = nil, system: String? = nil, vision: Bool = false,
        headers: [String: String] = [:], timeout: Duration = .seconds(600),
        firstTokenTimeout: Duration = .seconds(300), stallTimeout: Duration = .seconds(120)
    ) {
        self.baseURL = baseURL
        self.model = model
        self.apiKey = apiKey
        self.system = system
        self.vision = vision
        self.headers = headers
        self.timeout = timeout
        self.firstTokenTimeout = firstTokenTimeout
        self.stallTimeout = stallTimeout
    }

    /// Name of the type alone.
    public var description: String { "OpenAISettings" }
    /// Name of the type alone.
    public var debugDescription: String { description }
    /// Shows nothing.
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// Address that requests go to.
    var endpoint: String {
        var base = baseURL[...]
        while base.last == "/" { base.removeLast() }
        return base.hasSuffix("/chat/completions") ? String(base) : base + "/chat/completions"
    }
}
