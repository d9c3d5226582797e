"""Every controller of the cluster, in one loop."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from cluster.client import Client
from cluster.controllers import (
    attach_detach,
    certificate_signer,
    claim_binder,
    cronjob,
    custom_resources,
    daemonset,
    deployment,
    disruption,
    endpoint_mirror,
    endpoints,
    endpointslices,
    event_expiry,
    garbage,
    horizontal_pod_autoscaler,
    ingress,
    job,
    job_expiry,
    namespace,
    node_lifecycle,
    pod_garbage,
    quota_usage,
    replicaset,
    replication,
    role_aggregation,
    service_accounts,
    statefulset,
    storage_protection,
    taint_eviction,
    volume_phases,
    volume_provisioner,
)
from cluster.controllers.context import Context, Kind
from cluster.controllers.loop import run

CONTROLLERS = (
    deployment,
    replicaset,
    replication,
    endpoints,
    endpointslices,
    endpoint_mirror,
    namespace,
    garbage,
    service_accounts,
    node_lifecycle,
    taint_eviction,
    pod_garbage,
    disruption,
    statefulset,
    event_expiry,
    daemonset,
    quota_usage,
    job,
    job_expiry,
    cronjob,
    claim_binder,
    volume_phases,
    volume_provisioner,
    storage_protection,
    attach_detach,
    ingress,
    custom_resources,
    horizontal_pod_autoscaler,
    certificate_signer,
    role_aggregation,
)


async def run_all(
    client: Client,
    *,
    kinds: Sequence[Kind],
    ca_certificate: str,
    sign: Callable[[bytes, float], bytes],
    volumes: Path,
    clock: Callable[[], float] = time.time,
    node_grace_seconds: float = 40.0,
    autoscaler_seconds: float = 15.0,
) -> None:
    """Run until cancelled. `kinds` are all resources that the API stores; `ca_certificate` is PEM text,
    `sign` makes client certificates of requests, `volumes` is the folder of provisioned volumes."""
    context = Context(
        client=client,
        clock=clock,
        kinds=kinds,
        ca_certificate=ca_certificate,
        sign=sign,
        volumes=volumes,
        node_grace_seconds=node_grace_seconds,
        autoscaler_seconds=autoscaler_seconds,
    )
    await run(client, [module.controller(context) for module in CONTROLLERS])
