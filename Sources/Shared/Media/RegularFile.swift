import Foundation

/// What the system says about an open file.
package enum RegularFile {
    /// Size of a regular file in bytes; nil for everything else.
    ///
    /// Here and not where it is needed: in a module that is built in one piece together with NIO's network code, `stat` counts
    /// as declared by one of NIO's private modules, and its members cannot be reached.
    package static func bytes(of descriptor: Int32) -> Int? {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }
}
