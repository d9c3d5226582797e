"""Custom resources whose schema has rules in CEL: which rules are refused and why, and objects under them."""

from asyncio import sleep
from typing import Any

import yaml

from tests.replay.case import Obj, case
from tests.replay.cases.custom import GROUP, MERGE, NUMBER, PATH, TEXT, crd, fields, version
from tests.replay.stage import Stage


def _ruled(schema: Obj, *rules: str | Obj) -> Obj:
    told = [{"rule": rule} if isinstance(rule, str) else rule for rule in rules]
    return {**schema, "x-kubernetes-validations": told}


SHORT = {"type": "string", "maxLength": 20}
FEW = {"type": "array", "maxItems": 5, "items": SHORT}

ODD_RULES: dict[str, str | Obj] = {
    "empty": "",
    "no rule": {"message": "a rule is missing"},
    "syntax": "self.a >",
    "unknown name": "selv.a == 'x'",
    "unknown field": "self.z == 'x'",
    "unknown function": "self.a.shout() == 'X'",
    "types": "self.a + 1 == 2",
    "no answer": "self.a",
    "two lines": {"rule": "self.a == 'x'", "message": "one\ntwo"},
    "two lines, no message": {"rule": "self.a ==\n'x'"},
    "reason": {"rule": "self.a == 'x'", "reason": "Odd"},
    "field path": {"rule": "self.a == 'x'", "fieldPath": ".z"},
    "no field path": {"rule": "self.a == 'x'", "fieldPath": "a"},
    "message expression": {"rule": "self.a == 'x'", "messageExpression": "self.z"},
    "number for a message": {"rule": "self.a == 'x'", "messageExpression": "1 + 2"},
    "optional without old": {"rule": "self.a == 'x'", "optionalOldSelf": True},
}


@case("rules-refused")
async def refused(stage: Stage) -> None:
    for note, rule in ODD_RULES.items():
        await _ask(stage, note, fields(spec=_ruled(fields(a=SHORT, n=NUMBER), rule)))
    await _ask(stage, "old of a list", fields(spec=fields(l={**FEW, "items": _ruled(SHORT, "self == oldSelf")})))
    await _ask(stage, "default", fields(spec=fields(a=_ruled({**SHORT, "default": "no"}, "self == 'x'"))))
    await _ask(
        stage,
        "of what is not known",
        fields(spec={**_ruled({"type": "object"}, "self.a == 1"), "x-kubernetes-preserve-unknown-fields": True}),
    )
    await _ask(
        stage,
        "dear",
        fields(spec=fields(l=_ruled({"type": "array", "items": TEXT}, "self.all(x, self.all(y, x != y || x == y))"))),
    )


async def _ask(stage: Stage, note: str, schema: Obj) -> None:
    good = version("v1", {})
    asked = {**good, "schema": {"openAPIV3Schema": schema}}
    await stage.request("POST", f"{PATH}?dryRun=All", crd("as", "A", asked), note=note)


GATE = _ruled(
    fields(
        low=NUMBER,
        high=NUMBER,
        kind=_ruled(SHORT, {"rule": "self == oldSelf", "message": "kind is for ever"}),
        names={**FEW, "x-kubernetes-list-type": "set"},
        host=_ruled(
            SHORT, {"rule": "self.endsWith('.example') || self == 'localhost'", "reason": "FieldValueForbidden"}
        ),
        once=_ruled(SHORT, {"rule": "!oldSelf.hasValue() || oldSelf.value() == self", "optionalOldSelf": True}),
        ports={
            "type": "array",
            "maxItems": 3,
            "items": _ruled(fields(name=SHORT, number=NUMBER), {"rule": "self.number > 0", "fieldPath": ".number"}),
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
        },
        amount=_ruled(SHORT, "isQuantity(self) && quantity(self).isGreaterThan(quantity('1Mi'))"),
        link=_ruled(SHORT, "isURL(self)"),
        loose=_ruled(
            {"type": "object", "maxProperties": 3, "additionalProperties": NUMBER}, "self.all(k, self[k] > 0)"
        ),
    ),
    {
        "rule": "!has(self.low) || !has(self.high) || self.low <= self.high",
        "messageExpression": "'%d is above %d'.format([self.low, self.high])",
    },
    {
        "rule": "!has(self.low) || self.low >= 0",
        "message": "low must not be negative",
        "fieldPath": ".low",
        "reason": "FieldValueInvalid",
    },
    "!has(self.names) || self.names.all(n, n.matches('^[a-z]+$'))",
    "!has(self.names) || self.names.exists_one(n, n == 'a') || size(self.names) == 0",
)
GATE["properties"]["ports"]["items"]["required"] = ["name"]


