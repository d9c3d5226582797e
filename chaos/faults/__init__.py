"""What is done to a workload, one fault a file: parameters, a witness, an undo, and what it needs."""

from typing import Any

from chaos.faults.deadlock import DEADLOCK
from chaos.faults.kind import FaultKind
from chaos.faults.memory_leak import MEMORY_LEAK

registry: dict[str, FaultKind[Any]] = {kind.name: kind for kind in (DEADLOCK, MEMORY_LEAK)}

__all__ = ["FaultKind", "registry"]
