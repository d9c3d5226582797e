"""The environment of a container. Pure: what it reads is handed in."""

from collections.abc import Iterable, Iterator, Mapping

from cluster.client import Obj
from cluster.kubelet.errors import config_error
from cluster.kubelet.expansion import expand
from cluster.kubelet.fields import Place, field, resource
from cluster.kubelet.sources import KINDS, Lookup, data_of, missing


def container_environment(
    pod: Obj, container: Obj, *, base: Mapping[str, str], place: Place, lookup: Lookup
) -> dict[str, str]:
    """`base` (hostname, image, services) below envFrom below env, each value expanded with those before it.

    Raises `StartRefused` with the recorded reason when a ConfigMap, Secret or key is missing and not optional.
    """
    values = dict(base)
    for source in container.get("envFrom") or ():
        values.update(_bulk(source, lookup))
    for entry in container.get("env") or ():
        value = _value(pod, container, entry, values=values, place=place, lookup=lookup)
        if value is not None:
            values[entry["name"]] = value
    return values


def service_variables(services: Iterable[Obj], namespace: str, *, links: bool) -> dict[str, str]:
    """What containers get to know of Services: always the API's own, its namespace's others with enableServiceLinks."""
    variables: dict[str, str] = {}
    for service in services:
        meta = service["metadata"]
        master = meta["namespace"] == "default" and meta["name"] == "kubernetes"
        if master or (links and meta["namespace"] == namespace):
            variables.update(_variables(service))
    return variables


def _variables(service: Obj) -> dict[str, str]:
    address = service["spec"].get("clusterIP")
    ports = service["spec"].get("ports") or []
    if address in (None, "", "None") or not ports:
        return {}
    name = service["metadata"]["name"].upper().replace("-", "_")
    named = {f"{name}_SERVICE_PORT_{_upper(p['name'])}": str(p["port"]) for p in ports if p.get("name")}
    first = {f"{name}_SERVICE_HOST": address, f"{name}_SERVICE_PORT": str(ports[0]["port"])}
    links = {f"{name}_PORT": _url(address, ports[0])}
    return first | named | links | {key: value for port in ports for key, value in _link(name, address, port)}


def _link(name: str, address: str, port: Obj) -> Iterator[tuple[str, str]]:
    protocol = port.get("protocol", "TCP")
    prefix = f"{name}_PORT_{port['port']}_{protocol}"
    yield prefix, _url(address, port)
    yield f"{prefix}_PROTO", protocol.lower()
    yield f"{prefix}_PORT", str(port["port"])
    yield f"{prefix}_ADDR", address


def _url(address: str, port: Obj) -> str:
    return f"{port.get('protocol', 'TCP').lower()}://{address}:{port['port']}"


def _upper(name: str) -> str:
    return name.upper().replace("-", "_")


def _bulk(source: Obj, lookup: Lookup) -> dict[str, str]:
    resource_name, reference = (
        ("configmaps", source["configMapRef"]) if "configMapRef" in source else ("secrets", source["secretRef"])
    )
    name = reference.get("name", "")
    found = lookup(resource_name, name)
    if found is None and not reference.get("optional"):
        raise config_error(missing(resource_name, name))
    prefix = source.get("prefix", "")
    return {prefix + key: value.decode(errors="replace") for key, value in data_of(found).items()}


def _value(
    pod: Obj, container: Obj, entry: Obj, *, values: Mapping[str, str], place: Place, lookup: Lookup
) -> str | None:
    source = entry.get("valueFrom")
    if not source:
        return expand(entry.get("value") or "", values)
    if "fieldRef" in source:
        return field(pod, place, source["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in source:
        return resource(pod, place, source["resourceFieldRef"], container)
    if "configMapKeyRef" in source:
        return _key(pod, "configmaps", source["configMapKeyRef"], lookup)
    if "secretKeyRef" in source:
        return _key(pod, "secrets", source["secretKeyRef"], lookup)
    raise config_error(f"environment variable {entry['name']}: source {', '.join(source)} is not supported here")


def _key(pod: Obj, resource_name: str, reference: Obj, lookup: Lookup) -> str | None:
    name, key = reference.get("name", ""), reference["key"]
    found = lookup(resource_name, name)
    if found is None and not reference.get("optional"):
        raise config_error(missing(resource_name, name))
    value = data_of(found).get(key)
    if value is not None:
        return value.decode(errors="replace")
    if reference.get("optional"):
        return None
    raise config_error(f"couldn't find key {key} in {KINDS[resource_name]} {pod['metadata']['namespace']}/{name}")
