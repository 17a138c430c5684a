import Crypto
import Foundation
import NIOSSL
import SwiftASN1
import X509

/// A certificate authority that lives as long as the simulator, with one server certificate for `localhost` and
/// `127.0.0.1`.
struct CertificateAuthority: Sendable {
    /// Certificate of the authority, for clients to trust.
    let authorityPEM: String
    private let serverPEM: String
    private let serverKeyPEM: String

    /// Makes new keys and certificates, valid for a year around `date`.
    init(hosts: [String] = [], at date: Date = Date()) throws {
        let authorityKey = P256.Signing.PrivateKey()
        let serverKey = P256.Signing.PrivateKey()
        let authorityName = try DistinguishedName { CommonName("WeCom simulator authority") }
        let authority = try Self.certificate(
            name: authorityName, issuer: authorityName, key: authorityKey, issuerKey: authorityKey, date: date,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                Critical(KeyUsage(keyCertSign: true, cRLSign: true))
                SubjectKeyIdentifier(hash: Certificate.PublicKey(authorityKey.publicKey))
            })
        let server = try Self.certificate(
            name: DistinguishedName { CommonName("localhost") }, issuer: authorityName, key: serverKey,
            issuerKey: authorityKey, date: date,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.notCertificateAuthority)
                Critical(KeyUsage(digitalSignature: true))
                try ExtendedKeyUsage([.serverAuth])
                SubjectAlternativeNames(Self.names(hosts))
                SubjectKeyIdentifier(hash: Certificate.PublicKey(serverKey.publicKey))
                AuthorityKeyIdentifier(
                    keyIdentifier: SubjectKeyIdentifier(hash: Certificate.PublicKey(authorityKey.publicKey))
                        .keyIdentifier)
            })
        authorityPEM = try authority.serializeAsPEM().pemString + "\n"
        serverPEM = try server.serializeAsPEM().pemString + "\n"
        serverKeyPEM = serverKey.pemRepresentation
    }

    /// A server context with the server certificate.
    func serverContext() throws -> NIOSSLContext {
        let certificate = try NIOSSLCertificate(bytes: Array(serverPEM.utf8), format: .pem)
        let key = try NIOSSLPrivateKey(bytes: Array(serverKeyPEM.utf8), format: .pem)
        let configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: [.certificate(certificate)], privateKey: .privateKey(key))
        return try NIOSSLContext(configuration: configuration)
    }

    private static func certificate(
        name: DistinguishedName, issuer: DistinguishedName, key: P256.Signing.PrivateKey,
        issuerKey: P256.Signing.PrivateKey, date: Date, extensions: Certificate.Extensions
    ) throws -> Certificate {
        try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(),
            publicKey: Certificate.PublicKey(key.publicKey), notValidBefore: date.addingTimeInterval(-86_400),
            notValidAfter: date.addingTimeInterval(365 * 86_400), issuer: issuer, subject: name,
            signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions,
            issuerPrivateKey: Certificate.PrivateKey(issuerKey))
    }

    private static func names(_ hosts: [String]) -> [GeneralName] {
        let loopback: [GeneralName] = [
            .dnsName("localhost"), .ipAddress(ASN1OctetString(contentBytes: [127, 0, 0, 1])),
            .ipAddress(ASN1OctetString(contentBytes: ArraySlice(Array(repeating: 0, count: 15) + [1]))),
        ]
        let others = hosts.filter { Int($0.prefix(1)) == nil && $0 != "localhost" && !$0.contains(":") }
        return loopback + others.map { .dnsName($0) }
    }
}
