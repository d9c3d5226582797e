"""Lists in pieces, watches from the past, selectors, forms of answers, and paths that lead nowhere."""

from asyncio import sleep
from typing import Any

from tests.replay.case import Obj, case
from tests.replay.stage import Stage

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PARTIAL = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


def _map(name: str, **metadata: Any) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}}


@case("lists-in-pieces")
async def pieces(stage: Stage) -> None:
    maps = f"{stage.home}/configmaps"
    for name in "abcdef":
        await stage.create(_map(name, labels={"letter": name, "vowel": str(name in "ae").lower()}))
    only = "labelSelector=letter"
    first = await stage.request("GET", f"{maps}?{only}&limit=2", note="first")
    more = first["metadata"]["continue"]
    second = await stage.request("GET", f"{maps}?{only}&limit=3&continue=" + more, note="second")
    token = second["metadata"]["continue"]
    await stage.request("GET", f"{maps}?{only}&limit=3&continue=" + token, note="third")
    version = first["metadata"]["resourceVersion"]
    for query in (
        "limit=2&continue=nonsense",
        "continue=e30",
        "limit=-1",
        f"limit=2&{only}&resourceVersion=0",
        f"{only}&resourceVersion={version}&resourceVersionMatch=Exact",
        f"{only}&resourceVersion={version}&resourceVersionMatch=NotOlderThan",
        "resourceVersion=1&resourceVersionMatch=Exact",
        "resourceVersion=99999999",
        "resourceVersion=x",
        "resourceVersionMatch=Exact",
        "resourceVersion=1&resourceVersionMatch=Nearly",
        "timeoutSeconds=x",
        "labelSelector=vowel%3Dtrue",
        "labelSelector=vowel%20in%20(true%2Cfalse)%2Cletter!%3Da",
        "labelSelector=vowel%20notin%20(true)%2Cletter",
        "labelSelector=!letter",
        "labelSelector=letter%20in%20a",
        "labelSelector=letter%20in%20()",
        "labelSelector=a%3D%3D%3Db",
        "labelSelector=x%20gt%20one",
        "labelSelector=x%3E1",
        "labelSelector=-a%3Db",
        "labelSelector=a%3Db%2C%2Cc",
        f"labelSelector=a%3D{'x' * 64}",
        "fieldSelector=metadata.name%3Da",
        "fieldSelector=metadata.name!%3Da",
        "fieldSelector=metadata.name",
        "fieldSelector=metadata.labels%3Da",
        "fieldSelector=data%3Da%2Cmetadata.name%3Db",
        "fieldSelector=metadata.name%20in%20(a)",
    ):
        await stage.request("GET", f"{maps}?{query}")
    await stage.request("DELETE", f"{maps}?labelSelector=vowel%3Dtrue", note="vowels")
    await stage.request("DELETE", f"{maps}?fieldSelector=metadata.name%3Db", note="b")
    await stage.request("DELETE", f"{maps}?labelSelector=letter&limit=1", note="one")
    await stage.kubectl("get", "configmaps", "-l", "letter", "--chunk-size=1")
    await stage.kubectl("get", "configmaps", "-l", "letter", "--field-selector=nonsense=a")
    for kind, field in (
        ("pods", "spec.nothing"),
        ("pods", "spec.nodeName"),
        ("pods", "status.phase"),
        ("pods", "status.podIP"),
        ("pods", "spec.restartPolicy"),
        ("services", "spec.clusterIP"),
        ("services", "spec.type"),
        ("services", "x"),
        ("events", "reason"),
        ("events", "type"),
        ("events", "x"),
        ("secrets", "type"),
        ("secrets", "x"),
        ("nodes", "spec.unschedulable"),
        ("nodes", "x"),
        ("namespaces", "status.phase"),
        ("namespaces", "x"),
        ("replicationcontrollers", "status.replicas"),
        ("persistentvolumeclaims", "status.phase"),
        ("persistentvolumes", "x"),
        ("endpoints", "x"),
    ):
        await stage.request("GET", f"/api/v1/{kind}?fieldSelector={field}%3Da&limit=1")
    for kind, field in (
        ("apps/v1/deployments", "x"),
        ("apps/v1/replicasets", "status.replicas"),
        ("apps/v1/statefulsets", "x"),
        ("apps/v1/daemonsets", "x"),
        ("batch/v1/jobs", "status.successful"),
        ("batch/v1/jobs", "x"),
        ("batch/v1/cronjobs", "x"),
        ("networking.k8s.io/v1/ingresses", "x"),
        ("certificates.k8s.io/v1/certificatesigningrequests", "spec.signerName"),
        ("certificates.k8s.io/v1/certificatesigningrequests", "x"),
        ("events.k8s.io/v1/events", "regarding.kind"),
        ("events.k8s.io/v1/events", "involvedObject.kind"),
        ("discovery.k8s.io/v1/endpointslices", "x"),
    ):
        await stage.request("GET", f"/apis/{kind}?fieldSelector={field}%3Da&limit=1")


