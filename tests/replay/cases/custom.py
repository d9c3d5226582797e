"""CustomResourceDefinitions: which are refused and why, and objects under a schema."""

from asyncio import sleep
from typing import Any

import yaml

from tests.replay.case import Obj, case
from tests.replay.stage import Stage

MERGE = "application/merge-patch+json"
PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
GROUP = "replay.example.com"


def crd(plural: str, kind: str, *versions: Obj, **spec: Any) -> Obj:
    whole = {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
        "versions": [*versions],
        **spec,
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": whole,
    }


def version(name: str, spec: Obj, **more: Any) -> Obj:
    schema = {
        "type": "object",
        "properties": {
            "spec": spec,
            "status": {"type": "object", "properties": {"replicas": {"type": "integer"}, "phase": {"type": "string"}}},
        },
    }
    return {"name": name, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}, **more}


def fields(**properties: Any) -> Obj:
    return {"type": "object", "properties": properties}


TEXT, NUMBER = {"type": "string"}, {"type": "integer"}


@case("definitions-refused")
async def refused(stage: Stage) -> None:
    good = version("v1", fields(a=TEXT))
    for note, definition in (
        ("no versions", crd("as", "A")),
        (
            "names",
            crd(
                "As",
                "a b",
                good,
                names={"plural": "As", "kind": "a b", "shortNames": ["X_"], "categories": ["All of it"]},
            ),
        ),
        ("another name", {**crd("as", "A", good), "metadata": {"name": "bs.example.com"}}),
        ("no group", crd("as", "A", good, group="")),
        ("scope", crd("as", "A", good, scope="Everywhere")),
        ("no storage", crd("as", "A", {**good, "storage": False})),
        ("twice", crd("as", "A", good, good)),
        ("two stored", crd("as", "A", good, {**good, "name": "v2"})),
        ("version's name", crd("as", "A", {**good, "name": "V_1"})),
        ("no schema", crd("as", "A", {"name": "v1", "served": True, "storage": True})),
        (
            "untyped",
            crd("as", "A", version("v1", {"properties": {"a": {}, "b": {"type": "array"}, "c": {"type": "odd"}}})),
        ),
        (
            "both kinds of fields",
            crd("as", "A", version("v1", {"type": "object", "properties": {"a": TEXT}, "additionalProperties": TEXT})),
        ),
        (
            "bad default",
            crd(
                "as",
                "A",
                version("v1", fields(a={"type": "string", "default": 3}, b={"type": "object", "default": {"x": 1}})),
            ),
        ),
        (
            "bad pattern",
            crd(
                "as",
                "A",
                version(
                    "v1",
                    fields(a={"type": "string", "pattern": "("}, b={"type": "string", "minLength": 3, "enum": []}),
                ),
            ),
        ),
        (
            "list types",
            crd(
                "as",
                "A",
                version(
                    "v1",
                    fields(
                        a={"type": "array", "items": TEXT, "x-kubernetes-list-type": "map"},
                        b={
                            "type": "array",
                            "items": fields(k=TEXT),
                            "x-kubernetes-list-type": "map",
                            "x-kubernetes-list-map-keys": ["j"],
                        },
                        c={"type": "array", "items": fields(k=TEXT), "x-kubernetes-list-type": "odd"},
                    ),
                ),
            ),
        ),
        (
            "logic",
            crd(
                "as",
                "A",
                version(
                    "v1",
                    {
                        "type": "object",
                        "properties": {"a": TEXT},
                        "allOf": [{"properties": {"a": {"type": "string"}, "b": {"minLength": 1}}}],
                        "not": {"default": 1},
                    },
                ),
            ),
        ),
        (
            "metadata",
            crd(
                "as",
                "A",
                {
                    **good,
                    "schema": {
                        "openAPIV3Schema": fields(
                            metadata=fields(name=TEXT, labels={"type": "object"}), spec=fields(a=TEXT)
                        )
                    },
                },
            ),
        ),
        (
            "columns",
            crd(
                "as",
                "A",
                {
                    **good,
                    "additionalPrinterColumns": [
                        {"name": "", "type": "text", "jsonPath": "spec.a"},
                        {"name": "b", "type": "string", "jsonPath": ".spec[?("},
                    ],
                },
            ),
        ),
        (
            "scale",
            crd(
                "as",
                "A",
                {
                    **good,
                    "subresources": {
                        "scale": {"specReplicasPath": ".status.x", "statusReplicasPath": "", "labelSelectorPath": "x"}
                    },
                },
            ),
        ),
        ("conversion", crd("as", "A", good, conversion={"strategy": "Odd"})),
        ("preserve", crd("as", "A", good, preserveUnknownFields=True)),
        ("approved", {**crd("as", "A", good, group="x.k8s.io"), "metadata": {"name": "as.x.k8s.io"}}),
    ):
        await stage.request("POST", PATH, definition, note=note)


