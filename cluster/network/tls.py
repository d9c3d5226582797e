"""Server certificates for TLS that ends here: of Secrets, and one that nobody trusts for hosts without."""

import ssl
import tempfile
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_LIFE = timedelta(days=365)
_PEM = serialization.Encoding.PEM


@lru_cache(maxsize=256)
def server_context(certificate: bytes, key: bytes) -> ssl.SSLContext:
    """Serves one certificate chain, given as PEM. Raises ssl.SSLError if it is none or the key is not its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # The ssl module reads certificates from files only.
    with tempfile.TemporaryDirectory(prefix="seawall-") as folder:
        files = Path(folder, "tls.crt"), Path(folder, "tls.key")
        for file, content in zip(files, (certificate, key), strict=True):
            file.write_bytes(content)
        context.load_cert_chain(*files, password="")
    return context


def self_signed(name: str, now: datetime) -> tuple[bytes, bytes]:
    """A certificate that vouches for itself, and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), now, now + _LIFE)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("ingress.local")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    return certificate.public_bytes(_PEM), key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, plain)
