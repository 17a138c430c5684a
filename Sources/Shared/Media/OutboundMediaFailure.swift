/// Why a file that an answer names is not sent. Never carries a path or an address.
public enum OutboundMediaFailure: Error, Hashable, Sendable {
    /// It lies in none of the folders from which files may be sent.
    case outside
    /// There is no such file.
    case notFound
    /// A folder, a device or something else that is no regular file.
    case notRegular
    /// It exists and cannot be read.
    case unreadable
    /// Fewer bytes than the platform takes; the least number of bytes.
    case tooSmall(minBytes: Int)
    /// More bytes than the platform takes; the limit in bytes.
    case tooLarge(limit: Int)
    /// The location is of a form that is not understood.
    case badLocation
    /// It could not be fetched or stored.
    case fetch(MediaFailure)

    /// Stable word for logs and metrics.
    public var logWord: String {
        switch self {
        case .outside: "media_outside_roots"
        case .notFound: "media_not_found"
        case .notRegular: "media_not_regular"
        case .unreadable: "media_unreadable"
        case .tooSmall: "media_too_small"
        case .tooLarge: "media_too_large"
        case .badLocation: "media_bad_location"
        case .fetch(let failure): failure.logWord
        }
    }

    /// One sentence for the person who waits for the file, in Chinese and English, saying what can be done.
    ///
    /// - Parameter name: name of the file for a person; never its address.
    public func line(name: String?) -> String {
        let (chinese, english) = sentences
        let title = name.map { "「\($0)」" } ?? ""
        let subject = name.map { "“\($0)”" } ?? "A file"
        return "📎 文件\(title)\(chinese) / \(subject) \(english)"
    }

    private var sentences: (chinese: String, english: String) {
        switch self {
        case .outside:
            (
                "不在允许发送的目录里，没有发送。请让机器人把它放进工作目录。",
                "is not in a folder that may be sent from, so it was not sent. Ask the bot to put it into its workspace."
            )
        case .notFound:
            ("不存在，没有发送。请让机器人重新生成。", "does not exist, so it was not sent. Ask the bot to make it again.")
        case .notRegular:
            ("不是普通文件，没有发送。文件夹请先打包。", "is not a plain file, so it was not sent. Ask for a folder as an archive.")
        case .unreadable:
            ("无法读取，没有发送。请联系管理员。", "cannot be read, so it was not sent. Please tell the administrator.")
        case .tooSmall(let minBytes):
            (
                "小于 \(minBytes) 字节，企业微信不接收。请直接索要文字内容。",
                "is smaller than \(minBytes) bytes, which WeCom does not take. Ask for its text instead."
            )
        case .tooLarge(let limit), .fetch(.tooLarge(let limit)):
            (
                "超过了 \(limit.asSize) 的发送上限，没有发送。请让机器人改发链接，或拆分后再发。",
                "is over the limit of \(limit.asSize) and was not sent. Ask for a link to it, or for smaller parts."
            )
        case .badLocation:
            ("的位置写法无法识别，没有发送。", "has a location that is not understood, so it was not sent.")
        case .fetch(.refusedAddress):
            (
                "的地址不在允许范围内，没有发送。请联系管理员。",
                "has an address that is not allowed, so it was not sent. Please tell the administrator."
            )
        case .fetch(.diskFull):
            ("没有发送：服务器空间不足。请联系管理员。", "was not sent: the server has no room left. Please tell the administrator.")
        case .fetch(.unwritable):
            ("没有发送：服务器无法保存文件。请联系管理员。", "was not sent: the server cannot store files. Please tell the administrator.")
        case .fetch(.damaged):
            ("内容已损坏，没有发送。请让机器人重新生成。", "is damaged and was not sent. Ask the bot to make it again.")
        case .fetch:
            ("暂时取不到，没有发送。请稍后再试。", "cannot be fetched at the moment, so it was not sent. Please try again later.")
        }
    }
}
