"""Metrics that somebody scrapes, an alert that names the workload, says how bad it is and what to do, and logs that
outlive their pod.

Only what stands in the manifests is audited; whether Prometheus loaded the rule is a question for a run.
"""

import re
from collections.abc import Iterator

import yaml

from chaos.defenses.kind import Check, Defense, Item, Rule
from chaos.judging.observability import judge
from chaos.manifests import (
    Manifest,
    Manifests,
    Obj,
    changed,
    containers,
    items,
    made,
    mapping,
    of_kind,
    pod_labels,
    pod_metadata,
    pod_spec_path,
    put,
    remembered,
    services_of,
    workloads,
)
from chaos.marked import dig, documents
from chaos.problems import InputErrors
from chaos.selectors import matches

MONITORS = ("ServiceMonitor", "PodMonitor")

NOT_SCRAPED = Rule(
    "metrics-not-scraped",
    "What nobody measures fails in silence; the users are the monitoring.",
    "Annotate the pod template with prometheus.io/scrape and prometheus.io/port, or add a ServiceMonitor for it.",
)
NO_ALERT = Rule(
    "alert-missing",
    "Without an alert that names this workload, nobody is woken when it fails.",
    "Add an alerting rule whose expression selects this workload.",
)
LOGS_NOT_COLLECTED = Rule(
    "logs-not-collected",
    "A pod's log goes with the pod, and what it said last is what you need most.",
    "Add a log collector to the manifests, or waive the rule with the name of what collects them in the cluster.",
)
# Images that collect logs; anything else says so by the label app.kubernetes.io/component: log-collector.
COLLECTORS = re.compile(r"(^|/)(fluent-bit|fluentd|promtail|alloy|vector|filebeat|opentelemetry-collector[\w-]*)[:@]")
COMPONENT, LOG_COLLECTOR = "app.kubernetes.io/component", "log-collector"

ALERT_INCOMPLETE = Rule(
    "alert-incomplete",
    "An alert without duration, severity or runbook fires on every blip, reaches nobody, or leaves them guessing.",
    "Give the rule for:, labels.severity and annotations.runbook_url (or runbook).",
)


def served(manifests: Manifests) -> list[Manifest]:
    """The workloads that serve somebody: those behind a Service."""
    return [w for w in workloads(manifests) if services_of(w, manifests)]


def ports(data: Obj) -> dict[str, str]:
    """The ports that a workload's containers declare: name or number, as text -> number as text."""
    declared = [p for c in containers(data) for p in items(c.spec, "ports") if "containerPort" in p]
    numbers = [str(p["containerPort"]) for p in declared]
    return {**{n: n for n in numbers}, **{str(p["name"]): str(p["containerPort"]) for p in declared if "name" in p}}


def is_scraped(workload: Manifest, manifests: Manifests) -> bool:
    notes = mapping(pod_metadata(workload.data), "annotations")
    if str(notes.get("prometheus.io/scrape")).lower() == "true" and str(notes.get("prometheus.io/port")) in ports(
        workload.data
    ):
        return True
    return any(_monitors(m, workload, manifests) for m in of_kind(manifests, *MONITORS))


def _monitors(monitor: Manifest, workload: Manifest, manifests: Manifests) -> bool:
    """Whether a monitor's selector leads to the workload and to a port that is there."""
    if monitor.namespace != workload.namespace:
        return False
    selector = dig(monitor.data, "spec", "selector")
    if monitor.kind == "PodMonitor":
        wanted = {str(e.get("port")) for e in items(monitor.data, "spec", "podMetricsEndpoints")}
        return matches(selector, pod_labels(workload.data)) and bool(wanted & ports(workload.data).keys())
    wanted = {str(e.get("port")) for e in items(monitor.data, "spec", "endpoints")}
    return any(
        matches(selector, mapping(service.data, "metadata", "labels"))
        and wanted & {str(p.get("name")) for p in items(service.data, "spec", "ports")}
        for service in services_of(workload, manifests)
    )