@case("watches")
async def watches(stage: Stage) -> None:
    maps = f"{stage.home}/configmaps"
    await stage.create(_map("a", labels={"x": "1"}))
    start = (await stage.request("GET", f"{maps}?labelSelector=x"))["metadata"]["resourceVersion"]
    await stage.create(_map("b", labels={"x": "1"}))
    await stage.request("PATCH", f"{maps}/a", {"metadata": {"labels": {"x": "2"}}}, type="application/merge-patch+json")
    await stage.request("PATCH", f"{maps}/a", {"data": {"k": "v"}}, type="application/merge-patch+json")
    await stage.request("DELETE", f"{maps}/b")
    await sleep(0.2)

    async def watch(query: str, note: str) -> None:
        await stage.request("GET", f"{maps}?watch=true&timeoutSeconds=1&{query}", note=note)

    await watch(f"resourceVersion={start}&labelSelector=x", "from then on")
    await watch(f"resourceVersion={start}&labelSelector=x%3D1", "those with 1")
    await watch(f"resourceVersion={start}&labelSelector=x%3D2", "those with 2")
    await watch(f"resourceVersion={start}&fieldSelector=metadata.name%3Db", "b")
    await watch("labelSelector=x", "what there is")
    await watch("labelSelector=x&resourceVersion=0", "from any time")
    await watch("labelSelector=x&resourceVersion=1", "long ago")
    await watch("labelSelector=x&resourceVersion=99999999", "the future")
    await watch("labelSelector=x&resourceVersion=y", "no version")
    await watch(
        "labelSelector=x&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
        "streamed list",
    )
    await watch("sendInitialEvents=true", "no match")
    await watch("sendInitialEvents=true&resourceVersionMatch=NotOlderThan", "no bookmarks")
    await watch("resourceVersionMatch=NotOlderThan&resourceVersion=1", "no initial events")
    await watch("resourceVersionMatch=Exact&resourceVersion=1&sendInitialEvents=false", "exact")
    await watch("limit=1&labelSelector=x", "limited")
    await watch("fieldSelector=x%3Dy", "unknown field")
    await stage.request("GET", f"{maps}/a?watch=true&timeoutSeconds=1", note="one")
    await stage.request(
        "GET", f"/api/v1/watch/namespaces/{stage.namespace}/configmaps?timeoutSeconds=1", note="the old path"
    )


