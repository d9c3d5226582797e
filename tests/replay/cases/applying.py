"""Server-side apply and the account of the managers, patches of every kind, and writes that are only tried."""

from asyncio import sleep
from typing import Any

import yaml

from tests.replay.case import Obj, brief, case
from tests.replay.stage import Stage

MERGE = "application/merge-patch+json"
JSON = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


def _map(name: str, data: Obj | None = None, **metadata: Any) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": data or {}}


def _containers(*containers: Obj, **more: Any) -> Obj:
    spec = {"template": {"spec": {"containers": [*containers]}}, **more}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "app"}, "spec": spec}


async def _apply(stage: Stage, manifest: Obj, manager: str, *options: str) -> None:
    await stage.kubectl(
        "apply", "--server-side", f"--field-manager={manager}", *options, "-f", "-", stdin=yaml.safe_dump(manifest)
    )


SHOWN = ("-o", "yaml", "--show-managed-fields")


@case("apply-shared")
async def shared(stage: Stage) -> None:
    """Two managers and one object: what both own, what one lets go, what one takes."""
    await _apply(stage, _map("m", {"a": "1", "b": "1"}, labels={"x": "1"}), "one")
    await _apply(stage, _map("m", {"b": "1", "c": "1"}, finalizers=["example.com/hold"]), "two")
    await stage.kubectl("get", "configmap", "m", *SHOWN)
    await _apply(stage, _map("m", {"a": "1"}), "one")
    await stage.kubectl("get", "configmap", "m", *SHOWN)
    await _apply(stage, _map("m", {"a": "2", "b": "2", "c": "2"}), "one")
    await _apply(stage, _map("m", {"a": "2", "b": "2"}), "one", "--force-conflicts")
    await stage.kubectl("patch", "configmap", "m", "-p", '{"data":{"c":null,"d":"1"},"metadata":{"finalizers":null}}')
    await stage.kubectl("label", "configmap", "m", "x=2")
    await _apply(stage, _map("m", {"d": "2"}, labels={"x": "3"}), "three")
    await stage.kubectl("get", "configmap", "m", *SHOWN)
    path = f"{stage.home}/configmaps/m"
    for query, sent in (
        ("", _map("m")),
        ("?fieldManager=a%20b&force=true", _map("n")),
        (f"?fieldManager={'x' * 129}", _map("m")),
        ("?fieldManager=one", _map("m", resourceVersion="1")),
        ("?fieldManager=one", _map("m", managedFields=[])),
        ("?fieldManager=one", _map("m", managedFields=[{"manager": "x"}])),
        ("?fieldManager=one", {"data": {"a": "1"}}),
        ("?fieldManager=one", _map("m", {"a": 1})),
        ("?fieldManager=one", _map("m", uid="00000000-0000-4000-8000-000000000000")),
        ("?fieldManager=one&dryRun=All", _map("fresh", {"a": "1"})),
        ("?fieldManager=one&dryRun=Some", _map("fresh", {"a": "1"})),
        ("?fieldManager=one&fieldValidation=Loud", _map("m")),
    ):
        await stage.request("PATCH", path, sent, type=APPLY, note=query)
    await stage.request("PATCH", f"{path}?force=true", {"data": {}}, type=MERGE, note="force is for apply")


