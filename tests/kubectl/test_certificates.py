"""Users made by certificate: asked for, approved, and then who they are."""

import base64
import re
import subprocess
from pathlib import Path

from tests.kubectl.kubectl import Kubectl

REQUEST = """
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {{name: {name}}}
spec: {{request: {request}, signerName: kubernetes.io/kube-apiserver-client, usages: [client auth]}}
"""


def ask(kubectl: Kubectl, folder: Path, name: str) -> Path:
    """Make a key, ask for a certificate; returns the key."""
    key, request = folder / f"{name}.key", folder / f"{name}.csr"
    command = ["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", f"/O=devs/CN={name}"]
    subprocess.run([*command, "-keyout", key, "-out", request], check=True, capture_output=True)
    text = base64.b64encode(request.read_bytes()).decode()
    kubectl.ok("apply", "-f", "-", stdin=REQUEST.format(name=name, request=text))
    return key


def test_an_approved_user_is_who_the_certificate_says(kubectl: Kubectl, tmp_path: Path) -> None:
    key = ask(kubectl, tmp_path, "jane")
    assert "Pending" in kubectl.ok("get", "csr", "jane")
    approved = kubectl.ok("certificate", "approve", "jane")
    assert approved == "certificatesigningrequest.certificates.k8s.io/jane approved\n"
    kubectl.until("Approved,Issued", "get", "csr", "jane")
    issued = base64.b64decode(kubectl.ok("get", "csr", "jane", "-o", "jsonpath={.status.certificate}"))
    certificate = tmp_path / "jane.crt"
    certificate.write_bytes(issued)
    kubectl.ok("config", "set-credentials", "jane", f"--client-certificate={certificate}", f"--client-key={key}")
    who = kubectl.ok("auth", "whoami", "--user=jane")
    assert re.search(r"Username +jane", who)
    assert re.search(r"Groups +\[devs system:authenticated\]", who)
    assert re.search(r"credential-id +\[X509SHA256=[0-9a-f]{64}\]", who)
    refused = kubectl("get", "pods", "--user=jane")
    assert 'User "jane" cannot list resource "pods"' in refused.err


def test_a_denied_one_gets_nothing(kubectl: Kubectl, tmp_path: Path) -> None:
    ask(kubectl, tmp_path, "joe")
    kubectl.ok("certificate", "deny", "joe")
    assert "Denied" in kubectl.ok("get", "csr", "joe")
    assert kubectl.ok("get", "csr", "joe", "-o", "jsonpath={.status.certificate}") == ""