def alerts(manifests: Manifests) -> list[tuple[Manifest, Obj]]:
    """Every alerting rule and the object it stands in: a PrometheusRule, or a rule file in a ConfigMap."""
    found = [(m, group) for m in of_kind(manifests, "PrometheusRule") for group in items(m.data, "spec", "groups")]
    found += [(m, group) for m in of_kind(manifests, "ConfigMap") for key in rule_files(m) for group in _groups(m, key)]
    return [(m, rule) for m, group in found for rule in items(group, "rules") if "alert" in rule]


def rule_files(config_map: Manifest) -> list[str]:
    """The keys of a ConfigMap that hold alerting rules."""
    return [key for key in mapping(config_map.data, "data") if _holds_alerts(config_map, key)]


def _holds_alerts(config_map: Manifest, key: str) -> bool:
    return any("alert" in rule for group in _groups(config_map, key) for rule in items(group, "rules"))


def _groups(config_map: Manifest, key: str) -> list[Obj]:
    text = mapping(config_map.data, "data")[key]
    if not isinstance(text, str) or "alert:" not in text:
        return []
    try:
        return [group for doc in documents(text, key) for group in items(doc, "groups")]
    except InputErrors:
        return []  # some other file that happens to hold the word


def names_in(expression: str) -> set[str]:
    """The names in an expression: whole words, and what they begin with before a dash, as `web` in `web-.*`."""
    words = set(re.findall(r"[\w-]+", expression))
    return words | {word[: dash.start()] for word in words for dash in re.finditer("-", word)}


@remembered
def _alerts_by_name(manifests: Manifests) -> dict[str, list[tuple[Manifest, Obj]]]:
    found: dict[str, list[tuple[Manifest, Obj]]] = {}
    for manifest, rule in alerts(manifests):
        for name in names_in(str(rule.get("expr", ""))):
            found.setdefault(name, []).append((manifest, rule))
    return found


def alerts_about(workload: Manifest, manifests: Manifests) -> list[tuple[Manifest, Obj]]:
    """The alerts whose expression names the workload, by its name or by one of its labels' values."""
    names = {workload.name, *pod_labels(workload.data).values()} - {"", "true", "false"}
    found = [about for name in sorted(names) for about in _alerts_by_name(manifests).get(name, ())]
    return list({id(rule): (manifest, rule) for manifest, rule in found}.values())


def lacking(rule: Obj) -> list[str]:
    """What an alert lacks to be of use at night."""
    notes = mapping(rule, "annotations")
    absent = [] if rule.get("for") else ["for"]
    absent += [] if mapping(rule, "labels").get("severity") else ["labels.severity"]
    return absent + ([] if notes.get("runbook_url") or notes.get("runbook") else ["annotations.runbook_url"])


def _metrics(manifests: Manifests) -> Iterator[Check]:
    for workload in served(manifests):
        yield Check(
            rule=NOT_SCRAPED,
            manifest=workload,
            ok=is_scraped(workload, manifests),
            what="no scrape annotation with a declared port, and no monitor that leads to one",
            path=(*pod_spec_path(workload.data)[:-1], "metadata"),
            fixable=bool(ports(workload.data)),
        )


def _alerts(manifests: Manifests) -> Iterator[Check]:
    for workload in served(manifests):
        about = alerts_about(workload, manifests)
        what = "no alerting rule names it"
        yield Check(rule=NO_ALERT, manifest=workload, ok=bool(about), what=what)
        for manifest, rule in about:
            if absent := lacking(rule):
                what = f"alert {rule['alert']} has no {', no '.join(absent)}"
                yield Check(rule=ALERT_INCOMPLETE, manifest=manifest, ok=False, what=what, fixable=False)


def is_collector(workload: Manifest) -> bool:
    if pod_labels(workload.data).get(COMPONENT) == LOG_COLLECTOR:
        return True
    return any(COLLECTORS.search(f"{c.spec.get('image', '')}:") for c in containers(workload.data))