def _gate(name: str, **spec: Any) -> Obj:
    return {"apiVersion": f"{GROUP}/v1", "kind": "Gate", "metadata": {"name": name}, "spec": spec}


ODD_GATES: dict[str, Obj] = {
    "upside down": {"low": 3, "high": 2},
    "negative": {"low": -1, "high": -2},
    "names": {"names": ["A", "b"]},
    "host": {"host": "example.com"},
    "ports": {"ports": [{"name": "a", "number": 0}, {"name": "b", "number": 1}, {"name": "c", "number": -1}]},
    "amounts": {"amount": "1Ki", "link": "no"},
    "no amounts": {"amount": "many", "loose": {"a": 1, "b": 0}},
    "types": {"low": "x", "host": "example.com"},
    "a port without a number": {"ports": [{"name": "a"}]},
}
GOOD = {"low": 1, "high": 2, "kind": "x", "names": ["a"], "once": "o", "host": "localhost"}


@case("rules-kept")
async def kept(stage: Stage) -> None:
    made = crd("gates", "Gate", version("v1", GATE, subresources={"status": {}}))
    root = made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    root["x-kubernetes-validations"] = [{"rule": "self.metadata.name != 'forbidden'", "message": "not that name"}]
    root["properties"]["status"] |= {"x-kubernetes-validations": [{"rule": "!has(self.replicas) || self.replicas < 5"}]}
    await stage.kubectl("create", "-f", "-", stdin=yaml.safe_dump(made), anywhere=True)
    await stage.kubectl("wait", "--for=condition=Established", f"crd/gates.{GROUP}", "--timeout=5s", anywhere=True)
    await sleep(1)
    gates = f"/apis/{GROUP}/v1/namespaces/{stage.namespace}/gates"
    for note, spec in ODD_GATES.items():
        await stage.request("POST", gates, _gate("odd", **spec), note=note)
    await stage.request("POST", gates, _gate("forbidden", low=-1), note="a name")
    await stage.request("POST", gates, _gate("good", **GOOD), note="good")
    for note, change in (
        ("kind changes", {"kind": "y"}),
        ("kind goes", {"kind": None}),
        ("kind comes again", {"kind": "z"}),
        ("once changes", {"once": "p"}),
        ("once goes", {"once": None}),
        ("upside down", {"low": 5}),
        ("right again", {"low": 5, "high": 6}),
    ):
        await stage.request("PATCH", f"{gates}/good", {"spec": change}, type=MERGE, note=note)
    for replicas in (9, 3):
        await stage.request("PATCH", f"{gates}/good/status", {"status": {"replicas": replicas}}, type=MERGE)
    await stage.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(_gate("good", low=9, high=1)))
    await stage.kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump(_gate("other", low=9, high=1)))
    await stage.kubectl("get", "gates", "good", "-o", "jsonpath={.spec}")
    await _ratchets(stage, gates)
    await stage.kubectl("delete", "crd", f"gates.{GROUP}", anywhere=True)


async def _ratchets(stage: Stage, gates: str) -> None:
    """A rule that comes later lets pass what was there and does not change."""
    path = f"{PATH}/gates.{GROUP}"
    rule = {"rule": "self.all(n, n != 'a')", "message": "no more a"}
    at = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/names/x-kubernetes-validations"
    patch = [{"op": "add", "path": at, "value": [rule]}]
    await stage.request("PATCH", path, patch, type="application/json-patch+json", note="a rule comes")
    await sleep(2)
    await stage.request("PATCH", f"{gates}/good", {"spec": {"low": 4}}, type=MERGE, note="elsewhere")
    await stage.request("PATCH", f"{gates}/good", {"spec": {"names": ["a", "b"]}}, type=MERGE, note="here")
