"""From a recording to what is true of it on every cluster: facts, one line each, and measures.

Objects that differ in nothing but a random part of their names share one name here, so facts are counted: two pods
of a Deployment that live the same life give each of their facts twice. Of an object's states the order is a fact,
not how often one was reported. The order between objects that do not wait for each other is none.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tests.replay.normal import normal, of, squeezed

Obj = dict[str, Any]
Row = dict[str, Any]
Steps = list[tuple[float, str]]
Life = tuple[str, Steps]

# The application's own pace: whether a probe finds it before it listens.
TOO_EARLY = ":8080: connect: connection refused"


@dataclass(frozen=True, slots=True)
class Facts:
    lines: tuple[str, ...]
    """Sorted."""
    measures: dict[str, tuple[float, ...]]
    """Counts of events and seconds between the steps of a pod's life, by what was measured; sorted values."""
    seconds: float = 0.0
    """How long it all took."""


def facts(rows: Iterable[Row]) -> Facts:
    rows = list(rows)
    watched = by_object(rows)
    asked = [row["t"] for row in rows if changes_something(row)]
    lives = [life(seen, asked) for (kind, _), seen in watched.items() if kind == "Pod"]
    lines = [
        *(line for (kind, _), seen in watched.items() for line in about(kind, seen)),
        *events(watched),
        *endpoints(rows),
        *said(rows),
    ]
    return Facts(tuple(sorted(lines)), measures(lives, watched), rows[-1]["t"] if rows else 0.0)


def by_object(rows: Iterable[Row]) -> dict[tuple[str, str], list[Row]]:
    """The rows of each object by (kind, uid), in order of their first."""
    seen: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        if row.get("watch") and row.get("type") in {"ADDED", "MODIFIED", "DELETED"}:
            seen[row["watch"], row["object"]["metadata"]["uid"]].append(row)
    return seen


def about(kind: str, seen: list[Row]) -> Iterator[str]:
    """The facts of one object."""
    if kind == "Pod":
        yield from about_pod(seen)
    elif kind in {"Deployment", "ReplicaSet", "StatefulSet", "Node"}:
        yield from about_conditions(kind, seen)
    if kind in {"Deployment", "ReplicaSet", "StatefulSet", "PodDisruptionBudget", "PersistentVolumeClaim"}:
        yield f"{title(kind, seen)} ends with status {counts(seen[-1]['object'])}"
    if kind == "PersistentVolumeClaim":
        yield f"{title(kind, seen)} phases: {chain(phase(row) for row in seen)}"


def title(kind: str, seen: list[Row]) -> str:
    return f"{kind} {of(seen[0]['object']['metadata']['name'])}"


def chain(states: Iterable[str]) -> str:
    """Those that differ from the one before."""
    states = [state for state in states if state]
    return " > ".join(states[:1] + [after for before, after in pairwise(states) if after != before])


def counts(obj: Obj) -> str:
    """The numbers of a status: replicas, healthy pods and the like."""
    status = obj.get("status", {})
    return json.dumps({k: v for k, v in sorted(status.items()) if isinstance(v, int) and k != "collisionCount"})


def phase(row: Row) -> str:
    return "DELETED" if row["type"] == "DELETED" else str(row["object"].get("status", {}).get("phase", ""))


def about_pod(seen: list[Row]) -> Iterator[str]:
    who = title("Pod", seen)
    yield f"{who} phases: {chain(phase(row) for row in seen)}"
    yield f"{who} life: {' > '.join(step for _, step in life(seen)[1])}"
    yield f"{who} qos {seen[-1]['object'].get('status', {}).get('qosClass')}"
    for name in containers(seen):
        yield f"{who} container {name}: {chain(container(row, name) for row in seen)}"
        yield f"{who} container {name} before that: {chain(last(row, name) for row in seen)}"
        yield f"{who} container {name} waits because: {chain(waits(row, name) for row in seen)}"
    yield from about_conditions("Pod", seen)
    yield f"{who} reason: {chain(of(row['object']['status'].get('reason', '')) for row in seen)}"
    yield f"{who} message: {chain(of(row['object']['status'].get('message', '')) for row in seen)}"


def statuses(row: Row) -> list[Obj]:
    status = row["object"].get("status", {})
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]


def containers(seen: list[Row]) -> list[str]:
    return sorted({status["name"] for row in seen for status in statuses(row)})


