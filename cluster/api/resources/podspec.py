"""The defaults of a pod's spec, as they also apply to the templates of Deployments, Jobs and the rest."""

from collections.abc import Iterator

from cluster.api.resources.closed_gates import drop_annotations, drop_from_pod
from cluster.api.resources.empties import show_empty
from cluster.client import Obj

MODE = 0o644
TOKEN_SECONDS = 3600

_PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
_SPEC = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
}
_CONTAINER = {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}


def fill_template(template: Obj) -> None:
    """Default a PodTemplateSpec in place."""
    drop_annotations(template.setdefault("metadata", {}))
    fill_spec(template.setdefault("spec", {}))


def fill_spec(spec: Obj) -> None:
    drop_from_pod(spec, all_containers(spec))
    _fill(spec, _SPEC)
    spec.setdefault("securityContext", {})
    _fill_service_account(spec)
    for volume in spec.get("volumes") or ():
        _fill_volume(volume)
    for container in all_containers(spec):
        _fill_container(container)


def all_containers(spec: Obj) -> Iterator[Obj]:
    """Init containers first, as they start; ephemeral ones last, as they are added."""
    yield from spec.get("initContainers") or ()
    yield from spec.get("containers") or ()
    yield from spec.get("ephemeralContainers") or ()


def request_limits(spec: Obj) -> None:
    """A limit without a request is its own request. Kubernetes does this for pods only, never in templates."""
    for container in all_containers(spec):
        resources = container.get("resources") or {}
        if limits := resources.get("limits"):
            resources["requests"] = {**limits, **(resources.get("requests") or {})}


def pull_policy(image: str) -> str:
    """`Always` for what may change under its name: the tag latest, said or implied."""
    name, _, digest = image.partition("@")
    _, colon, tag = name.rpartition("/")[2].partition(":")
    return "Always" if not digest and (not colon or tag == "latest") else "IfNotPresent"


def _fill(obj: Obj, defaults: Obj) -> None:
    for key, value in defaults.items():
        if obj.get(key) is None:
            obj[key] = value


def _fill_service_account(spec: Obj) -> None:
    # `serviceAccount` is the old spelling of `serviceAccountName`; Kubernetes keeps both in step.
    if name := spec.get("serviceAccountName") or spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"] = name


def _fill_container(container: Obj) -> None:
    _fill(container, _CONTAINER)
    container.setdefault("resources", {})
    if not container.get("imagePullPolicy"):
        container["imagePullPolicy"] = pull_policy(container.get("image", ""))
    for port in container.get("ports") or ():
        _fill(port, {"protocol": "TCP"})
    for variable in container.get("env") or ():
        _fill_field_ref(variable.get("valueFrom") or {})
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if (probe := container.get(name)) is not None:
            _fill_probe(probe)
    for handler in (container.get("lifecycle") or {}).values():
        _fill_http_get(handler)


def _fill_probe(probe: Obj) -> None:
    for key, value in _PROBE.items():
        probe[key] = probe.get(key) or value
    _fill_http_get(probe)
    if isinstance(grpc := probe.get("grpc"), dict):
        _fill(grpc, {"service": ""})


def _fill_http_get(handler: Obj | None) -> None:
    http = handler.get("httpGet") if isinstance(handler, dict) else None
    if isinstance(http, dict):
        http["path"] = http.get("path") or "/"
        http["scheme"] = http.get("scheme") or "HTTP"


def _fill_volume(volume: Obj) -> None:
    if set(volume) <= {"name"}:
        volume["emptyDir"] = {}
    for kind in ("secret", "configMap", "projected", "downwardAPI"):
        if isinstance(volume.get(kind), dict):
            _fill(volume[kind], {"defaultMode": MODE})
    if isinstance(volume.get("hostPath"), dict):
        _fill(volume["hostPath"], {"type": ""})
    _fill_items(volume.get("downwardAPI"))
    if isinstance(projected := volume.get("projected"), dict):
        show_empty(projected, "sources")
    for source in (volume.get("projected") or {}).get("sources") or ():
        _fill_items(source.get("downwardAPI"))
        if isinstance(token := source.get("serviceAccountToken"), dict):
            _fill(token, {"expirationSeconds": TOKEN_SECONDS})


def _fill_items(downward: Obj | None) -> None:
    for item in (downward or {}).get("items") or ():
        _fill_field_ref(item)


def _fill_field_ref(holder: Obj) -> None:
    if isinstance(ref := holder.get("fieldRef"), dict):
        _fill(ref, {"apiVersion": "v1"})
    if isinstance(ref := holder.get("resourceFieldRef"), dict):
        _fill(ref, {"divisor": "0"})