@case("apply-lists")
async def lists(stage: Stage) -> None:
    """Lists that are merged by a key, lists that are one value, and a controller that scales."""
    await stage.apply(*brief(replicas=0))
    more: Obj = {
        "name": "more",
        "image": "demo/more:1",
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}],
    }
    await _apply(stage, _containers(more), "one")
    await _apply(stage, _containers({**more, "env": [{"name": "B", "value": "2"}], "args": ["x"]}), "one")
    await _apply(stage, _containers({"name": "app", "ports": [{"containerPort": 8080, "name": "web"}]}), "one")
    await _apply(stage, _containers({"name": "more", "args": ["y"]}, {"name": "more"}), "two")
    await _apply(stage, _containers({"image": "nameless"}), "two")
    await _apply(stage, _containers({"name": "app", "env": [{"name": "A", "value": "1"}, {"name": "A"}]}), "two")
    await _apply(stage, _containers(replicas=1), "two")
    await stage.kubectl("scale", "deploy", "app", "--replicas=0")
    await _apply(stage, _containers(replicas=1), "two")
    await stage.kubectl("get", "deploy", "app", *SHOWN)
    path = f"/apis/apps/v1/namespaces/{stage.namespace}/deployments/app"
    scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "app"}, "spec": {"replicas": 0}}
    await stage.request("PATCH", f"{path}/scale?fieldManager=scaler", scale, type=APPLY, note="scale")
    await stage.request("PATCH", f"{path}/scale?fieldManager=scaler&force=true", scale, type=APPLY, note="forced")
    condition = {
        "type": "Mine",
        "status": "True",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "lastUpdateTime": "2026-01-01T00:00:00Z",
    }
    status = {**_containers(), "spec": None, "status": {"conditions": [condition]}}
    await stage.request("PATCH", f"{path}/status?fieldManager=judge", status, type=APPLY, note="status")
    await stage.kubectl("get", "deploy", "app", "-o", "jsonpath={.metadata.managedFields[*].manager} {.spec.replicas}")


@case("managers-without-apply")
async def managers(stage: Stage) -> None:
    """Who owns what after kubectl's other verbs, and whom a later apply meets."""
    data = "--from-literal=a=1"
    await stage.kubectl("create", "configmap", "m", data)
    await stage.kubectl("get", "configmap", "m", *SHOWN)
    await stage.kubectl("label", "configmap", "m", "x=1")
    await stage.kubectl("annotate", "configmap", "m", "y=1")
    await stage.kubectl("patch", "configmap", "m", "-p", '{"data":{"b":"1"}}')
    await stage.kubectl("replace", "-f", "-", stdin=yaml.safe_dump(_map("m", {"a": "2", "b": "1", "c": "1"})))
    await stage.kubectl("get", "configmap", "m", *SHOWN)
    await _apply(stage, _map("m", {"a": "3", "b": "2"}), "late")
    await stage.kubectl("create", "deploy", "d", "--image=demo/app:1", "--replicas=0")
    await sleep(1)
    await stage.kubectl("set", "env", "deploy/d", "A=1")
    await sleep(1)
    await stage.kubectl("get", "deploy", "d", *SHOWN)
    await stage.kubectl("get", "rs", "-l", "app=d", "-o", "jsonpath={.items[*].metadata.managedFields[*].manager}")
    await _apply(stage, _map("m", {"a": "3"}), "kubectl-create")
    wanted = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": {"replicas": 1}}
    await _apply(stage, wanted, "late")
    await stage.kubectl("apply", "view-last-applied", "configmap/m")
    await stage.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(_map("m", {"a": "9"})))
    await stage.kubectl("apply", "view-last-applied", "configmap/m")
    await stage.kubectl("get", "configmap", "m", *SHOWN)


