"""When a host of an Ingress is served by HTTPS alone, as far as manifests tell."""

import pytest

from chaos.defenses import audit, strip
from tests.defenses.manifests import extended

INGRESS = """
kind: Ingress
apiVersion: networking.k8s.io/v1
metadata: {{name: web, annotations: {{{notes}}}}}
spec:
  tls: {tls}
  rules: [{{host: {host}}}]
"""
OFF = 'nginx.ingress.kubernetes.io/ssl-redirect: "false"'
FORCED = f'{OFF}, nginx.ingress.kubernetes.io/force-ssl-redirect: "true"'


def found(tls: str, host: str = "web.example", notes: str = "") -> list[str]:
    text = INGRESS.format(tls=tls, host=host, notes=notes)
    return [f.what for f in audit(extended(text)) if f.rule == "ingress-without-tls"]


@pytest.mark.parametrize("name", ["web.example", '"*.example"'])
def test_a_certificate_for_the_host_is_enough(name: str) -> None:
    assert found(f"[{{hosts: [{name}], secretName: x}}]") == []


@pytest.mark.parametrize(
    "tls",
    [
        "[]",
        "[{hosts: [other.example], secretName: x}]",
        "[{hosts: [web.example]}]",
        '[{hosts: ["*.web.example"], secretName: x}]',
        "[{secretName: x}]",
    ],
)
def test_none_for_this_host_is_found(tls: str) -> None:
    assert found(tls) == ["no certificate for web.example"]


def test_a_redirect_that_is_off_leaves_plain_text() -> None:
    tls = "[{hosts: [web.example], secretName: x}]"
    assert len(found(tls, notes=OFF)) == 1
    assert found(tls, notes=FORCED) == []


def test_stripped_the_host_is_served_in_plain_text_and_nothing_else_has_changed() -> None:
    whole = extended(INGRESS.format(tls="[{hosts: [web.example], secretName: x}]", host="web.example", notes=""))
    bare = strip(whole, ["security.ingress-tls"])
    (before,), (after,) = ([m.data for m in found if m.kind == "Ingress"] for found in (whole, bare))
    assert after == {**before, "spec": {"rules": before["spec"]["rules"]}}
    assert [m for m in bare if m.kind != "Ingress"] == [m for m in whole if m.kind != "Ingress"]
