/// A value that does not change, shared instead of copied: for large ones that many hold.
final class Frozen<Value: Sendable>: Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}
