"""HorizontalPodAutoscalers: every 15 seconds as many replicas as the metrics ask for, through the scale subresource.

Conditions, events and their words are those of kube-controller-manager, as far as the recording of `tables` and the
Kubernetes page on horizontal pod autoscaling tell them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from cluster.client import ApiError, NotFound, Obj
from cluster.controllers import hpa_limits, hpa_metrics
from cluster.controllers.context import Context
from cluster.controllers.hpa_limits import Decision, Past
from cluster.controllers.hpa_metrics import Reading, Scaled, Unreadable
from cluster.controllers.hpa_replicas import Tolerance
from cluster.controllers.loop import Controller, own_key
from cluster.events import EventRecorder
from cluster.objects import Key, labels_of, with_condition
from cluster.quantity import parse_quantity
from cluster.selectors import matches_labels
from cluster.timestamps import format_time

RESOURCE = "horizontalpodautoscalers.autoscaling"


def controller(context: Context) -> Controller:
    return Controller(
        name="horizontal-pod-autoscaler",
        watches={RESOURCE: own_key},
        reconcile=_Reconciler(context, context.recorder("horizontal-pod-autoscaler")).reconcile,
        # A new autoscaler waits for its first look like any other.
        settle_seconds=context.autoscaler_seconds,
    )


@dataclass(slots=True)
class _Look:
    """One look at one autoscaler, and the status that it makes."""

    autoscaler: Obj
    now: float
    status: Obj

    @property
    def spec(self) -> Obj:
        spec: Obj = self.autoscaler["spec"]
        return spec

    def say(self, type: str, reason: str, message: str, *, status: bool) -> None:
        """Set a condition."""
        condition = {"type": type, "status": str(status), "reason": reason, "message": message}
        self.status["conditions"] = with_condition(self.status.get("conditions"), condition, self.now)


class _NoScale(Exception):
    """The target's scale cannot be had; the message says why."""


class _NoMetrics(Exception):
    """The metrics ask for nothing; the message says why."""


