"""TLS at the door, a part of `security`: every host of an Ingress has a certificate, and HTTP only leads to HTTPS."""

from collections.abc import Iterator

from chaos.defenses.kind import Check, Rule
from chaos.manifests import Manifest, Manifests, Obj, changed, items, mapping, numbered, of_kind
from chaos.selectors import covers

REDIRECTS = ("nginx.ingress.kubernetes.io/ssl-redirect", "nginx.ingress.kubernetes.io/force-ssl-redirect")
NO_TLS = Rule(
    "ingress-without-tls",
    "Whoever is on the way reads and changes what users send: passwords, sessions, orders.",
    "Name the host in spec.tls, with a Secret that holds its certificate, and leave the redirect to HTTPS on.",
)


def checks(manifests: Manifests) -> Iterator[Check]:
    for ingress in of_kind(manifests, "Ingress"):
        for i, rule in numbered(ingress.data, "spec", "rules"):
            host, path = str(rule.get("host") or ""), ("spec", "rules", i)
            what = _lacking(ingress, host)
            yield Check(rule=NO_TLS, manifest=ingress, ok=not what, what=what, path=path, fixable=False)


def _lacking(ingress: Manifest, host: str) -> str:
    """What keeps a host from being served by HTTPS alone; "" for nothing."""
    if not any(_is_for(tls, host) for tls in items(ingress.data, "spec", "tls")):
        return f"no certificate for {host or 'hosts that no rule names'}"
    notes = mapping(ingress.data, "metadata", "annotations")
    if str(notes.get(REDIRECTS[0])).lower() == "false" and str(notes.get(REDIRECTS[1])).lower() != "true":
        return f"{REDIRECTS[0]} is false, so {host} is served in plain text too"
    return ""


def _is_for(tls: Obj, host: str) -> bool:
    hosts = tls.get("hosts")
    named = [str(name) for name in hosts] if isinstance(hosts, list) else []
    return bool(tls.get("secretName")) and (any(covers(name, host) for name in named) or not (named or host))


def strip(manifests: Manifests) -> Manifests:
    def bare(data: Obj) -> None:
        del data["spec"]["tls"]

    return tuple(changed(m, bare) if m.kind == "Ingress" and "tls" in mapping(m.data, "spec") else m for m in manifests)
