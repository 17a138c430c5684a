import Testing

@testable import Shared

@Suite("Access policy")
struct AccessPolicyTests {
    private typealias Reason = AccessPolicy.Reason

    private func reason(
        _ settings: AccessSettings, group: String? = nil, _ sender: String, mentioned: Bool = true
    ) -> AccessPolicy.Reason? {
        let place = group.map { AccessPolicy.Conversation.group($0) } ?? .direct
        switch AccessPolicy.decide(settings, conversation: place, sender: sender, mentioned: mentioned) {
        case .allow: return nil
        case .deny(let reason): return reason
        }
    }

    @Test("GW-3: access.matrix for direct chats")
    func direct() {
        let lists = [[], ["lin.wei"], ["*"]]
        let expected: [(AccessSettings.DirectMode, [Reason?])] = [
            (.open, [nil, nil, nil]), (.disabled, [.directDisabled, .directDisabled, .directDisabled]),
            (.allowlist, [.notListed, .notListed, nil]), (.pairing, [.notPaired, .notPaired, nil]),
        ]
        for (mode, strangers) in expected {
            for (list, stranger) in zip(lists, strangers) {
                let settings = AccessSettings(directMode: mode, directAllowFrom: list)
                #expect(reason(settings, "mei.chen") == stranger, "\(mode) \(list)")
                let isOff = mode == .disabled
                let listed = list.isEmpty && mode != .open ? stranger : isOff ? .directDisabled : nil
                #expect(reason(settings, "lin.wei") == listed, "\(mode) \(list)")
                #expect(reason(settings, "") == stranger, "\(mode) \(list)")
            }
        }
        #expect(reason(AccessSettings(), "mei.chen") == .notPaired)
    }

    @Test("GW-3: access.matrix for groups")
    func groups() {
        let cases: [(AccessSettings.GroupMode, [String], Reason?)] = [
            (.open, [], nil), (.disabled, ["g1"], .groupDisabled), (.allowlist, [], .groupNotListed),
            (.allowlist, ["g2"], .groupNotListed), (.allowlist, ["g1"], nil), (.allowlist, ["*"], nil),
        ]
        for (mode, list, expected) in cases {
            let settings = AccessSettings(directMode: .disabled, groupMode: mode, groupAllowFrom: list)
            #expect(reason(settings, group: "g1", "mei.chen") == expected, "\(mode) \(list)")
            #expect(reason(settings, group: "g1", "mei.chen", mentioned: false) == .notMentioned)
        }
    }

    @Test("GW-3: a group's own settings come before those of *, field by field")
    func entries() {
        let settings = AccessSettings(groups: [
            "*": .init(requireMention: false, allowFrom: ["lin.wei"]), "g1": .init(requireMention: true),
            "g2": .init(allowFrom: ["mei.chen"]), "g3": .init(allowFrom: []), "g4": .init(allowFrom: ["*"]),
        ])
        #expect(reason(settings, group: "g0", "lin.wei", mentioned: false) == nil)
        #expect(reason(settings, group: "g0", "mei.chen") == .notListedInGroup)
        #expect(reason(settings, group: "g1", "lin.wei", mentioned: false) == .notMentioned)
        #expect(reason(settings, group: "g1", "lin.wei") == nil)
        #expect(reason(settings, group: "g2", "mei.chen", mentioned: false) == nil)
        #expect(reason(settings, group: "g2", "lin.wei") == .notListedInGroup)
        #expect(reason(settings, group: "g3", "lin.wei") == .notListedInGroup)
        #expect(reason(settings, group: "g4", "anyone") == nil)
    }

    @Test("GW-3: every refusal but silence has a line in both languages")
    func texts() {
        for reason in AccessPolicy.Reason.allCases {
            let both = reason.userText(.both)
            #expect((both == nil) == (reason == .notMentioned))
            #expect(reason.logWord.allSatisfy { $0.isLowercase || $0 == "-" })
            guard let both, let zh = reason.userText(.zh), let en = reason.userText(.en) else { continue }
            #expect(both == zh + "\n" + en && en.utf8.allSatisfy { $0 < 128 } && !zh.utf8.allSatisfy { $0 < 128 })
        }
    }
}
