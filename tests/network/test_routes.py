"""Which backend a request goes to by the Ingresses there are; the cases of paths are those of the page "Ingress"."""

from typing import Any

import pytest

from cluster.client import Obj
from cluster.network.routes import Table, ingress, table


def rule(host: str, *paths: tuple[str, str, str]) -> dict[str, Any]:
    those = [{"path": path, "pathType": type, "backend": backend(name)} for type, path, name in paths]
    return {**({"host": host} if host else {}), "http": {"paths": those}}


def backend(name: str) -> dict[str, Any]:
    return {"service": {"name": name, "port": {"number": 80}}}


def made(name: str, *rules: dict[str, Any], created: str = "2026-01-01T00:00:00Z", **spec: Any) -> Obj:
    metadata = {"namespace": "default", "name": name, "creationTimestamp": created}
    return {"metadata": metadata, "spec": {"rules": list(rules), **spec}}


def of(*objs: Obj) -> Table:
    return table(ingress(obj) for obj in objs)


def went(found: Table, host: str, path: str) -> str | None:
    route = found.find(host, path)
    return route.backend.service[1] if route else None


@pytest.mark.parametrize(
    ("type", "path", "asked", "matches"),
    [
        ("Prefix", "/", "/any/path", True),
        ("Exact", "/foo", "/foo", True),
        ("Exact", "/foo", "/bar", False),
        ("Exact", "/foo", "/foo/", False),
        ("Exact", "/foo/", "/foo", False),
        ("Prefix", "/foo", "/foo/", True),
        ("Prefix", "/foo/", "/foo", True),
        ("Prefix", "/aaa/bb", "/aaa/bbb", False),
        ("Prefix", "/aaa/bbb", "/aaa/bbb/ccc", True),
        ("Prefix", "/aaa/bbb/", "/aaa/bbb", True),
        ("Prefix", "/aaa/bbb", "/aaa/bbbxyz", False),
        ("ImplementationSpecific", "/foo", "/foo/bar", True),
    ],
)
def test_a_path_matches_as_its_type_says(type: str, path: str, asked: str, matches: bool) -> None:
    assert bool(of(made("i", rule("", (type, path, "s")))).find("a.test", asked)) is matches


def test_exact_paths_go_first_then_longer_ones_then_default_backends() -> None:
    found = of(
        made("i", rule("a.test", ("Prefix", "/", "root"), ("Prefix", "/x", "x"), ("Exact", "/x", "exactly"))),
        made("late", defaultBackend=backend("nobody"), created="2026-01-02T00:00:00Z"),
    )
    assert [went(found, "a.test", path) for path in ("/x", "/x/y", "/z")] == ["exactly", "x", "root"]
    assert went(found, "b.test", "/") == "nobody"


def test_exact_hosts_go_before_wildcards_of_one_label_and_those_before_rules_without_a_host() -> None:
    rules = [rule(host, ("Prefix", "/", name)) for host, name in (("", "any"), ("*.a.test", "wild"), ("b.a.test", "b"))]
    found = of(made("i", *rules))
    hosts = ("b.a.test", "c.a.test", "d.c.a.test", "a.test")
    assert [went(found, host, "/") for host in hosts] == ["b", "wild", "any", "any"]


def test_of_two_that_claim_the_same_the_older_has_it() -> None:
    young = made("a", rule("a.test", ("Prefix", "/", "young")), created="2026-01-02T00:00:00Z")
    old = made("b", rule("a.test", ("Prefix", "/", "old")))
    assert went(of(young, old), "a.test", "/") == "old"


def test_hosts_have_the_certificate_that_names_them() -> None:
    tls = [{"hosts": ["a.test"], "secretName": "a"}, {"hosts": ["*.b.test"], "secretName": "b"}, {"hosts": ["c.test"]}]
    found = of(made("i", rule("a.test", ("Prefix", "/", "s")), tls=tls))
    assert [found.secret(h) for h in ("a.test", "x.b.test", "c.test")] == [("default", "a"), ("default", "b"), None]
    assert [found.has_tls(h) for h in ("a.test", "x.b.test", "c.test", "d.test")] == [True, True, True, False]
