/// Why a file of a user could not be fetched. Never carries an address, a key or bytes.
public enum MediaFailure: Error, Hashable, Sendable {
    /// More bytes than allowed; the limit in bytes.
    case tooLarge(limit: Int)
    /// The storage does not have it any more: its address is good for five minutes.
    case expired
    /// It came whole, with the right key, and its content is broken.
    case damaged
    /// Its end is missing.
    case truncated
    /// The key is not base64 of 32 bytes.
    case badKey
    /// It came whole, and decrypts to nothing that makes sense.
    case wrongKey
    /// The address is not one that files may be fetched from.
    case refusedAddress
    /// The storage cannot be reached or does not answer.
    case unreachable
    /// The proxy on the way does not take our user and password.
    case refusedByProxy
    /// No room on this machine.
    case diskFull
    /// The folder for downloads cannot be written.
    case unwritable
    /// The work was stopped.
    case cancelled

    /// Stable word for logs and metrics.
    public var logWord: String {
        switch self {
        case .tooLarge: "media_too_large"
        case .expired: "media_expired"
        case .damaged: "media_damaged"
        case .truncated: "media_truncated"
        case .badKey: "media_bad_key"
        case .wrongKey: "media_wrong_key"
        case .refusedAddress: "media_refused_address"
        case .unreachable: "media_unreachable"
        case .refusedByProxy: "media_refused_by_proxy"
        case .diskFull: "media_disk_full"
        case .unwritable: "media_unwritable"
        case .cancelled: "media_cancelled"
        }
    }

    /// One sentence for the person who sent the file, in Chinese and English, saying what to do.
    ///
    /// - Parameter name: name of the file, where it has one.
    public func line(name: String?) -> String {
        let (chinese, english) = sentences
        let title = name.map { "「\($0)」" } ?? ""
        let subject = name.map { "“\($0)”" } ?? "The file"
        return "📎 文件\(title)\(chinese) / \(subject) \(english)"
    }

    private var sentences: (chinese: String, english: String) {
        switch self {
        case .tooLarge(let limit):
            (
                "超过了 \(limit.asSize) 的上限，没有接收。请压缩或拆分后再发。",
                "is over the limit of \(limit.asSize) and was not taken. Please compress or split it and send it again."
            )
        case .expired:
            ("的下载链接已过期，请重新发送一次。", "expired before it could be fetched. Please send it again.")
        case .damaged:
            (
                "内容已损坏，打不开。请检查原文件后重新发送。",
                "is damaged and cannot be opened. Please check the original and send it again."
            )
        case .truncated:
            ("没有下载完整，请重新发送一次。", "did not arrive whole. Please send it again.")
        case .badKey:
            (
                "缺少有效的解密密钥，请重新发送一次；如果仍然不行，请联系管理员。",
                "came without a usable key. Please send it again; if that does not help, tell the administrator."
            )
        case .wrongKey:
            ("无法解密，请重新发送一次。", "could not be decrypted. Please send it again.")
        case .refusedAddress:
            (
                "的来源地址不在允许范围内，没有下载。请联系管理员。",
                "comes from an address that is not allowed, so it was not fetched. Please tell the administrator."
            )
        case .unreachable:
            (
                "暂时下载不了，请稍后重新发送一次。",
                "cannot be fetched at the moment. Please send it again in a while."
            )
        case .refusedByProxy:
            (
                "暂时下载不了：代理拒绝了连接。请联系管理员，之后再发。",
                "cannot be fetched: the proxy refuses the connection. Please tell the administrator and send it later."
            )
        case .diskFull:
            (
                "没有接收：服务器空间不足。请联系管理员，之后再发。",
                "was not taken: the server has no room left. Please tell the administrator and send it later."
            )
        case .unwritable:
            (
                "没有接收：服务器无法保存文件。请联系管理员。",
                "was not taken: the server cannot store files. Please tell the administrator."
            )
        case .cancelled:
            ("的下载已停止，需要的话请重新发送。", "was not fetched, since the work was stopped. Send it again if it is needed.")
        }
    }
}
