"""Every controller of the cluster, in one loop."""

import time
from collections.abc import Callable, Sequence

from cluster.client import Client
from cluster.controllers import (
    deployment,
    disruption,
    endpoints,
    endpointslices,
    event_expiry,
    garbage,
    namespace,
    node_lifecycle,
    pod_garbage,
    replicaset,
    service_accounts,
    statefulset,
    taint_eviction,
)
from cluster.controllers.context import Context, Kind
from cluster.controllers.loop import run

CONTROLLERS = (
    deployment,
    replicaset,
    endpoints,
    endpointslices,
    namespace,
    garbage,
    service_accounts,
    node_lifecycle,
    taint_eviction,
    pod_garbage,
    disruption,
    statefulset,
    event_expiry,
)


async def run_all(
    client: Client,
    *,
    kinds: Sequence[Kind],
    ca_certificate: str,
    clock: Callable[[], float] = time.time,
    node_grace_seconds: float = 40.0,
) -> None:
    """Run until cancelled. `kinds` are all resources that the API serves; `ca_certificate` is PEM text."""
    context = Context(
        client=client,
        clock=clock,
        kinds=kinds,
        ca_certificate=ca_certificate,
        node_grace_seconds=node_grace_seconds,
    )
    await run(client, [module.controller(context) for module in CONTROLLERS])
