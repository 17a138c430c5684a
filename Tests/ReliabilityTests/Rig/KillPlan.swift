/// The moment of one kill.
enum KillPlan: Sendable, CustomStringConvertible {
    /// So long after the program was started; it may not be online yet.
    case start(milliseconds: Int)
    /// So long after it came online.
    case online(milliseconds: Int)
    /// When the platform has seen that many frames of a sort since the start; their acks are still under way.
    case frames(FrameWatch.Sort, Int)

    static func random(using random: inout Random) -> KillPlan {
        switch Int.random(in: 0..<100, using: &random) {
        case ..<8: .start(milliseconds: .random(in: 0...500, using: &random))
        case ..<22: .online(milliseconds: .random(in: 0...1_500, using: &random))
        case ..<34: .frames(.message, .random(in: 1...6, using: &random))
        case ..<48: .frames(.frame, .random(in: 1...40, using: &random))
        case ..<60: .frames(.final, .random(in: 1...6, using: &random))
        case ..<67: .frames(.push, .random(in: 1...3, using: &random))
        case ..<76: .frames(.upload, .random(in: 1...4, using: &random))
        case ..<84: .frames(.answer, .random(in: 1...6, using: &random))
        case ..<93: .frames(.call, .random(in: 1...8, using: &random))
        default: .frames(.late, .random(in: 1...2, using: &random))
        }
    }

    /// What it is aimed at, for statistics.
    var aim: String {
        switch self {
        case .start: "start"
        case .online: "online"
        case .frames(let sort, _): sort.rawValue
        }
    }

    var description: String {
        switch self {
        case .start(let time): "\(time) ms after its start"
        case .online(let time): "\(time) ms after coming online"
        case .frames(let sort, let number): "at \(sort.rawValue) number \(number)"
        }
    }
}