def _status(row: Row, name: str) -> Obj:
    return next((status for status in statuses(row) if status["name"] == name), {})


def state_of(state: Obj) -> str:
    """Such as "running", "waiting CrashLoopBackOff", "terminated OOMKilled 137"."""
    return " ".join(
        str(part)
        for kind, detail in state.items()
        for part in (kind, detail.get("reason"), detail.get("exitCode"), detail.get("signal"))
        if part is not None
    )


def container(row: Row, name: str) -> str:
    status = _status(row, name)
    if not status:
        return ""
    parts = (state_of(status.get("state") or {}), "ready" if status.get("ready") else "", f"r{status['restartCount']}")
    return " ".join(filter(None, parts))


def last(row: Row, name: str) -> str:
    return state_of(_status(row, name).get("lastState") or {})


def waits(row: Row, name: str) -> str:
    state = _status(row, name).get("state") or {}
    return " / ".join(of(detail["message"]) for detail in state.values() if detail.get("message"))


def changes_something(row: Row) -> bool:
    """Whether the case itself acted here, at a time of its own."""
    words = [word for word in row.get("kubectl", "").removeprefix("-n ").split() if not word.startswith("-")]
    return bool({"apply", "uncordon", "taint", "scale", "set", "undo"} & {*words})


def life(seen: list[Row], asked: Iterable[float] = ()) -> Life:
    """A pod's name and the steps of its life: phase and all its containers together.

    Each with the seconds since the step before, or since the pod was deleted; -1 where the case acted in between.
    """
    steps: Steps = []
    since, going = seen[0]["t"], False
    for row in seen:
        if not going and "deletionTimestamp" in row["object"]["metadata"]:
            since, going = row["t"], True
        step = "; ".join([phase(row), *(f"{s['name']} {container(row, s['name'])}" for s in statuses(row))])
        if not steps or steps[-1][1] != step:
            acted = any(since < when <= row["t"] for when in asked)
            steps.append((-1 if acted else round(row["t"] - since, 2), step))
            since = row["t"]
    return title("Pod", seen), steps


def about_conditions(kind: str, seen: list[Row]) -> Iterator[str]:
    conditions = [{c["type"]: c for c in row["object"].get("status", {}).get("conditions") or []} for row in seen]
    for type in sorted({type for known in conditions for type in known}):
        changes = chain(condition(known[type]) for known in conditions if type in known)
        yield f"{title(kind, seen)} condition {type}: {changes}"


def condition(said: Obj) -> str:
    reason, message = said.get("reason", ""), of(said.get("message", ""))
    return f"{said['status']}" + (f" {reason}" if reason else "") + (f" ({message})" if message else "")


def events(watched: dict[tuple[str, str], list[Row]]) -> Iterator[str]:
    """Each event once however often, and for each object the order in which its reasons first appeared."""
    told: dict[str, list[str]] = defaultdict(list)
    lines: dict[str, set[str]] = defaultdict(set)
    for (kind, _), seen in watched.items():
        if kind != "Event":
            continue
        event = seen[-1]["object"]
        if TOO_EARLY in event.get("message", ""):
            continue
        about_whom = event["involvedObject"]
        key = f"{about_whom['kind']} {about_whom['name']}"
        told[key].append(event["reason"])
        lines[key].add(f"{event['type']} {event['reason']} from {source(event)}: {of(event.get('message', ''))}")
    for key, reasons in told.items():
        yield from (f"event {of(key)} {line}" for line in lines[key])
        yield f"events of {of(key)} in order: {' > '.join(dict.fromkeys(reasons))}"


def source(event: Obj) -> str:
    return str((event.get("source") or {}).get("component") or event.get("reportingComponent", ""))


def endpoints(rows: Iterable[Row]) -> Iterator[str]:
    """What becomes of each address of each Endpoints object and each EndpointSlice."""
    histories: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for row in rows:
        if row.get("watch") in {"Endpoints", "EndpointSlice"} and row.get("type") in {"ADDED", "MODIFIED"}:
            name = of(row["object"]["metadata"]["name"])
            now = addresses(row["object"])
            for key in [key for key in histories if key[:2] == (row["watch"], name)]:
                histories[key].append(now.get(key[2], "absent"))
            for address in now.keys() - {key[2] for key in histories if key[:2] == (row["watch"], name)}:
                histories[row["watch"], name, address].append(now[address])
    for (kind, name, _), states in histories.items():
        yield f"{kind} {name} address: {chain(states)}"


