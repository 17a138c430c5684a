import Shared
import Testing

@testable import AIBotWS

@Suite("FrameWriter")
struct FrameWriterTests {
    @Test("Masking is its own inverse and treats each byte with its key byte", arguments: [0, 1, 3, 7, 8, 9, 1_001])
    func mask(count: Int) {
        let plain = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let key: [UInt8] = [1, 2, 3, 4]
        let mask = key.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) }
        var bytes = plain
        bytes.withUnsafeMutableBytes { FrameWriter.apply(mask, to: $0) }
        #expect(bytes == plain.enumerated().map { $1 ^ key[$0 & 3] })
        bytes.withUnsafeMutableBytes { FrameWriter.apply(mask, to: $0) }
        #expect(bytes == plain)
    }

    @Test("Headers have the shortest form of the length", arguments: [0, 1, 125, 126, 65_535, 65_536, 100_000])
    func header(count: Int) {
        var writer = FrameWriter()
        let payload = [UInt8](repeating: 7, count: count)
        writer.add(payload)
        var bytes = writer.pending[...]
        #expect(bytes.popFirst() == 0x81)
        let second = bytes.popFirst() ?? 0
        #expect(second & 0x80 != 0)
        let wide = second & 0x7F == 126 ? 2 : second & 0x7F == 127 ? 8 : 0
        let length = wide == 0 ? Int(second & 0x7F) : bytes.prefix(wide).reduce(0) { $0 << 8 | Int($1) }
        #expect(length == count)
        #expect(wide == (count < 126 ? 0 : count < 65_536 ? 2 : 8))
        bytes = bytes.dropFirst(wide)
        let key = Array(bytes.prefix(4))
        #expect(bytes.dropFirst(4).enumerated().map { $1 ^ key[$0 & 3] } == payload)
    }

    @Test("Keys differ from frame to frame")
    func keys() {
        var source = MaskSource()
        let keys = (0..<1_000).map { _ in source.next() }
        #expect(Set(keys).count > 990)
    }

    @Test("A batch takes frames until it is full")
    func batch() {
        var writer = FrameWriter()
        #expect(writer.isEmpty)
        while writer.hasRoom { writer.add([UInt8](repeating: 1, count: 1_000)) }
        #expect(writer.pending.count >= FrameWriter.batchBytes)
        #expect(writer.pending.count < FrameWriter.batchBytes + 1_100)
    }
}
