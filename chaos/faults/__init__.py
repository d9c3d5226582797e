"""What is done to a workload, one fault a file: parameters, a witness, an undo, and what it needs."""

from typing import Any

from chaos.faults.bad_rollout import BAD_ROLLOUT
from chaos.faults.cold_start import COLD_START
from chaos.faults.container_escape import CONTAINER_ESCAPE
from chaos.faults.cpu_hog import CPU_HOG
from chaos.faults.crash import CRASH
from chaos.faults.crash_loop import CRASH_LOOP
from chaos.faults.data_loss import DATA_LOSS
from chaos.faults.deadlock import DEADLOCK
from chaos.faults.dns_outage import DNS_OUTAGE
from chaos.faults.eavesdropper import EAVESDROPPER
from chaos.faults.error_rate import ERROR_RATE
from chaos.faults.image_inquiry import IMAGE_INQUIRY
from chaos.faults.intern_script import INTERN_SCRIPT
from chaos.faults.kind import FaultKind
from chaos.faults.latency import LATENCY
from chaos.faults.lost_service import LOST_SERVICE
from chaos.faults.memory_leak import MEMORY_LEAK
from chaos.faults.memory_pressure import MEMORY_PRESSURE
from chaos.faults.node_drain import NODE_DRAIN
from chaos.faults.node_loss import NODE_LOSS
from chaos.faults.partition import PARTITION
from chaos.faults.pod_death import POD_DEATH
from chaos.faults.rogue_client import ROGUE_CLIENT
from chaos.faults.rollout import ROLLOUT
from chaos.faults.stolen_token import STOLEN_TOKEN
from chaos.faults.traffic_spike import TRAFFIC_SPIKE
from chaos.faults.volume_pending import VOLUME_PENDING
from chaos.faults.zone_outage import ZONE_OUTAGE

KINDS: tuple[FaultKind[Any], ...] = (
    DEADLOCK,
    MEMORY_LEAK,
    MEMORY_PRESSURE,
    CPU_HOG,
    CRASH,
    CRASH_LOOP,
    BAD_ROLLOUT,
    COLD_START,
    NODE_DRAIN,
    NODE_LOSS,
    ZONE_OUTAGE,
    INTERN_SCRIPT,
    STOLEN_TOKEN,
    ROGUE_CLIENT,
    ERROR_RATE,
    POD_DEATH,
    LOST_SERVICE,
    LATENCY,
    PARTITION,
    DNS_OUTAGE,
    EAVESDROPPER,
    CONTAINER_ESCAPE,
    IMAGE_INQUIRY,
    DATA_LOSS,
    ROLLOUT,
    VOLUME_PENDING,
    TRAFFIC_SPIKE,
)
registry: dict[str, FaultKind[Any]] = {kind.name: kind for kind in KINDS}

__all__ = ["FaultKind", "registry"]
