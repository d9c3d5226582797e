"""State that outlives its pod.

Which path holds state is known for StatefulSets, for images of well-known databases, and for pods that say so with the
annotation `seawall.dev/state: /path`. What counts is the volume that path lies on: an emptyDir mounted on /tmp beside a
database that writes to its image's layer keeps nothing.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

from chaos.defenses.kind import Check, Defense, Item, Rule
from chaos.judging.storage import judge
from chaos.manifests import (
    Container,
    Manifest,
    Manifests,
    Obj,
    changed,
    containers,
    items,
    made,
    mapping,
    number,
    of_kind,
    pod_metadata,
    pod_spec,
    pod_spec_path,
    put,
    remembered,
    words,
    workloads,
)

STATE_ANNOTATION = "seawall.dev/state"
FIRST_GUESS = "1Gi"

# Where the official images of databases keep their data.
DATA_PATHS = {
    "postgres": "/var/lib/postgresql/data",
    "postgresql": "/bitnami/postgresql",
    "mysql": "/var/lib/mysql",
    "mariadb": "/var/lib/mysql",
    "mongo": "/data/db",
    "mongodb": "/bitnami/mongodb",
    "redis": "/data",
    "valkey": "/data",
    "rabbitmq": "/var/lib/rabbitmq",
    "elasticsearch": "/usr/share/elasticsearch/data",
    "cassandra": "/var/lib/cassandra",
    "etcd": "/var/lib/etcd",
    "influxdb": "/var/lib/influxdb2",
    "minio": "/data",
    "consul": "/consul/data",
}

STATE_DIES = Rule(
    "state-dies-with-pod",
    "When the pod is rescheduled, everything it had written there is gone.",
    "Put the path on a PersistentVolumeClaim, or a volumeClaimTemplate of a StatefulSet.",
)
NO_CLASS = Rule(
    "storage-class-unnamed",
    "Without a storageClassName the claim waits for whatever the cluster calls its default, or stays Pending for ever.",
    "Name the storageClassName the claim is meant for.",
)
TWO_WRITERS = Rule(
    "two-writers",
    "A rolling update starts the new pod while the old one holds the volume: two writers, or one stuck in Pending.",
    "Use a StatefulSet, or strategy: Recreate with one replica.",
)


class State(NamedTuple):
    """A place where a workload keeps what must not be lost; no container when only the workload's kind tells."""

    container: Container | None
    path: str


def states(workload: Manifest) -> list[State]:
    found = []
    noted = mapping(pod_metadata(workload.data), "annotations").get(STATE_ANNOTATION)
    for container in containers(workload.data):
        known = DATA_PATHS.get(repository(str(container.spec.get("image") or "")))
        if isinstance(noted, str) and (_volume_name(container.spec, noted) or _is_first(workload, container)):
            found.append(State(container, noted))
        elif known and not noted:
            found.append(State(container, known))
    return found or ([State(None, "")] if workload.kind == "StatefulSet" else [])


def _is_first(workload: Manifest, container: Container) -> bool:
    mounted = any(_volume_name(c.spec, _noted(workload)) for c in containers(workload.data))
    first = next((c for c in containers(workload.data) if c.role == "container"), None)
    return not mounted and first is not None and first.path == container.path


def _noted(workload: Manifest) -> str:
    return str(mapping(pod_metadata(workload.data), "annotations").get(STATE_ANNOTATION, ""))


def repository(image: str) -> str:
    """The last word of an image's name: `redis` of `docker.io/library/redis:7`."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def _volume_name(container: Obj, path: str) -> str:
    """The volume that `path` lies on: that of the longest mount path above it; empty for the image's own layer."""
    above = {PurePosixPath(path), *PurePosixPath(path).parents}
    mounts = [m for m in items(container, "volumeMounts") if PurePosixPath(str(m.get("mountPath"))) in above]
    longest = max(mounts, key=lambda m: len(str(m.get("mountPath")).rstrip("/")), default={})
    return str(longest.get("name", ""))