@case("patches")
async def patches(stage: Stage) -> None:
    """What strategic merge has beside merging, each operation of JSON patch, and what comes of it."""
    await stage.apply(*brief(replicas=0))
    path = f"/apis/apps/v1/namespaces/{stage.namespace}/deployments/app"

    def pod(**spec: Any) -> Obj:
        return {"spec": {"template": {"spec": spec}}}

    def container(**fields: Any) -> Obj:
        return pod(containers=[{"name": "app", **fields}])

    for patch in (
        pod(
            containers=[{"name": "b", "image": "x"}],
            **{"$setElementOrder/containers": [{"name": "b"}, {"name": "app"}]},
        ),
        container(env=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]),
        container(env=[{"name": "A", "$patch": "delete"}]),
        container(**{"$setElementOrder/env": [{"name": "C"}], "env": [{"name": "C", "value": "3"}]}),
        container(**{"$setElementOrder/env": [{"name": "C"}, {"name": "B"}], "env": [{"name": "B", "value": "4"}]}),
        pod(containers=[{"name": "b", "$patch": "delete"}]),
        pod(containers=[{"$patch": "delete"}]),
        pod(containers=[{"$patch": "replace"}, {"name": "c", "image": "y"}]),
        {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}},
        {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate", "rollingUpdate": {"maxSurge": 1}}}},
        {"spec": {"strategy": {"$patch": "replace", "type": "RollingUpdate"}}},
        {"metadata": {"labels": {"$patch": "replace", "only": "this"}}},
        {"metadata": {"labels": {"$patch": "delete"}}},
        {"metadata": {"finalizers": ["example.com/a", "example.com/b"]}},
        {"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/a"]}},
        {"metadata": {"$deleteFromPrimitiveList/finalizers": "example.com/b"}},
        {"metadata": {"$setElementOrder/finalizers": ["example.com/z"], "finalizers": ["example.com/c"]}},
        {"metadata": {"resourceVersion": "1"}},
        {"$patch": "delete"},
        {"$patch": "replace", "spec": {"replicas": 0}},
        {"metadata": {"finalizers": None}},
    ):
        await stage.request("PATCH", path, patch, type=STRATEGIC, note=str(patch))
    await stage.kubectl("get", "deploy", "app", "-o", "yaml")
    for operations in (
        [{"op": "add", "path": "/metadata/labels", "value": {"a": "1"}}],
        [{"op": "copy", "from": "/metadata/labels/a", "path": "/metadata/labels/b"}],
        [{"op": "move", "from": "/metadata/labels/a", "path": "/metadata/labels/c~1d"}],
        [{"op": "test", "path": "/metadata/labels/c~1d", "value": "1"}, {"op": "remove", "path": "/metadata/labels/b"}],
        [
            {"op": "test", "path": "/metadata/labels/b", "value": None},
            {"op": "add", "path": "/metadata/labels/e", "value": "5"},
        ],
        [{"op": "test", "path": "/metadata/labels/nope", "value": "1"}],
        [{"op": "move", "from": "/metadata/nope", "path": "/metadata/labels/x"}],
        [{"op": "copy", "from": "/metadata/nope", "path": "/metadata/labels/x"}],
        [{"op": "add", "path": "/spec/template/spec/containers/-", "value": {"name": "z", "image": "z"}}],
        [{"op": "add", "path": "/spec/template/spec/containers/0", "value": {"name": "y", "image": "z"}}],
        [{"op": "remove", "path": "/spec/template/spec/containers/7"}],
        [{"op": "remove", "path": "/spec/template/spec/containers/x"}],
        [{"op": "replace", "path": "/spec/template/spec/containers/-1/image", "value": "w"}],
        [{"op": "add", "path": "no-slash", "value": 1}],
        [{"op": "add", "path": "/spec/replicas"}],
        [{"path": "/spec/replicas", "value": 1}],
        [{"op": "remove"}],
        [],
        [1],
        "text",
        [{"op": "replace", "path": "", "value": {}}],
        [{"op": "replace", "path": "/metadata/resourceVersion", "value": "1"}],
        [{"op": "replace", "path": "/metadata/name", "value": "other"}],
    ):
        await stage.request("PATCH", path, operations, type=JSON, note=str(operations))
    for merged in (
        {"metadata": {"labels": None, "annotations": {"a": None}}},
        {"spec": {"template": {"spec": {"containers": [{"name": "app"}]}}}},
        {"spec": None},
        {"spec": {"paused": "yes"}},
        {"apiVersion": "apps/v2"},
        {"kind": "Pod"},
        {"status": {"replicas": 7}},
        {"nonsense": {"a": 1}},
        None,
        {},
    ):
        await stage.request("PATCH", path, merged, type=MERGE, note=str(merged))
    await stage.request("PATCH", f"{path}/scale", {"spec": {"replicas": -1}}, type=MERGE, note="scale")
    await stage.request("PATCH", f"{path}/scale", {"spec": {"replicas": "x"}}, type=MERGE, note="scale")
    await stage.request("PATCH", f"{path}/status", {"status": {"replicas": -1}}, type=MERGE, note="status")
    await stage.request("PATCH", f"{path}/nonsense", {}, type=MERGE)
    await stage.kubectl("get", "deploy", "app", "-o", "yaml")


