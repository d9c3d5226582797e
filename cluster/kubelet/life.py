"""The life of one container of a pod: started, probed, restarted with back-off, stopped.

Whatever it does is in `status`; the pod's worker is told by `publish` when that changed.
"""

import asyncio
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from cluster.client import Obj
from cluster.image_names import image_reference
from cluster.kubelet import podspec, states
from cluster.kubelet.backoff import BackOff, after_restart, jittered, left, spelled
from cluster.kubelet.build import container_spec
from cluster.kubelet.environment import container_environment
from cluster.kubelet.errors import StartRefused
from cluster.kubelet.home import Home
from cluster.kubelet.hooks import HookFailed, run_hook
from cluster.kubelet.lastwords import last_words
from cluster.kubelet.machine import Machine
from cluster.kubelet.names import field_path, full_name
from cluster.kubelet.podspec import Kind
from cluster.kubelet.probes.prober import Prober
from cluster.kubelet.probes.table import ProbeKind, Result, settings
from cluster.kubelet.pulling import obtain
from cluster.kubelet.reboot import recall
from cluster.kubelet.states import ContainerStatus, Run, Terminated, Waiting
from cluster.kubelet.waits import first_of
from cluster.runtime.spec import ContainerSpec, Exit, Image, StartFailed

# Even a pod whose time is up gets this long between SIGTERM and SIGKILL.
MIN_GRACE_SECONDS = 2.0
_RETRY_SECONDS = 1.0
_RETRY_LATER_SECONDS = 10.0
# The kubelet looks at every pod again after this long at the latest; a long back-off shows by then.
_RESYNC_SECONDS = 60.0
_HOOK_SECONDS = 3600.0
# Refusals whose message has an event of its own.
_TOLD_BY_REASON = ("ErrImageNeverPull", "InvalidImageName")
_FIELDS = {Kind.MAIN: "containers", Kind.EPHEMERAL: "ephemeralContainers"}


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Why a running container must be restarted."""

    message: str
    grace_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class _End:
    """How a run ended, and what the kubelet knows when it decides on the next."""

    state: Terminated
    known_at: float | None
    """The last end that it has seen by then (seconds since 1970); it has not seen the one that it has just brought."""
    abrupt: bool = False
    """Whether it was the kubelet that ended it."""


class ContainerLife:
    """One container; `run` is its task, `stop` ends it from outside."""

    def __init__(self, machine: Machine, home: Home, spec: Obj, kind: Kind, waiting: str) -> None:
        self.spec, self.kind = spec, kind
        self.recalled = recall(home.pod, spec["name"], kind, machine.clock())
        """How an earlier life of this node left it."""
        self.status = self.recalled or ContainerStatus(
            name=spec["name"], image=spec["image"], state=Waiting(reason=waiting)
        )
        self.resources: Obj = {}
        """What the present run may use."""
        self.attempted = asyncio.Event()
        """Set once the first attempt to start it is over, for better or worse."""
        self.started = asyncio.Event()
        """Set while it runs and its startup probe, if any, has succeeded."""
        self._machine, self._home, self._untouched = machine, home, waiting
        self._run: Run | None = None
        self._exit: asyncio.Future[Exit] | None = None
        self._removal: asyncio.Future[None] | None = None
        self._verdict: asyncio.Future[_Verdict] | None = None
        self._back_off: BackOff | None = None
        self._attempt = self.recalled.restarts + 1 if self.recalled else 0
        self._refusals = 0
        self._seems_started = False
        """Whether the kubelet, which ended the run before, has not noticed yet that this one has still to start."""

    @property
    def granted(self) -> Obj:
        """What it may use, from the next run on at the latest."""
        resources: Obj = self.spec.get("resources") or {}
        return resources

    @property
    def running(self) -> Run | None:
        """The present run, while it lasts."""
        return self._run if self._exit is not None and not self._exit.done() else None

    @property
    def running_id(self) -> str | None:
        """The id of the container while it runs."""
        return self.running.container_id if self.running else None

    @property
    def attempts(self) -> int:
        """How many runs there have been."""
        return self._attempt

    @property
    def over(self) -> bool:
        """Whether it had ended for good before this life of its node began."""
        state = self.recalled.state if self.recalled else None
        return isinstance(state, Terminated) and not self._again(state)

    def _again(self, end: Terminated) -> bool:
        return podspec.should_restart(podspec.restart_policy(self._home.pod), self.kind, end.exit_code)

    async def run(self) -> None:
        """Start, watch and restart it until it has ended for good."""
        if self.kind in (Kind.MAIN, Kind.EPHEMERAL) and self.over:
            self.attempted.set()
            return
        while True:
            end = await self._once()
            if not self._again(end.state):
                return
            self._seems_started = end.abrupt and self.started.is_set()
            self.started.clear()
            await self._wait_for_restart(end)

    def condemn(self, message: str, grace_seconds: float | None = None) -> None:
        """Have it stopped and started again."""
        if self._verdict is not None and not self._verdict.done():
            self._verdict.set_result(_Verdict(message, grace_seconds))

    async def stop(self, grace_seconds: float, message: str, hurry: asyncio.Event) -> None:
        """preStop, SIGTERM, and SIGKILL when the grace is over or there is a `hurry`."""
        if self.running_id is None or self._exit is None:
            return
        self._tell("Normal", "Killing", message)
        deadline = self._now() + grace_seconds
        await self._pre_stop(grace_seconds, hurry)
        await self._signal_and_wait(max(deadline - self._now(), MIN_GRACE_SECONDS), hurry)

    async def settle(self) -> None:
        """After `stop`: note how it ended, and remove it."""
        if self._exit is not None and self._run is not None:
            self._note_exit(await self._exit)
        await self._remove()

    def forget(self) -> None:
        """The pod is going: why a container that never ran could not start is not told any more."""
        if isinstance(self.status.state, Waiting) and self.status.last is None:
            self.status = replace(self.status, state=Waiting(reason=self._untouched))

    def lose(self) -> None:
        """The pod is over: a container that never ran is reported the way a kubelet reports one that it cannot find."""
        if isinstance(self.status.state, Waiting) and self.status.last is None:
            text = "The container could not be located when the pod was terminated"
            end = Terminated(exit_code=137, reason="ContainerStatusUnknown", message=text)
            self.status = replace(self.status, state=end, started=False, ready=False)
        elif isinstance(self.status.state, Waiting) and self.status.last is not None:
            self.status = replace(self.status, state=self.status.last)

    # --- one run ---

    async def _once(self) -> _End:
        """Start it and see it through."""
        image, spec = await self._prepare()
        try:
            await self._launch(spec, image)
            await self._post_start()
        except StartFailed as failed:
            end = self._note_start_failure(spec, image, str(failed))
            return _End(end, end.finished_at, abrupt=True)
        except HookFailed as failed:
            end = await self._abort(str(failed))
            return _End(end, end.finished_at, abrupt=True)
        finally:
            self.attempted.set()
        self.status = states.running(self.status, self._known_run())
        self._begin_probing()
        return await self._see_through()

    async def _prepare(self) -> tuple[Image, ContainerSpec]:
        """What to start; waits as long as it cannot be started, telling why."""
        while True:
            try:
                image = await obtain(self._machine, self.spec, self._tell, self._wait_for_image)
                return image, self._specify(image, await self._home.shared_processes())
            except StartRefused as refused:
                self._refuse(refused)
                self.attempted.set()
                await asyncio.sleep(_RETRY_SECONDS if self._refusals == 1 else _RETRY_LATER_SECONDS)

    def _specify(self, image: Image, shared: str) -> ContainerSpec:
        home, pod = self._home, self._home.pod
        base = home.base_environment(image)
        environment = container_environment(pod, self.spec, base=base, place=home.place, lookup=home.lookup)
        spec = container_spec(
            pod,
            self.spec,
            image,
            id=secrets.token_hex(32),
            attempt=self._attempt,
            sandbox=home.sandbox,
            environment=environment,
            mounts=home.volumes.mounts(pod, self.spec, environment),
            capacity_bytes=self._machine.node.memory_bytes,
            pids_of=self._target() or shared,
        )
        self._make_files()
        return spec

    def _target(self) -> str:
        """The id of the container whose processes it is to see. Raises `StartRefused` while that does not run."""
        name = self.spec.get("targetContainerName")
        if not name:
            return ""
        running = self._home.running_ids()
        if name not in running:
            raise StartRefused("CreateContainerConfigError", f'target container "{name}" does not run')
        return running[name]

    def _make_files(self) -> None:
        name = self.spec["name"]
        # Two runs are kept: this one's log and, for --previous, the one before.
        old = self._home.sandbox.log(name, self._attempt - 2)
        for file in old.parent.glob(f"{old.name}*"):
            file.unlink()
        words = self._home.sandbox.termination_log(name, self._attempt)
        words.touch()
        words.chmod(0o666)

    async def _launch(self, spec: ContainerSpec, image: Image) -> None:
        starting = asyncio.ensure_future(self._machine.runtime.start(spec))
        try:
            started = await asyncio.shield(starting)
        except asyncio.CancelledError:
            # What has begun to start must be known, or nobody would stop it.
            with suppress(StartFailed):
                self._began(spec, image, (await starting).started_at.timestamp())
            raise
        self._tell("Normal", "Created", "Container created")
        self._began(spec, image, started.started_at.timestamp())
        self._tell("Normal", "Started", "Container started")

    def _began(self, spec: ContainerSpec, image: Image, at: float) -> None:
        self._run = self._run_of(spec, image, at)
        self.resources = self.granted
        self._exit = asyncio.ensure_future(self._machine.runtime.wait(spec.id))
        self._verdict = asyncio.get_running_loop().create_future()
        self._attempt += 1

    def _run_of(self, spec: ContainerSpec, image: Image, at: float = 0.0) -> Run:
        reference = image_reference(self.spec["image"])
        return Run(
            container_id=spec.id,
            attempt=self._attempt,
            image=reference,
            image_id=image.digest or image.id,
            started_at=at,
        )

    def _known_run(self) -> Run:
        assert self._run is not None, "a container that started has a run"  # noqa: S101 - a fact, not input
        return self._run

    async def _see_through(self) -> _End:
        assert self._exit is not None and self._verdict is not None  # noqa: S101, PT018 - set by _began
        before = self.status.last
        with self._probes():
            self._home.publish()
            await first_of(self._exit, self._verdict)
            condemned = self._verdict.done() and not self._exit.done()
            if condemned:
                await self._carry_out(self._verdict.result())
            exited = await asyncio.shield(self._exit)
        end = self._note_exit(exited)
        if not condemned:
            self._home.publish()
        await self._remove()
        if condemned:
            return _End(end, before.finished_at if before else None, abrupt=True)
        return _End(end, end.finished_at)

    async def _carry_out(self, verdict: _Verdict) -> None:
        grace = podspec.grace_seconds(self._home.pod) if verdict.grace_seconds is None else verdict.grace_seconds
        await self.stop(grace, verdict.message, asyncio.Event())

    async def _remove(self) -> None:
        run, self._run, self._exit = self._run, None, None
        if run is not None:
            # Removing goes on when this task is cancelled; `settle` waits for it.
            self._removal = asyncio.ensure_future(self._machine.runtime.remove(run.container_id))
        if self._removal is not None:
            await asyncio.shield(self._removal)

    # --- ends ---

    def _note_exit(self, exited: Exit) -> Terminated:
        run = self._known_run()
        reason = "OOMKilled" if exited.oom_killed else ("Completed" if exited.code == 0 else "Error")
        sandbox, name = self._home.sandbox, self.spec["name"]
        words = last_words(
            self.spec, sandbox.termination_log(name, run.attempt), sandbox.log(name, run.attempt), exited.code
        )
        end = Terminated(
            exit_code=exited.code,
            reason=reason,
            started_at=run.started_at,
            finished_at=exited.finished_at.timestamp(),
            container_id=run.container_id,
            message=words,
        )
        done = self.kind is Kind.INIT and exited.code == 0
        self.status = states.terminated(self.status, run, end, ready=done)
        return end

    def _note_start_failure(self, spec: ContainerSpec, image: Image, why: str) -> Terminated:
        text = f"failed to create containerd task: {why}" if "containerd task" not in why else why
        self._tell("Normal", "Created", "Container created")
        self._tell("Warning", "Failed", f"Error: {text}")
        end = Terminated(
            exit_code=128, reason="StartError", finished_at=self._machine.clock(), container_id=spec.id, message=text
        )
        self.status = states.terminated(self.status, self._run_of(spec, image), end)
        self._attempt += 1
        if self._again(end):
            self._wait_as("RunContainerError", text)
        else:
            # What is not tried again waits for nothing.
            self._home.publish()
        return end

    async def _abort(self, why: str) -> Terminated:
        """A postStart hook failed: the container goes, and the hook's failure is what it waits for."""
        self._tell("Warning", "FailedPostStartHook", "PostStartHook failed")
        await self.stop(podspec.grace_seconds(self._home.pod), "FailedPostStartHook", asyncio.Event())
        assert self._exit is not None  # noqa: S101 - the container was started, so its end is awaited
        end = self._note_exit(await asyncio.shield(self._exit))
        await self._remove()
        self._wait_as("PostStartHookError", why)
        return end

    async def _wait_for_restart(self, end: _End) -> None:
        known = end.known_at
        while (seconds := left(self._back_off, known, self._machine.clock())) > 0:
            await self._hold_back(seconds, abrupt=end.abrupt, looks_again=known != end.state.finished_at)
            known = end.state.finished_at
        self._back_off = after_restart(self._back_off, known, self._machine.clock())

    async def _hold_back(self, seconds: float, *, abrupt: bool, looks_again: bool) -> None:
        """`looks_again`: the kubelet has yet to see the end that it brought."""
        pod, name, delay = self._home.pod, self.spec["name"], self._back_off.delay_seconds if self._back_off else 0
        self._tell("Warning", "BackOff", f"Back-off restarting failed container {name} in pod {full_name(pod)}")
        wait = _RETRY_SECONDS if looks_again else jittered(seconds, self._machine.random())
        # A crash is shown until the kubelet looks again; what the kubelet itself ended, it has just looked at.
        shown_after = 0.0 if abrupt else min(wait, _RESYNC_SECONDS)
        await asyncio.sleep(shown_after)
        if self._hides_back_off():
            self._home.publish()
        else:
            text = f"back-off {spelled(delay)} restarting failed container={name} pod={full_name(pod)}"
            self._wait_as("CrashLoopBackOff", text)
        await asyncio.sleep(wait - shown_after)

    def _hides_back_off(self) -> bool:
        """The kubelet takes a sidecar that ended well for an init container that is done, and shows that."""
        state = self.status.state
        return self.kind is Kind.SIDECAR and isinstance(state, Terminated) and state.exit_code == 0

    # --- stopping ---

    async def _pre_stop(self, grace_seconds: float, hurry: asyncio.Event) -> None:
        hook = (self.spec.get("lifecycle") or {}).get("preStop")
        if not hook or grace_seconds <= 0:
            return
        running = asyncio.ensure_future(self._hook(hook, grace_seconds))
        hurried = asyncio.ensure_future(hurry.wait())
        await first_of(running, hurried, *([self._exit] if self._exit else []), timeout=grace_seconds)
        hurried.cancel()
        if not running.done() and self.running_id is not None and not hurry.is_set() and "sleep" not in hook:
            self._tell("Warning", "FailedPreStopHook", "PreStopHook failed")
        running.cancel()
        if running.done() and not running.cancelled() and running.exception() is not None:
            self._tell("Warning", "FailedPreStopHook", "PreStopHook failed")

    async def _signal_and_wait(self, seconds: float, hurry: asyncio.Event) -> None:
        run, exiting = self._known_run(), self._exit
        assert exiting is not None  # noqa: S101 - only called while it runs
        self._machine.runtime.signal(run.container_id, signal.SIGTERM)
        hurried = asyncio.ensure_future(hurry.wait())
        await first_of(exiting, hurried, timeout=seconds)
        hurried.cancel()
        if not exiting.done():
            self._machine.runtime.signal(run.container_id, signal.SIGKILL)
            await asyncio.shield(exiting)

    async def _post_start(self) -> None:
        hook = (self.spec.get("lifecycle") or {}).get("postStart")
        if hook:
            await self._hook(hook, _HOOK_SECONDS)

    async def _hook(self, hook: Obj, timeout_seconds: float) -> None:
        await run_hook(
            self._machine,
            hook,
            pod=self._home.pod,
            container=self.spec,
            container_id=self._known_run().container_id,
            address=self._home.sandbox.address,
            timeout_seconds=timeout_seconds,
        )

    # --- probes ---

    def _begin_probing(self) -> None:
        if "startupProbe" not in self.spec:
            self._mark_started()
        elif self._seems_started:
            self._show_started()

    def _mark_started(self) -> None:
        self.started.set()
        self._show_started()

    def _show_started(self) -> None:
        ready = "readinessProbe" not in self.spec and self._may_be_ready()
        self.status = replace(self.status, started=True, ready=ready)

    def _may_be_ready(self) -> bool:
        # An init container is ready when it has done its work, not while it runs; nobody waits for an ephemeral one.
        return self.kind in (Kind.MAIN, Kind.SIDECAR)

    @contextmanager
    def _probes(self) -> Iterator[None]:
        tasks = [asyncio.ensure_future(prober.run(self.started)) for prober in self._probers()]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()

    def _probers(self) -> Iterator[Prober]:
        run, began = self._known_run(), self._now()
        for kind in ProbeKind:
            probe = self.spec.get(f"{kind}Probe")
            if probe:
                yield self._prober(kind, probe, run.container_id, began)

    def _prober(self, kind: ProbeKind, probe: Obj, container_id: str, began: float) -> Prober:
        address = self._home.sandbox.address
        return Prober(
            kind=kind,
            rules=settings(probe),
            origin=self._home.origin,
            began=began,
            check=lambda: self._machine.checker.check(probe, self.spec, container_id, address),
            tell=lambda reason, message: self._tell("Warning", reason, message),
            changed=self._probe_changed,
            notices=kind is ProbeKind.STARTUP and self._seems_started,
        )

    def _probe_changed(self, kind: ProbeKind, result: Result) -> None:
        if kind is ProbeKind.READINESS:
            self.status = replace(self.status, ready=result is Result.SUCCESS)
            self._home.publish()
        elif result is Result.FAILURE:
            self._fail(kind)
        elif result is Result.UNKNOWN:
            self.status = replace(self.status, started=False, ready=False)
            self._home.publish()
        elif kind is ProbeKind.STARTUP:
            self._mark_started()
            self._home.publish()

    def _fail(self, kind: ProbeKind) -> None:
        """A pod that would have nothing left ends as a whole; else this container alone, perhaps to start again."""
        name, policy = self.spec["name"], podspec.restart_policy(self._home.pod)
        grace = self.spec[f"{kind}Probe"].get("terminationGracePeriodSeconds")
        if self.kind is Kind.SIDECAR:
            self.condemn(f"Init container {name} failed {kind} probe", grace)
        elif policy != "Never":
            self.condemn(f"Container {name} failed {kind} probe, will be restarted", grace)
        elif self._is_last():
            self.condemn(f"Stopping container {name}")
        else:
            self.condemn(f"Container {name} failed {kind} probe", grace)

    def _is_last(self) -> bool:
        """Whether no other main container runs."""
        others = {c["name"] for c in podspec.containers(self._home.pod)} - {self.spec["name"]}
        return not others & self._home.running_ids().keys()

    # --- telling ---

    def _refuse(self, refused: StartRefused) -> None:
        self._refusals += 1
        text = refused.reason if refused.reason in _TOLD_BY_REASON else refused.message
        self._tell("Warning", "Failed", f"Error: {text}")
        self._wait_as(refused.reason, refused.message)

    def _wait_for_image(self, reason: str, message: str) -> None:
        self._wait_as(reason, message)
        self.attempted.set()

    def _wait_as(self, reason: str, message: str) -> None:
        self.status = states.waiting(self.status, reason, message)
        self._home.publish()

    def _tell(self, type: str, reason: str, message: str) -> None:
        kind = _FIELDS.get(self.kind, "initContainers")
        self._machine.tell(self._home.pod, type, reason, message, field_path(kind, self.spec["name"]))

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