def lasting(data: Obj) -> set[str]:
    """The volumes of a workload that outlive its pods."""
    claimed = {str(v.get("name")) for v in items(pod_spec(data), "volumes") if "persistentVolumeClaim" in v}
    templates = items(data, "spec", "volumeClaimTemplates") if data.get("kind") == "StatefulSet" else []
    return claimed | {str(mapping(t, "metadata").get("name")) for t in templates}


def outlives(workload: Manifest, state: State) -> bool:
    volumes = lasting(workload.data)
    return bool(volumes) if state.container is None else _volume_name(state.container.spec, state.path) in volumes


def _volumes(manifests: Manifests) -> Iterator[Check]:
    for workload in workloads(manifests):
        for state in states(workload):
            where = (*state.container.path, "volumeMounts") if state.container else pod_spec_path(workload.data)
            yield Check(
                rule=STATE_DIES,
                manifest=workload,
                ok=outlives(workload, state),
                what=f"{state.path} lies {_on(state)}" if state.path else "a StatefulSet without any claim",
                path=where,
                container=state.container.name if state.container else "",
                fixable=state.container is not None and not _many(workload),
            )


def _many(workload: Manifest) -> bool:
    """Replicas of a Deployment would share one claim: that needs a StatefulSet, which no fix can write."""
    return workload.kind == "Deployment" and number(workload.data, "spec", "replicas", default=1) > 1


def _on(state: State) -> str:
    name = _volume_name(state.container.spec, state.path) if state.container else ""
    return f"on volume {name}, which ends with the pod" if name else "on the container's own layer"


def _claims(manifests: Manifests) -> Iterator[Check]:
    for claim in of_kind(manifests, "PersistentVolumeClaim"):
        yield _class_check(claim, claim.data, ("spec",))
    for workload in of_kind(manifests, "StatefulSet"):
        for i, template in enumerate(items(workload.data, "spec", "volumeClaimTemplates")):
            yield _class_check(workload, template, ("spec", "volumeClaimTemplates", i))


def _class_check(manifest: Manifest, claim: Obj, path: tuple[str | int, ...]) -> Check:
    named = bool(mapping(claim, "spec").get("storageClassName"))
    what = f"claim {mapping(claim, 'metadata').get('name')} names no class"
    return Check(rule=NO_CLASS, manifest=manifest, ok=named, what=what, path=path, fixable=False)


def _writers(manifests: Manifests) -> Iterator[Check]:
    for workload in of_kind(manifests, "Deployment"):
        if _claims_single(workload, manifests):
            spec = mapping(workload.data, "spec")
            recreates = mapping(spec, "strategy").get("type") == "Recreate"
            replicas = number(spec, "replicas", default=1)
            what = f"{replicas} replica{'s' * (replicas != 1)}, strategy {'Recreate' if recreates else 'RollingUpdate'}"
            yield Check(
                rule=TWO_WRITERS,
                manifest=workload,
                ok=recreates and replicas < 2,
                what=f"{what}, on a claim for one node",
                path=("spec", "strategy"),
                fixable=replicas < 2,
            )


def _claims_single(workload: Manifest, manifests: Manifests) -> bool:
    """Whether it uses a claim that is not meant for many writers."""
    names = {
        str(mapping(v, "persistentVolumeClaim").get("claimName")) for v in items(pod_spec(workload.data), "volumes")
    }
    return any((workload.namespace, name) in _single_claims(manifests) for name in names)


@remembered
def _single_claims(manifests: Manifests) -> set[tuple[str, str]]:
    claims = of_kind(manifests, "PersistentVolumeClaim")
    return {(c.namespace, c.name) for c in claims if "ReadWriteMany" not in words(c.data, "spec", "accessModes")}