@case("only-tried")
async def only_tried(stage: Stage) -> None:
    """dryRun, fieldValidation, preconditions and generated names."""
    maps = f"{stage.home}/configmaps"
    await stage.create(_map("m", {"a": "1"}), query="?dryRun=All")
    await stage.request("GET", f"{maps}/m", note="was only tried")
    await stage.create(_map("m", {"a": "1"}), query="?dryRun=Nothing")
    await stage.create(_map("m", {"a": "1"}), query="?dryRun=All&dryRun=All")
    await stage.create(_map("m", {"a": "1"}))
    strange = {**_map("n", {"a": "1"}), "metadata": {"name": "n", "nmae": 1}, "spec": {}}
    for level in ("Strict", "Warn", "Ignore", "Loud"):
        await stage.create(
            {**strange, "metadata": {"name": level.lower(), "nmae": 1}}, query=f"?fieldValidation={level}", note=level
        )
    for level in ("strict", "warn", "ignore", "loud"):
        await stage.kubectl(
            "create",
            f"--validate={level}",
            "-f",
            "-",
            stdin=yaml.safe_dump({**strange, "metadata": {"name": f"k-{level}", "nmae": 1}}),
        )
    twice = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: twice}\ndata:\n  a: one\n  a: two\n"
    await stage.kubectl("create", "-f", "-", stdin=twice)
    await stage.kubectl("apply", "--server-side", "-f", "-", stdin=twice)
    await stage.request(
        "PATCH", f"{maps}/m?fieldValidation=Strict", {"dta": {}, "metadata": {"x": 1}}, type=MERGE, note="misspelt"
    )
    await stage.request(
        "PATCH",
        f"{maps}/m?fieldValidation=Strict",
        [{"op": "add", "path": "/dta", "value": 1}],
        type=JSON,
        note="misspelt",
    )
    await stage.request("PATCH", f"{maps}/m?fieldValidation=Strict", {"dta": {}}, type=STRATEGIC, note="misspelt")
    await stage.request("PUT", f"{maps}/m?fieldValidation=Strict", {**_map("m"), "dta": {}}, note="misspelt")
    await stage.request(
        "PATCH", f"{maps}/m", {"metadata": {"resourceVersion": "1"}, "data": {"a": "2"}}, type=MERGE, note="old"
    )
    await stage.request(
        "PATCH", f"{maps}/m", {"metadata": {"resourceVersion": "x"}, "data": {"a": "2"}}, type=MERGE, note="no version"
    )
    await stage.request("PUT", f"{maps}/m", _map("m", resourceVersion="x"), note="no version")
    await stage.request("PUT", f"{maps}/m", _map("m", uid="x"), note="other uid")
    await stage.request("PUT", f"{maps}/m?dryRun=All", _map("m", {"a": "3"}), note="tried")
    await stage.create(_map("late", resourceVersion="7"), note="with a version")
    await stage.create({**_map(""), "metadata": {"generateName": "made-"}}, note="generated")
    await stage.create({**_map(""), "metadata": {"generateName": "x" * 70}}, note="generated, too long")
    await stage.request("DELETE", f"{maps}/m?dryRun=All")
    await stage.request(
        "DELETE", f"{maps}/m", {"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": ["Some"]}, note="dry"
    )
    await stage.request("DELETE", f"{maps}/m?gracePeriodSeconds=x")
    await stage.request("DELETE", f"{maps}/m?propagationPolicy=Sideways")
    await stage.request("DELETE", f"{maps}/m", {"kind": "Nonsense", "apiVersion": "v1"}, note="other options")
    await stage.request("DELETE", maps + "?labelSelector=a%3Db&dryRun=All", note="some")
    await stage.kubectl("create", "deploy", "d", "--image=demo/app:1", "--dry-run=server", "-o", "yaml")
    await stage.kubectl("delete", "configmap", "m", "--dry-run=server")
    await stage.kubectl("get", "configmaps")
    await stage.request("DELETE", maps, note="all")
    await stage.kubectl("get", "configmaps")