@dataclass(frozen=True, slots=True)
class _Reconciler:
    context: Context
    recorder: EventRecorder
    past: dict[Key, Past] = field(default_factory=dict)

    async def reconcile(self, key: Key) -> float | None:
        try:
            autoscaler = self.context.client.get(RESOURCE, key.name, key.namespace)
        except NotFound:
            self.past.pop(key, None)
            return None
        look = _Look(autoscaler, self.context.clock(), dict(autoscaler.get("status") or {}))
        self._look(key, look)
        if look.status != autoscaler.get("status"):
            self.context.client.update(RESOURCE, {**autoscaler, "status": look.status}, subresource="status")
        return self.context.autoscaler_seconds

    def _look(self, key: Key, look: _Look) -> None:
        try:
            resource, scale = self._scale(look)
        except _NoScale as why:
            self.recorder.event(look.autoscaler, "Warning", "FailedGetScale", str(why))
            message = f"the HPA controller was unable to get the target's current scale: {why}"
            look.say("AbleToScale", "FailedGetScale", message, status=False)
            return
        message = "the HPA controller was able to get the target's current scale"
        look.say("AbleToScale", "SucceededGetScale", message, status=True)
        current = int(scale["spec"].get("replicas", 0))
        look.status["currentReplicas"] = current
        try:
            wanted, reason = self._wanted(key, look, scale, current)
        except _NoMetrics as missing:
            self.recorder.event(look.autoscaler, "Warning", "FailedComputeMetricsReplicas", str(missing))
            return
        look.status["desiredReplicas"] = wanted
        if wanted != current:
            self._rescale(key, look, resource, current, wanted, reason)

    def _scale(self, look: _Look) -> tuple[str, Obj]:
        """The resource of the target, and its Scale."""
        ref, namespace = look.spec["scaleTargetRef"], look.autoscaler["metadata"]["namespace"]
        group = ref.get("apiVersion", "").rpartition("/")[0]
        kinds = self.context.kinds
        found = [k for k in kinds if (k.api_version.rpartition("/")[0], k.kind) == (group, ref["kind"])]
        if not found:
            raise _NoScale(f'no matches for kind "{ref["kind"]}" in group "{group}"')
        try:
            return found[0].resource, self.context.client.get(
                found[0].resource, ref["name"], namespace, subresource="scale"
            )
        except ApiError as refused:
            raise _NoScale(refused.message) from refused

    def _wanted(self, key: Key, look: _Look, scale: Obj, current: int) -> tuple[int, str]:
        """How many replicas there shall be, and why. Raises _NoMetrics."""
        low, high = look.spec["minReplicas"], look.spec["maxReplicas"]
        if current == 0:
            message = "scaling is disabled since the replica count of the target is zero"
            look.say("ScalingActive", "ScalingDisabled", message, status=False)
            return 0, ""
        if current > high:
            return high, "Current number of replicas above Spec.MaxReplicas"
        if current < low:
            return low, "Current number of replicas below Spec.MinReplicas"
        highest = hpa_metrics.highest(self._readings(look, scale, current))
        decision = self._decide(key, look, current, highest.replicas)
        above = f"{highest.name} above target"
        return decision.replicas, above if highest.replicas > current else "All metrics below target"

    def _readings(self, look: _Look, scale: Obj, current: int) -> list[Reading]:
        """What the metrics say. Raises _NoMetrics where too few of them say anything."""
        scaled = self._scaled(look, scale, current)
        readings, failed = [], []
        for metric in look.spec["metrics"]:
            try:
                readings.append(hpa_metrics.read(self.context.client, metric, scaled, _tolerance(look.spec), look.now))
            except Unreadable as unreadable:
                failed.append(unreadable)
                self.recorder.event(look.autoscaler, "Warning", unreadable.reason, unreadable.message)
        look.status["currentMetrics"] = [reading.status for reading in readings] or None
        # Without all metrics nobody can say that less is enough.
        if failed and (not readings or hpa_metrics.highest(readings).replicas < current):
            message = f"the HPA was unable to compute the replica count: {failed[0].message}"
            look.say("ScalingActive", failed[0].reason, message, status=False)
            count = f"{len(failed)} invalid out of {len(look.spec['metrics'])}"
            raise _NoMetrics(f"invalid metrics ({count}), first error is: {failed[0]}")
        what = hpa_metrics.highest(readings).name
        message = f"the HPA was able to successfully calculate a replica count from {what}"
        look.say("ScalingActive", "ValidMetricFound", message, status=True)
        return readings

    def _scaled(self, look: _Look, scale: Obj, current: int) -> Scaled:
        """The target's pods. Raises _NoMetrics where another autoscaler has them too."""
        namespace, selector = look.autoscaler["metadata"]["namespace"], scale["status"].get("selector", "")
        pods = self.context.client.list("pods", namespace, labels=selector)
        if rivals := self._rivals(look.autoscaler, pods):
            names = " ".join(sorted(f"{namespace}/{name}" for name in [*rivals, look.autoscaler["metadata"]["name"]]))
            message = f"pods by selector {selector} are controlled by multiple HPAs: [{names}]"
            self.recorder.event(look.autoscaler, "Warning", "AmbiguousSelector", message)
            look.say("ScalingActive", "AmbiguousSelector", message, status=False)
            raise _NoMetrics(message)
        return Scaled(namespace, selector, current, pods)

    def _rivals(self, autoscaler: Obj, pods: Sequence[Obj]) -> list[str]:
        rivals = []
        for other in self.context.client.list(RESOURCE, autoscaler["metadata"]["namespace"]):
            if other["metadata"]["uid"] == autoscaler["metadata"]["uid"]:
                continue
            try:
                _, scale = self._scale(_Look(other, 0.0, {}))
            except _NoScale:
                continue
            selector = scale["status"].get("selector", "")
            if any(matches_labels(selector, labels_of(pod)) for pod in pods):
                rivals.append(other["metadata"]["name"])
        return rivals

    def _decide(self, key: Key, look: _Look, current: int, asked: int) -> Decision:
        past = self.past.setdefault(key, Past(asked=[(look.now, current)]))
        decision = hpa_limits.decide(look.spec, current, asked, past, look.now)
        self.past[key] = hpa_limits.remember(past, asked, look.now, hpa_limits.memory_seconds(look.spec))
        look.say("AbleToScale", decision.able.reason, decision.able.message, status=True)
        look.say("ScalingLimited", decision.limit.reason, decision.limit.message, status=decision.limited)
        return decision

    def _rescale(self, key: Key, look: _Look, resource: str, current: int, wanted: int, why: str) -> None:
        name, namespace = look.spec["scaleTargetRef"]["name"], key.namespace
        try:
            self.context.client.patch(resource, name, namespace, {"spec": {"replicas": wanted}}, subresource="scale")
        except ApiError as refused:
            text = f"New size: {wanted}; reason: {why}; error: {refused.message}"
            self.recorder.event(look.autoscaler, "Warning", "FailedRescale", text)
            message = f"the HPA controller was unable to update the target scale: {refused.message}"
            look.say("AbleToScale", "FailedUpdateScale", message, status=False)
            look.status["desiredReplicas"] = current
            return
        message = f"the HPA controller was able to update the target scale to {wanted}"
        look.say("AbleToScale", "SucceededRescale", message, status=True)
        self.recorder.event(look.autoscaler, "Normal", "SuccessfulRescale", f"New size: {wanted}; reason: {why}")
        look.status["lastScaleTime"] = format_time(look.now)
        past = self.past.get(key, Past())
        self.past[key] = replace(past, changed=[*past.changed, (look.now, wanted - current)])


def _tolerance(spec: Obj) -> Tolerance:
    behavior, usual = spec.get("behavior") or {}, Tolerance()
    down, up = ((behavior.get(way) or {}).get("tolerance") for way in ("scaleDown", "scaleUp"))
    return Tolerance(_share(down, usual.down), _share(up, usual.up))


def _share(given: str | None, otherwise: Fraction) -> Fraction:
    return otherwise if given is None else parse_quantity(given)