def strip_volumes(manifests: Manifests) -> Manifests:
    """Every claim becomes an emptyDir: it works as long as the pod lives."""

    def strip(data: Obj) -> None:
        spec = pod_spec(data)
        for volume in items(spec, "volumes"):
            if volume.pop("persistentVolumeClaim", None) is not None:
                volume["emptyDir"] = {}
        if data.get("kind") == "StatefulSet" and (templates := items(data, "spec", "volumeClaimTemplates")):
            del data["spec"]["volumeClaimTemplates"]
            named: list[Obj] = [{"name": mapping(t, "metadata").get("name"), "emptyDir": {}} for t in templates]
            spec["volumes"] = [*items(spec, "volumes"), *named]

    return tuple(changed(m, strip) if m.is_workload else m for m in manifests if m.kind != "PersistentVolumeClaim")


def strip_writers(manifests: Manifests) -> Manifests:
    def strip(data: Obj) -> None:
        if mapping(data, "spec", "strategy").get("type") == "Recreate":
            del data["spec"]["strategy"]

    single = {id(w) for w in of_kind(manifests, "Deployment") if _claims_single(w, manifests)}
    return tuple(changed(m, strip) if id(m) in single else m for m in manifests)


def strip_classes(manifests: Manifests) -> Manifests:
    """Every claim takes whatever the cluster calls its default."""

    def strip(data: Obj) -> None:
        claims = [data] if data.get("kind") == "PersistentVolumeClaim" else items(data, "spec", "volumeClaimTemplates")
        for claim in claims:
            mapping(claim, "spec").pop("storageClassName", None)

    return tuple(changed(m, strip) if m.kind in ("PersistentVolumeClaim", "StatefulSet") else m for m in manifests)


def fix_volumes(manifests: Manifests) -> Manifests:
    for workload in [w for w in workloads(manifests) if not _many(w)]:
        current = workload
        for i, state in enumerate(s for s in states(workload) if s.container and not outlives(workload, s)):
            name = f"{workload.name}-data" + (f"-{i}" if i else "")
            fixed = _on_claim(current, state, name)
            manifests = tuple(fixed if m is current else m for m in manifests)
            current = fixed
            if workload.kind != "StatefulSet":
                manifests = put(manifests, made({"apiVersion": "v1", **_claim(name)}, workload))
    return fix_writers(manifests)


def _claim(name: str) -> Obj:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": FIRST_GUESS}}}
    return {"kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def _on_claim(workload: Manifest, state: State, name: str) -> Manifest:
    """The workload with the state's path mounted from a claim of its own."""

    def fix(data: Obj) -> None:
        spec = pod_spec(data)
        container = next(c.spec for c in containers(data) if state.container and c.path == state.container.path)
        others = [m for m in items(container, "volumeMounts") if m.get("mountPath") != state.path]
        container["volumeMounts"] = [*others, {"name": name, "mountPath": state.path}]
        if data.get("kind") == "StatefulSet":
            data["spec"]["volumeClaimTemplates"] = [*items(data, "spec", "volumeClaimTemplates"), _template(name)]
        else:
            volume = {"name": name, "persistentVolumeClaim": {"claimName": name}}
            spec["volumes"] = [*items(spec, "volumes"), volume]

    return changed(workload, fix)


def _template(name: str) -> Obj:
    claim = _claim(name)
    return {"metadata": claim["metadata"], "spec": claim["spec"]}


def fix_writers(manifests: Manifests) -> Manifests:
    def fix(data: Obj) -> None:
        if number(data, "spec", "replicas", default=1) < 2:
            data["spec"]["strategy"] = {"type": "Recreate"}

    single = {id(w) for w in of_kind(manifests, "Deployment") if _claims_single(w, manifests)}
    return tuple(changed(m, fix) if id(m) in single else m for m in manifests)


STORAGE = Defense(
    name="storage",
    title="Storage that outlives the pod",
    items=(
        Item(name="single-writer", checks=_writers, strip=strip_writers, fix=fix_writers),
        Item(name="volume", checks=_volumes, strip=strip_volumes, fix=fix_volumes),
        Item(name="class", checks=_claims, strip=strip_classes, fix=lambda manifests: manifests),
    ),
    judge=judge,
)
