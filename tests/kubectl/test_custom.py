"""Kinds that a definition adds are everyday kinds to kubectl."""

import json
from dataclasses import replace
from pathlib import Path

from tests.api_server.definitions import WIDGETS, definition
from tests.kubectl.kubectl import Kubectl

WIDGET = """
apiVersion: example.com/v1
kind: Widget
metadata: {name: one}
spec: {size: 3}
"""
NOTED = """
apiVersion: example.com/v1
kind: Widget
metadata: {name: one}
spec: {size: 3, note: hello}
"""


def test_a_definition_is_applied_and_its_kind_is_used_as_any_other(kubectl: Kubectl, tmp_path: Path) -> None:
    # kubectl remembers in its home what kinds there are; nobody else should look for these.
    kubectl = replace(kubectl, home=tmp_path)
    made = json.dumps(definition())
    name = f"customresourcedefinition.apiextensions.k8s.io/{WIDGETS}"
    assert kubectl.ok("apply", "-f", "-", stdin=made) == f"{name} created\n"
    waited = kubectl.ok("wait", "--for=condition=Established", f"crd/{WIDGETS}", "--timeout=5s")
    assert waited == f"{name} condition met\n"
    assert kubectl.ok("apply", "-f", "-", stdin=made) == f"{name} unchanged\n"
    try:
        _use(kubectl)
    finally:
        kubectl.ok("delete", "crd", WIDGETS, "--timeout=10s")
    assert "could not find the requested resource" in kubectl("get", "widgets").err


def _use(kubectl: Kubectl) -> None:
    assert kubectl.ok("apply", "-f", "-", stdin=WIDGET) == "widget.example.com/one created\n"
    assert kubectl.ok("apply", "-f", "-", stdin=NOTED) == "widget.example.com/one configured\n"
    heading, row = kubectl.ok("get", "wd").splitlines()
    assert (heading.split(), row.split()[:2]) == (["NAME", "SIZE", "READY", "AGE"], ["one", "3"])
    assert kubectl.ok("get", "widget", "one", "-o", "jsonpath={.spec.colour} {.spec.note}") == "red hello"
    assert "Size:" in kubectl.ok("describe", "widget", "one")
    assert kubectl.ok("scale", "widget", "one", "--replicas=5") == "widget.example.com/one scaled\n"
    assert kubectl.ok("label", "widget", "one", "a=b") == "widget.example.com/one labeled\n"
    patched = kubectl.ok("patch", "widget", "one", "--type=merge", "-p", '{"spec":{"note":"x"}}')
    assert patched == "widget.example.com/one patched\n"
    server_side = ("apply", "--server-side", "--force-conflicts", "-f", "-")
    assert kubectl.ok(*server_side, stdin=NOTED) == "widget.example.com/one serverside-applied\n"
    refused = kubectl("apply", "-f", "-", stdin=WIDGET.replace("3", "30"))
    assert (refused.code, "spec.size in body should be less than or equal to 9" in refused.err) == (1, True)
    unknown = kubectl("apply", "-f", "-", stdin=WIDGET.replace("size: 3", "size: 3, x: 1"))
    assert (unknown.code, 'unknown field "spec.x"' in unknown.err) == (1, True)
    assert "size\t<integer> -required-" in kubectl.ok("explain", "widget.spec")
    assert "widgets" in kubectl.ok("api-resources", "--api-group=example.com")
    assert kubectl.ok("get", "all", "-o", "name") == "widget.example.com/one\n"
