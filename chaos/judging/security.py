"""Did the security baseline hold? Each storm tries one side of it, and is judged by its own criteria."""

from collections.abc import Callable

from chaos.judging import eavesdropper, escape, image_inquiry, network
from chaos.judging.history import History, Objectives
from chaos.judging.verdict import Criterion

JUDGES: dict[str, Callable[[History, Objectives], list[Criterion]]] = {
    "rogue-client": network.judge,
    "container-escape": escape.judge,
    "eavesdropper": eavesdropper.judge,
    "image-inquiry": image_inquiry.judge,
}


def judge(past: History, wanted: Objectives) -> list[Criterion]:
    """For recordings that raise no doubts. A storm that tries nothing of this defense proves nothing."""
    judged = JUDGES.get(past.injections[0].fault)
    return judged(past, wanted) if judged else []
