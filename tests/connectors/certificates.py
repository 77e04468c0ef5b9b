"""Certificates for tests: an authority, a server on 127.0.0.1 and a client, as PEM files."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PASSWORD = "opens the key"


@dataclass(frozen=True)
class Pems:
    """Paths. The server's and the client's files hold the certificate; keys stand beside them."""

    ca: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path


def issue(folder: Path) -> Pems:
    """A new authority, and what it vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    ca = _certificate("Test authority", key, None, None)
    _write(folder / "ca.pem", ca.public_bytes(serialization.Encoding.PEM))
    for name in ("server", "client"):
        own = ec.generate_private_key(ec.SECP256R1())
        signed = _certificate(name, own, ca, key)
        _write(folder / f"{name}.pem", signed.public_bytes(serialization.Encoding.PEM))
        closed = serialization.BestAvailableEncryption(PASSWORD.encode())
        _write(
            folder / f"{name}.key",
            own.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                closed if name == "client" else serialization.NoEncryption(),
            ),
        )
    files = [folder / name for name in ("ca.pem", "server.pem", "server.key", "client.pem", "client.key")]
    return Pems(*files)


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate | None,
    issuer_key: ec.EllipticCurvePrivateKey | None,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now, authority = datetime.now(UTC), issuer_key or key
    loopback = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(loopback, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False
        )
        .add_extension(
            x509.KeyUsage(
                digital_signature=True, key_cert_sign=issuer is None, crl_sign=issuer is None,
                content_commitment=False, key_encipherment=False, data_encipherment=False,
                key_agreement=False, encipher_only=False, decipher_only=False,
            ),
            critical=True,
        )
        .sign(authority, hashes.SHA256())
    )  # fmt: skip


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
