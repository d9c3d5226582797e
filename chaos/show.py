"""What kubectl would show at this moment, taken through the API so that nobody needs kubectl: for the report."""

import threading
from collections.abc import Iterable
from contextlib import suppress

from chaos.kube import Kube, KubeError, Obj
from chaos.observe import View
from chaos.plan import VariantPlan
from chaos.recording import Recorder, Shown
from chaos.underway import Run

_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
LOG_LINES = 15


def beside(run: Run, variant: VariantPlan, view: View, when: str, targets: Iterable[str] = ()) -> None:
    """Take it in the background: what is only shown must not take time from a phase. Of the pods, at most three are
    described: the targets, and those with a container that ended.
    """
    hurt = [name for name, pod in sorted(view.of("Pod").items()) if when != "baseline" and _was_killed(pod)]
    named = [p for p in dict.fromkeys([*targets, *hurt]) if p in view.of("Pod")][:3]
    thread = threading.Thread(
        target=take,
        args=(run.kube, variant.namespace_name, variant.name, run.recorder),
        kwargs={"when": when, "pods": named},
        daemon=True,
    )
    thread.start()
    run.showing.append(thread)


def _was_killed(pod: Obj) -> bool:
    return any("terminated" in {**c["state"], **c["last"]} for c in pod["containers"])


def take(kube: Kube, namespace: str, variant: str, recorder: Recorder, *, when: str, pods: list[str]) -> None:
    """Record `get pods` of the namespace, and `describe` and `logs` of the pods named. Never raises."""
    with suppress(KubeError, KeyError):
        text = get_pods(kube, namespace)
        recorder.write(Shown, variant, command=f"kubectl get pods -n {namespace}", text=text, when=when)
    for pod in pods:
        with suppress(KubeError, KeyError):
            text = describe_pod(kube, namespace, pod)
            recorder.write(Shown, variant, command=f"kubectl describe pod {pod} -n {namespace}", text=text, when=when)
        for flag, previous in (("", False), (" --previous", True)):
            with suppress(KubeError):
                text = logs(kube, namespace, pod, previous=previous)
                command = f"kubectl logs {pod} -n {namespace} --tail={LOG_LINES}{flag}"
                recorder.write(Shown, variant, command=command, text=text, when=when)


def get_pods(kube: Kube, namespace: str) -> str:
    table = kube.json("GET", f"/api/v1/namespaces/{namespace}/pods", accept=_TABLE)
    columns = [i for i, column in enumerate(table["columnDefinitions"]) if column.get("priority", 0) == 0]
    rows = [[table["columnDefinitions"][i]["name"].upper() for i in columns]]
    rows += [[str(row["cells"][i]) for i in columns] for row in table["rows"]]
    return _aligned(rows)


def _aligned(rows: list[list[str]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join("   ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def logs(kube: Kube, namespace: str, pod: str, *, previous: bool) -> str:
    query = {"tailLines": LOG_LINES, **({"previous": "true"} if previous else {})}
    return kube.request("GET", f"/api/v1/namespaces/{namespace}/pods/{pod}/log", query=query, accept="*/*").decode(
        errors="replace"
    )


def describe_pod(kube: Kube, namespace: str, name: str) -> str:
    """The parts of `kubectl describe pod` that tell why it is as it is."""
    pod = kube.get(f"/api/v1/namespaces/{namespace}/pods/{name}")
    events = kube.list(f"/api/v1/namespaces/{namespace}/events", fieldSelector=f"involvedObject.name={name}")
    status = pod["status"]
    lines = [
        f"Name:       {name}",
        f"Node:       {pod['spec'].get('nodeName', '<none>')}",
        f"Status:     {status.get('phase', '')}",
        f"QoS Class:  {status.get('qosClass', '')}",
        "Containers:",
    ]
    for container in status.get("containerStatuses") or ():
        lines += _container(container, pod)
    lines += ["Conditions:", *(f"  {c['type']:<28}{c['status']}" for c in status.get("conditions") or ())]
    lines += ["Events:", *_events(events)]
    return "\n".join(lines)


def _container(seen: Obj, pod: Obj) -> list[str]:
    spec: Obj = next((c for c in pod["spec"]["containers"] if c["name"] == seen["name"]), {})
    lines = [f"  {seen['name']}:"]
    for title, key in (("State", "state"), ("Last State", "lastState")):
        for state, body in (seen.get(key) or {}).items():
            lines.append(f"    {title + ':':<15}{state.capitalize()}")
            lines += [
                f"      {k[0].upper() + k[1:] + ':':<13}{body[k]}"
                for k in ("reason", "exitCode", "startedAt", "finishedAt")
                if k in body
            ]
    lines += [f"    {'Ready:':<15}{seen.get('ready')}", f"    {'Restart Count:':<15}{seen.get('restartCount', 0)}"]
    resources = spec.get("resources") or {}
    lines += [
        f"    {k.capitalize() + ':':<15}" + ", ".join(f"{n}={q}" for n, q in resources[k].items())
        for k in ("limits", "requests")
        if k in resources
    ]
    probes = [k for k in ("livenessProbe", "readinessProbe", "startupProbe") if k in spec]
    return [*lines, f"    {'Probes:':<15}{', '.join(p.removesuffix('Probe') for p in probes) or '<none>'}"]


def _events(events: list[Obj]) -> list[str]:
    rows = [
        [
            f"  {e.get('type', '')}",
            e.get("reason", ""),
            f"x{e.get('count') or 1}",
            (e.get("source") or {}).get("component", ""),
            e.get("message", ""),
        ]
        for e in events
    ]
    return _aligned(rows).split("\n") if rows else ["  <none>"]