def _logs(manifests: Manifests) -> Iterator[Check]:
    collected = any(is_collector(w) for w in workloads(manifests))
    for workload in served(manifests):
        what = "no log collector stands in these manifests"
        yield Check(rule=LOGS_NOT_COLLECTED, manifest=workload, ok=collected, what=what, fixable=False)


def strip_logs(manifests: Manifests) -> Manifests:
    """Without the collectors, and without the Services that lead to nothing else."""
    gone = {id(w) for w in workloads(manifests) if is_collector(w)}
    left_over = {
        id(service)
        for workload in workloads(manifests)
        if id(workload) in gone
        for service in services_of(workload, manifests)
        if not any(service in services_of(w, manifests) for w in workloads(manifests) if id(w) not in gone)
    }
    return tuple(m for m in manifests if id(m) not in gone | left_over)


def strip_metrics(manifests: Manifests) -> Manifests:
    def strip(data: Obj) -> None:
        for metadata in (mapping(data, "metadata"), pod_metadata(data)):
            notes = mapping(metadata, "annotations")
            kept = {k: v for k, v in notes.items() if not str(k).startswith("prometheus.io/")}
            if kept != notes:
                metadata["annotations"] = kept

    kept = tuple(m for m in manifests if m.kind not in MONITORS)
    return tuple(changed(m, strip) if m.is_workload or m.kind == "Service" else m for m in kept)


def strip_alerts(manifests: Manifests) -> Manifests:
    """No alerting rules; a ConfigMap keeps its keys, so that what mounts them still starts."""

    def empty(manifest: Manifest) -> Manifest:
        keys = rule_files(manifest)
        return (
            manifest
            if not keys
            else changed(manifest, lambda data: data["data"].update(dict.fromkeys(keys, "groups: []\n")))
        )

    kept = tuple(m for m in manifests if m.kind != "PrometheusRule")
    return tuple(empty(m) if m.kind == "ConfigMap" else m for m in kept)


def fix_metrics(manifests: Manifests) -> Manifests:
    dark = {id(w) for w in served(manifests) if not is_scraped(w, manifests) and ports(w.data)}

    def fix(data: Obj) -> None:
        metadata = pod_metadata(data)
        port = next(iter(ports(data).values()))
        notes = {"prometheus.io/scrape": "true", "prometheus.io/port": port}
        metadata["annotations"] = {**mapping(metadata, "annotations"), **notes}

    return tuple(changed(m, fix) if id(m) in dark else m for m in manifests)


def fix_alerts(manifests: Manifests) -> Manifests:
    dark = [w for w in served(manifests) if not alerts_about(w, manifests)]
    for workload in dark:
        manifests = put(manifests, made(_alert_file(workload), workload))
    return manifests


def _alert_file(workload: Manifest) -> Obj:
    rule = {
        "alert": "WorkloadDown",
        "expr": f'absent(up{{pod=~"{workload.name}-.*"}} == 1)',
        "for": "1m",
        "labels": {"severity": "critical", "workload": workload.ref},
        "annotations": {
            "summary": f"No pod of {workload.ref} answers its scrapes",
            "runbook": f"kubectl describe {workload.ref}; kubectl logs {workload.ref} --previous",
        },
    }
    text = yaml.safe_dump({"groups": [{"name": workload.name, "rules": [rule]}]}, sort_keys=False)
    name = f"{workload.name}-{workload.kind.lower()}-alerts"
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"alerts.yaml": text}}


OBSERVABILITY = Defense(
    name="observability",
    title="Metrics, logs and alerts",
    items=(
        Item(name="metrics", checks=_metrics, strip=strip_metrics, fix=fix_metrics),
        Item(name="alerts", checks=_alerts, strip=strip_alerts, fix=fix_alerts),
        Item(name="logs", checks=_logs, strip=strip_logs, fix=lambda manifests: manifests),
    ),
    judge=judge,
)