THING = fields(
    size={"type": "integer", "minimum": 1, "maximum": 9, "default": 2},
    mode={"type": "string", "enum": ["Fast", "Slow"], "default": "Slow"},
    name={"type": "string", "pattern": "^[a-z]+$", "maxLength": 5},
    when={"type": "string", "format": "date-time"},
    ratio={"type": "number", "exclusiveMinimum": True, "minimum": 0, "multipleOf": 0.5},
    tags={
        "type": "array",
        "items": TEXT,
        "minItems": 1,
        "maxItems": 2,
        "uniqueItems": False,
        "x-kubernetes-list-type": "set",
    },
    parts={
        "type": "array",
        "items": {**fields(id=TEXT, n={"type": "integer", "default": 1}), "required": ["id"]},
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["id"],
    },
    limits={"type": "object", "additionalProperties": {"type": "integer"}, "maxProperties": 2},
    either={"x-kubernetes-int-or-string": True},
    maybe={"type": "string", "nullable": True},
    loose={"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    pod={"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True},
)


def _thing(name: str, spec: Obj | None = None, **more: Any) -> Obj:
    return {"apiVersion": f"{GROUP}/v1", "kind": "Thing", "metadata": {"name": name}, "spec": spec or {}, **more}


@case("custom-objects")
async def objects(stage: Stage) -> None:
    columns = [
        {"name": "Size", "type": "integer", "jsonPath": ".spec.size", "description": "how large"},
        {"name": "Phase", "type": "string", "jsonPath": ".status.phase"},
        {"name": "Mode", "type": "string", "jsonPath": ".spec.mode", "priority": 1},
        {"name": "Tags", "type": "string", "jsonPath": ".spec.tags[*]"},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]
    scale = {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.replicas"}
    spec = {**THING, "required": ["size"]}
    first = version("v1", spec, additionalPrinterColumns=columns, subresources={"status": {}, "scale": scale})
    second = {**first, "name": "v1beta1", "storage": False, "deprecated": True, "deprecationWarning": "use v1"}
    definition = crd("things", "Thing", first, second)
    definition["spec"]["names"] |= {"shortNames": ["th"], "categories": ["all"]}
    await stage.kubectl("create", "-f", "-", stdin=yaml.safe_dump(definition), anywhere=True)
    await stage.kubectl("wait", "--for=condition=Established", f"crd/things.{GROUP}", "--timeout=5s", anywhere=True)
    await sleep(1)
    things = f"/apis/{GROUP}/v1/namespaces/{stage.namespace}/things"
    for note, thing in (
        (
            "good",
            _thing(
                "good",
                {
                    "name": "abc",
                    "tags": ["x", "y"],
                    "parts": [{"id": "a"}],
                    "either": "1",
                    "maybe": None,
                    "loose": {"any": [1]},
                    "extra": 1,
                },
                status={"phase": "ignored"},
            ),
        ),
        ("numbers", _thing("numbers", {"size": 0, "ratio": 0, "limits": {"a": "x", "b": 1, "c": 2}})),
        ("more numbers", _thing("numbers", {"size": 10, "ratio": 0.7})),
        (
            "types",
            _thing("types", {"size": "1", "mode": 3, "name": {}, "tags": "x", "parts": {}, "either": [], "loose": 1}),
        ),
        ("words", _thing("words", {"mode": "Odd", "name": "Wrong name", "when": "soon", "maybe": 1})),
        ("lists", _thing("lists", {"tags": ["x", "x", "y"], "parts": [{"id": "a"}, {"id": "a"}, {"n": 1}]})),
        ("no tags", _thing("lists", {"tags": []})),
        ("null", _thing("null", {"size": None, "name": None, "tags": None})),
        ("no spec", {"apiVersion": f"{GROUP}/v1", "kind": "Thing", "metadata": {"name": "nothing"}}),
        ("spec of text", {**_thing("text"), "spec": "text"}),
        ("embedded", _thing("embedded", {"pod": {"spec": {}}})),
        (
            "embedded name",
            _thing("embedded", {"pod": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "A b"}}}),
        ),
        ("other kind", {**_thing("kind"), "kind": "Thin"}),
        ("other version", {**_thing("version"), "apiVersion": f"{GROUP}/v2"}),
        ("older version", {**_thing("older"), "apiVersion": f"{GROUP}/v1beta1"}),
        ("name", _thing("Bad_Name")),
    ):
        await stage.request("POST", things, thing, note=note)
        await stage.request("POST", f"{things}?fieldValidation=Strict&dryRun=All", thing, note=f"{note}, strictly")
    await stage.request("PATCH", f"{things}/good", {"spec": {"size": 11}}, type=MERGE, note="too large")
    await stage.request("PATCH", f"{things}/good", {"spec": {"size": None}}, type=MERGE, note="default again")
    await stage.request(
        "PATCH", f"{things}/good", {"spec": {}}, type="application/strategic-merge-patch+json", note="strategic"
    )
    await stage.request(
        "PATCH", f"{things}/good/status", {"status": {"replicas": "x"}, "spec": {"size": 5}}, type=MERGE, note="status"
    )
    await stage.request(
        "PATCH",
        f"{things}/good/status",
        {"status": {"replicas": 3, "phase": "Done"}, "spec": {"size": 5}},
        type=MERGE,
        note="status",
    )
    await stage.request("PUT", f"{things}/good", _thing("good", {"size": 3}), note="without a version")
    await stage.commands(
        f"""
        scale thing good --replicas=4
        scale thing good --replicas=20
        get things
        get th -o wide
        get thing.v1beta1.{GROUP} good
        get thing good -o yaml
        describe thing good
        get all
        explain thing.spec --recursive
        explain thing.spec.size
        patch thing good --type=merge -p {{"spec":{{"mode":"Odd"}}}}
        patch thing good -p {{"spec":{{"mode":"Fast"}}}}
        get things --field-selector=spec.size=4
        wait thing/good --for=jsonpath={{.status.phase}}=Done --timeout=1s
        """
    )
    await stage.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(_thing("applied", {"sise": 1})))
    await stage.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(_thing("applied", {"size": 1, "tags": ["a"]})))
    await stage.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(_thing("applied", {"size": 3})))
    await stage.kubectl("get", "thing", "applied", "-o", "yaml", "--show-managed-fields")
    narrower = {"spec": {"versions": [{**second, "storage": True}]}}
    await stage.request("PATCH", f"{PATH}/things.{GROUP}", narrower, type=MERGE, note="without the stored version")
    await stage.request("PATCH", f"{PATH}/things.{GROUP}", {"spec": {"scope": "Cluster"}}, type=MERGE, note="scope")
    await stage.request(
        "PATCH",
        f"{PATH}/things.{GROUP}",
        {"spec": {"names": {"kind": "Other", "plural": "others"}}},
        type=MERGE,
        note="names",
    )
    await stage.kubectl("get", "crd", f"things.{GROUP}", anywhere=True)
    await stage.kubectl("delete", "crd", f"things.{GROUP}", anywhere=True)
    await stage.kubectl("get", "things")