def addresses(obj: Obj) -> dict[str, str]:
    if "endpoints" in obj:
        return {a: slice_state(e["conditions"]) for e in obj["endpoints"] or [] for a in e["addresses"]}
    subsets = obj.get("subsets") or []
    ready = {address["ip"]: "ready" for subset in subsets for address in subset.get("addresses") or []}
    return ready | {address["ip"]: "not ready" for s in subsets for address in s.get("notReadyAddresses") or []}


def slice_state(conditions: Obj) -> str:
    return ",".join(sorted(name for name, true in conditions.items() if true)) or "not ready"


def said(rows: Iterable[Row]) -> Iterator[str]:
    """Answers of the API and of the application, and what kubectl said."""
    outcomes: set[str] = set()
    for number, row in enumerate(row for row in rows if "kubectl" in row):
        yield from printed(number, row)
    for row in rows:
        if "request" in row:
            yield answer(row)
        elif "http" in row:
            path = "/" + row["http"].split("//", 1)[1].partition("/")[2]
            outcomes.add(f"{row['method']} {path} -> {row.get('code') or 'no answer'}")
    yield from outcomes


def answer(row: Row) -> str:
    asked, body = row["request"], row["response"]["body"]
    who = f" as {asked['note']}" if asked.get("note") else ""
    return f"{asked['method']} {of(asked['path'])}{who} -> {row['response']['code']} {essence(body)}"


def essence(body: Any) -> str:
    """Of an answer: all of a refusal or a review, the kind of anything else, and whether a list goes on."""
    if isinstance(body, str):
        return streamed(body)
    if not isinstance(body, dict):
        return ""
    kind = str(body.get("kind", ""))
    if kind == "Status":
        return of(
            json.dumps({k: body.get(k) for k in ("status", "reason", "message", "details", "code")}, sort_keys=True)
        )
    if kind.endswith("Review"):
        return f"{kind} {of(json.dumps(in_any_order(body['status']), sort_keys=True))}"
    if (body.get("metadata") or {}).get("continue"):
        return f"{kind} of {len(body['items'])}, {body['metadata'].get('remainingItemCount', 'some')} more"
    return kind


def streamed(text: str) -> str:
    """What a watch told, unless it is something else."""
    if not text.startswith('{"type":'):
        return ""
    told = [json.loads(line) for line in text.splitlines()]
    return "; ".join(f"{event['type']} {name_of(event['object'])}" for event in told)


def name_of(obj: Obj) -> str:
    if obj["kind"] == "Status":
        return of(json.dumps({key: obj.get(key) for key in ("reason", "message", "code")}))
    marks = " ".join((obj["metadata"].get("annotations") or {}).keys() if not obj["metadata"].get("name") else ())
    return " ".join(filter(None, (obj["kind"], obj["metadata"].get("name"), marks)))


def in_any_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: in_any_order(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return sorted((in_any_order(inner) for inner in value), key=lambda inner: json.dumps(inner, sort_keys=True))
    return value


def printed(number: int, row: Row) -> Iterator[str]:
    """Each line a fact: tables sort by names that are random."""
    command = normal(row["kubectl"])
    yield f"${number} kubectl {command} exits {row['rc']}"
    for stream in ("stdout", "stderr"):
        for line in filter(None, map(squeezed, row[stream].splitlines())):
            if "version difference" not in line and TOO_EARLY not in line:
                yield f"${number} kubectl {command} | {line}"


def measures(lives: list[Life], watched: dict[tuple[str, str], list[Row]]) -> dict[str, tuple[float, ...]]:
    found: dict[str, list[float]] = defaultdict(list)
    for who, steps in lives:
        for (_, was), (seconds, became) in pairwise(steps):
            if seconds < 0:
                continue
            found[f"seconds of {who} from [{was}] to [{became}]"].append(seconds)
    for (kind, _), seen in watched.items():
        event = seen[-1]["object"]
        if kind == "Event" and event.get("count") and TOO_EARLY not in event.get("message", ""):
            whom = event["involvedObject"]
            key = f"count of {whom['kind']} {of(whom['name'])} {event['reason']}: {of(event.get('message', ''))}"
            found[key].append(event["count"])
    return {key: tuple(sorted(values)) for key, values in sorted(found.items())}
