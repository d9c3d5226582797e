"""The resizes of a node's pods: granted as far as there is room, and carried out while the containers run."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from cluster.client import Obj
from cluster.kubelet.admission import shortage
from cluster.kubelet.allocation import IN_PROGRESS, PENDING, allocated, asked, condition, needs_restart, told
from cluster.kubelet.life import ContainerLife
from cluster.kubelet.machine import Machine
from cluster.kubelet.resources import amount, container_limits, pod_limits
from cluster.kubelet.status import Failure
from cluster.kubelet.worker import PodWorker
from cluster.runtime.spec import Limits


class Resizes:
    """`workers`: of all pods of the node. `granted` is called when one of them has been promised more or less."""

    def __init__(
        self, machine: Machine, workers: Callable[[], Iterable[PodWorker]], granted: Callable[[], None]
    ) -> None:
        self._machine, self._workers, self._granted = machine, workers, granted

    def look(self, worker: PodWorker) -> None:
        """Give a pod what it asks for, or say what it waits for."""
        if worker.ending or worker.finished:
            return
        if asked(worker.wanted) == asked(worker.pod):
            self._settle(worker)
        elif refused := self._refusal(worker):
            self._hold(worker, refused)
        else:
            self._grant(worker)
        self._carry_out(worker)

    def again(self) -> None:
        """There may be room now, or less in use, for what had to wait."""
        for worker in list(self._workers()):
            if worker.resize.conditions:
                self.look(worker)

    def _settle(self, worker: PodWorker) -> None:
        if worker.resize.pending:
            worker.resize.pending = None
            worker.publish()

    def _refusal(self, worker: PodWorker) -> Failure | None:
        others = [other.pod for other in self._workers() if other is not worker and not other.over]
        return shortage(self._machine.client.get("nodes", self._machine.node.name), others, worker.wanted)

    def _hold(self, worker: PodWorker, refused: Failure) -> None:
        before, generation = worker.resize.pending, worker.generation
        now, said = self._machine.clock(), {"reason": "Deferred", "message": refused.message}
        worker.resize.pending = condition(PENDING, generation, now, before, **said)
        if before is None or before["observedGeneration"] != generation:
            text = told(refused.reason, worker.wanted, generation, refused.message)
            self._machine.tell(worker.pod, "Warning", "ResizeDeferred", text)
            worker.publish()

    def _grant(self, worker: PodWorker) -> None:
        worker.grant(asked(worker.wanted))
        worker.resize.pending = None
        worker.resize.in_progress = condition(IN_PROGRESS, worker.generation, self._machine.clock(), None)
        self._machine.tell(worker.pod, "Normal", "ResizeStarted", told("started", worker.pod, worker.generation))
        self._granted()

    def _carry_out(self, worker: PodWorker) -> None:
        if worker.resize.in_progress is None:
            return
        changed = [life for life in (*worker.init, *worker.main) if life.running and life.resources != life.granted]
        for life in changed:
            if needs_restart(life.spec, life.resources):
                life.condemn(f"Container {life.spec['name']} resize requires restart")
        kept = [life for life in changed if not needs_restart(life.spec, life.resources)]
        if error := self._change(worker, kept):
            self._fail(worker, error)
        worker.publish()

    def _change(self, worker: PodWorker, lives: list[ContainerLife]) -> str:
        """Set the groups of a pod and of these containers; returns why that cannot be."""
        if worker.netns is None:
            return ""
        if below := list(self._below_use(worker, lives)):
            found = below[0] if len(below) == 1 else f"[{', '.join(below)}]"
            return f"cannot decrease memory limits: {found}"
        try:
            self._set_groups(worker, lives)
        except OSError as error:
            return f"failed to update resources: {error}"
        return ""

    def _set_groups(self, worker: PodWorker, lives: list[ContainerLife]) -> None:
        """The kernel lets no group have more than the one around it: till all is done, that has the larger of both."""
        runtime = self._machine.runtime
        wide = _wider(pod_limits(_in_force(worker)), pod_limits(worker.pod))
        runtime.create_pod_cgroup(worker.sandbox.cgroup, wide)
        for life in lives:
            limits = container_limits(worker.pod, life.spec, self._machine.node.memory_bytes)
            runtime.limit(life.running_id or "", limits)
            life.resources = life.granted

    def _below_use(self, worker: PodWorker, lives: list[ContainerLife]) -> Iterator[str]:
        """What of memory would be limited to less than is in use."""
        runtime = self._machine.runtime
        limit = pod_limits(worker.pod).memory_bytes
        if _shrinks(pod_limits(_in_force(worker)).memory_bytes, limit):
            used = runtime.group_usage(worker.sandbox.cgroup).memory_bytes
            if used >= (limit or 0):
                yield f"attempting to set pod memory limit ({limit}) below current usage ({used})"
        for life in lives:
            limit = _memory(life.granted)
            if _shrinks(_memory(life.resources), limit):
                used = runtime.usage(life.running_id or "").memory_bytes
                if used >= (limit or 0):
                    what = f'container "{life.spec["name"]}" memory limit ({limit})'
                    yield f"attempting to set {what} below current usage ({used})"

    def _fail(self, worker: PodWorker, error: str) -> None:
        before = worker.resize.in_progress or {}
        generation = before.get("observedGeneration", worker.generation)
        after = condition(IN_PROGRESS, generation, self._machine.clock(), before, reason="Error", message=error)
        worker.resize.in_progress = after
        if before.get("message") != error:
            self._machine.tell(worker.pod, "Warning", "ResizeError", told("error", worker.pod, generation, error))


def _in_force(worker: PodWorker) -> Obj:
    """The pod with what its containers run with by now."""
    lives = chain(worker.init, worker.main)
    return allocated(worker.pod, {life.spec["name"]: life.resources for life in lives})


def _memory(resources: Obj) -> int | None:
    return amount({"resources": resources}, "limits", "memory")


def _shrinks(before: int | None, now: int | None) -> bool:
    """Whether a limit comes down, or comes to be."""
    return bool(now and (not before or now < before))


def _wider(one: Limits, other: Limits) -> Limits:
    """What allows as much as either."""
    return Limits(
        memory_bytes=_more(one.memory_bytes, other.memory_bytes),
        cpu_millis=_more(one.cpu_millis, other.cpu_millis),
        cpu_shares=max(one.cpu_shares, other.cpu_shares),
    )


def _more(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else max(one, other)
