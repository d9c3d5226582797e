"""Services get their cluster IP and node ports from what is free."""

from cluster.api.context import Cluster, Write
from cluster.api.field_errors import refuse
from cluster.api.resources.address_rules import check_addresses
from cluster.api.resources.addresses import allocate, used_by
from cluster.config import NODE_PORTS, SERVICE_RANGE


def allocate_addresses(cluster: Cluster, write: Write) -> None:
    if write.resource.key != "services" or write.subresource:
        return
    others = [entry.object for entry in cluster.store.list("services") if not _is_same(entry.object, write)]
    addresses, ports = used_by(others)
    known = [] if write.old is None else write.old["spec"].get("clusterIPs") or []
    # What cannot be given out is all that is said, whatever else may be wrong.
    errors = list(check_addresses(write.obj["spec"], known)) or allocate(
        write.obj,
        write.old,
        network=SERVICE_RANGE,
        node_ports=NODE_PORTS,
        used_addresses=addresses,
        used_ports=ports,
        below=cluster.random.randrange,
    )
    if errors:
        raise refuse(errors, group="", kind="Service", name=write.name)


def _is_same(service: dict[str, dict[str, str]], write: Write) -> bool:
    metadata = service["metadata"]
    return (metadata["namespace"], metadata["name"]) == (write.namespace, write.name)
