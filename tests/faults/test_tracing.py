"""The tracer's own rules: a call that its stop broke off is begun again, and it leaves alone what is not the app's."""

import pytest

from chaos.faults import tracer, tracing
from chaos.faults.clients import MARK
from chaos.faults.kind import FaultRefused

WAIT4, READ_AT = 61, 0x1000


def stopped(in_call: int, answer: int) -> list[int]:
    """Registers of a thread that our stop found in a call, or in none (-1)."""
    registers = [0] * tracing.REGISTERS
    registers[tracing.ORIG_RAX], registers[tracing.RAX], registers[tracing.RIP] = in_call, answer, READ_AT
    return registers


def begun_again(in_call: int, answer: int) -> tuple[int, int]:
    """The call's number and where the thread goes on."""
    registers = list(tracing.begun_again(stopped(in_call, answer)))
    assert registers[tracing.ORIG_RAX] == -1, "the kernel is not to begin it once more"
    return registers[tracing.RAX], registers[tracing.RIP]


@pytest.mark.parametrize("answer", tracing.RESTARTS)
def test_a_call_that_was_broken_off_is_begun_again(answer: int) -> None:
    assert begun_again(WAIT4, answer) == (WAIT4, READ_AT - 2)


def test_a_sleep_that_was_broken_off_goes_on_for_the_rest_of_its_time() -> None:
    assert begun_again(35, tracing.RESTART_BLOCK) == (tracing.RESTART_SYSCALL, READ_AT - 2)


def test_an_answer_is_an_answer() -> None:
    assert begun_again(WAIT4, 7) == (7, READ_AT)


def test_a_number_that_looks_like_one_outside_of_a_call_is_left_alone() -> None:
    assert begun_again(-1, -512) == (-512, READ_AT)


def test_it_speaks_as_the_other_strangers_do() -> None:
    assert tracing.MARK == MARK


@pytest.mark.parametrize("shared", ["hostPID", "shareProcessNamespace"])
def test_a_pod_that_shares_its_processes_is_refused(shared: str) -> None:
    pod = {"metadata": {"name": "web-1"}, "spec": {shared: True, "containers": [{"name": "web"}]}}
    with pytest.raises(FaultRefused, match=f"web-1 has {shared}: true"):
        tracer.must_be_alone(pod, "a pod without it")
