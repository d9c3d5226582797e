"""What is done to a workload, one fault a file: parameters, a witness, an undo, and what it needs."""

from typing import Any

from chaos.faults.deadlock import DEADLOCK
from chaos.faults.intern_script import INTERN_SCRIPT
from chaos.faults.kind import FaultKind
from chaos.faults.memory_leak import MEMORY_LEAK
from chaos.faults.stolen_token import STOLEN_TOKEN

registry: dict[str, FaultKind[Any]] = {kind.name: kind for kind in (DEADLOCK, MEMORY_LEAK, INTERN_SCRIPT, STOLEN_TOKEN)}

__all__ = ["FaultKind", "registry"]