@case("paths-and-forms")
async def forms(stage: Stage) -> None:
    """Unknown resources, versions and methods; bodies that cannot be read; answers in other forms."""
    maps, apps = f"{stage.home}/configmaps", f"/apis/apps/v1/namespaces/{stage.namespace}"
    for method, path in (
        ("GET", "/api/v2/pods"),
        ("GET", "/api/v1/nonsense"),
        ("GET", "/apis/apps/v1beta1/deployments"),
        ("GET", "/apis/apps/v2/deployments"),
        ("GET", "/apis/nonsense/v1/things"),
        ("GET", "/apis/apps"),
        ("GET", "/apis/nope"),
        ("GET", "/apis/apps/v9"),
        ("GET", "/nope"),
        ("GET", f"{maps}/src/nonsense"),
        ("GET", f"{maps}/src/status"),
        ("GET", f"{stage.home}/nodes"),
        ("GET", f"{stage.home}/namespaces"),
        ("GET", f"{apps}/pods"),
        ("POST", f"{maps}/src"),
        ("PUT", maps),
        ("PATCH", maps),
        ("POST", "/api/v1/configmaps"),
        ("DELETE", "/api/v1/configmaps"),
        ("DELETE", "/api/v1/namespaces"),
        ("POST", f"{stage.home}/pods/x/log"),
        ("GET", f"{stage.home}/pods/x/exec"),
        ("GET", f"{stage.home}/pods/x/binding"),
        ("GET", f"{stage.home}/pods/x/eviction"),
        ("POST", f"{stage.home}/pods/x/nonsense"),
        ("DELETE", f"{stage.home}/pods/x/status"),
        ("PUT", f"{apps}/deployments/x/scale"),
        ("GET", f"{apps}/deployments/x/scale"),
        ("OPTIONS", maps),
        ("GET", f"{maps}/"),
        ("GET", f"{maps}/Not_A_Name"),
        ("GET", f"{maps}/a%2Fb"),
        ("GET", "/api/v1/namespaces/nope/pods/x"),
        ("GET", "/healthz/ping"),
        ("GET", "/healthz/nope"),
        ("GET", "/livez"),
        ("GET", "/readyz"),
        ("GET", "/openapi/v3/apis/nope/v1"),
        ("GET", f"{stage.home}/podtemplates"),
        ("GET", "/api/v1/componentstatuses"),
        ("GET", "/api/v1/componentstatuses/etcd-0"),
        ("GET", "/api/v1/componentstatuses/nope"),
    ):
        await stage.request(method, path)
    for type, body in (
        ("text/plain", _map("x")),
        ("application/xml", _map("x")),
        ("", _map("x")),
        ("application/yaml", _map("yaml")),
        ("application/json; charset=utf-8", _map("charset")),
        ("application/json", [_map("x")]),
        ("application/json", "text"),
        ("application/json", 1),
        ("application/json", None),
        ("application/json", {}),
        ("application/json", {"kind": "ConfigMap", "metadata": {"name": "no-version"}}),
        ("application/json", {"apiVersion": "v1", "metadata": {"name": "no-kind"}}),
        ("application/json", {**_map("x"), "apiVersion": "v2"}),
        ("application/json", {**_map("x"), "apiVersion": "apps/v1"}),
        ("application/json", {**_map("x"), "kind": "Nonsense"}),
        ("application/json", {**_map("x"), "kind": "Pod"}),
        ("application/json", {**_map("x"), "metadata": "text"}),
        ("application/json", {**_map("x"), "data": ["a"]}),
        ("application/json", {**_map("x"), "data": {"a": {}}}),
        ("application/json", {**_map("x"), "binaryData": {"a": "?"}}),
        ("application/json", {**_map("x"), "immutable": "yes"}),
        ("application/json", {**_map("x"), "metadata": {"name": "x", "labels": {"a": 1}}}),
        ("application/json", {**_map("x"), "metadata": {"name": "x", "creationTimestamp": "soon"}}),
        ("application/json", {**_map("x"), "metadata": {"name": 7}}),
        ("application/vnd.kubernetes.protobuf", {}),
    ):
        await stage.request("POST", maps, body, type=type, note=f"{type} {body}")
    await stage.kubectl("get", "--raw", f"{maps}/src/nonsense")
    await stage.kubectl("create", "--raw", maps, "-f", "-", stdin="{nonsense")
    await stage.kubectl("create", "--raw", maps, "-f", "-", stdin='{"a":1,}')
    await stage.kubectl("create", "--raw", maps, "-f", "-", stdin="")
    await stage.commands(
        """
        get componentstatuses
        get podtemplates
        get pods.v2
        get deployments.v1beta1.apps
        get deployments.v1.apps
        get hpa.v1.autoscaling
        get nonsense.example.com
        get configmap/src pod/nope
        get configmap,nonsense
        """
    )
