"""Manifests for the audit's tests: one that keeps every rule, and hypothesis strategies for ones that do not."""

import json
from typing import Any

from hypothesis import strategies as st

from chaos.manifests import Manifest, Manifests, parse

DIGEST = "@sha256:" + "a" * 64
SCAN = f"""{{
  "SchemaVersion": 2,
  "CreatedAt": "2026-09-05T06:00:00Z",
  "Metadata": {{"RepoDigests": ["registry.example:5000/web{DIGEST}"]}},
  "Results": [{{"Class": "os-pkgs", "Vulnerabilities": []}}]
}}"""

# Every rule of every defense is kept here; each test takes away one thing.
SOUND = f"""
apiVersion: v1
kind: ServiceAccount
metadata: {{name: web}}
automountServiceAccountToken: false
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: 3
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata:
      labels: {{app: web, tier: front}}
      annotations: {{prometheus.io/scrape: "true", prometheus.io/port: "8080",
        ignore.seawall.dev/logs-not-collected: the agents of the cluster take them}}
    spec:
      serviceAccountName: web
      automountServiceAccountToken: false
      securityContext: {{runAsNonRoot: true, runAsUser: 10001, seccompProfile: {{type: RuntimeDefault}}}}
      topologySpreadConstraints:
        - {{maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway,
            labelSelector: {{matchLabels: {{app: web}}}}}}
      containers:
        - name: web
          image: registry.example:5000/web:1.2{DIGEST}
          ports: [{{name: http, containerPort: 8080}}]
          resources:
            requests: {{cpu: 100m, memory: 64Mi}}
            limits: {{cpu: 500m, memory: 128Mi}}
          readinessProbe: {{httpGet: {{path: /readyz, port: http}}, periodSeconds: 2, failureThreshold: 2}}
          livenessProbe: {{httpGet: {{path: /healthz, port: http}}, periodSeconds: 5, failureThreshold: 3}}
          startupProbe: {{httpGet: {{path: /healthz, port: http}}, periodSeconds: 1, failureThreshold: 30}}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {{drop: [ALL]}}
---
apiVersion: v1
kind: Service
metadata: {{name: web, labels: {{app: web}}}}
spec: {{selector: {{app: web}}, ports: [{{name: http, port: 80, targetPort: http}}]}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{name: web}}
spec: {{maxUnavailable: 1, selector: {{matchLabels: {{app: web}}}}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: deny}}
spec: {{podSelector: {{}}, policyTypes: [Ingress, Egress]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: web}}
spec:
  podSelector: {{matchLabels: {{app: web}}}}
  policyTypes: [Ingress, Egress]
  ingress: [{{from: [{{podSelector: {{matchLabels: {{app: edge}}}}}}]}}]
  egress: [{{ports: [{{protocol: UDP, port: 53}}]}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: alerts}}
data:
  rules.yaml: |
    groups:
      - name: web
        rules:
          - alert: WebDown
            expr: absent(up{{job="web"}} == 1)
            for: 1m
            labels: {{severity: critical}}
            annotations: {{runbook_url: "https://runbooks.example/web"}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: scan, labels: {{seawall.dev/scan-report: "true"}}}}
data: {{web.json: {json.dumps(SCAN)}}}
"""


def sound() -> Manifests:
    return parse(SOUND, "shop.yaml")


def edited(old: str, new: str) -> Manifests:
    """The sound manifests with one piece of text replaced."""
    assert old in SOUND, old
    return parse(SOUND.replace(old, new), "shop.yaml")


def extended(text: str) -> Manifests:
    """The sound manifests and more documents."""
    return parse(f"{SOUND}\n---\n{text}", "shop.yaml")


def _mapping(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping that has some of the fields."""
    return st.fixed_dictionaries({}, optional=fields)


_cpu, _memory = st.sampled_from(["0", "100m", "1", "2.5", 1]), st.sampled_from(["0", "64Mi", "1Gi", "128M", 1000000])
_amounts = _mapping(cpu=_cpu, memory=_memory)
_handlers = st.sampled_from(
    [
        {"httpGet": {"path": "/", "port": "http"}},
        {"httpGet": {"path": "/healthz", "port": 8080}},
        {"tcpSocket": {"port": 8080}},
        {"exec": {"command": ["true"]}},
        {},
    ]
)
_probe = st.builds(
    lambda handler, rest: {**handler, **rest},
    _handlers,
    _mapping(
        periodSeconds=st.integers(1, 30), failureThreshold=st.integers(1, 9), initialDelaySeconds=st.integers(0, 9)
    ),
)
_context = _mapping(
    runAsNonRoot=st.booleans(),
    runAsUser=st.sampled_from([0, 1000]),
    allowPrivilegeEscalation=st.booleans(),
    privileged=st.booleans(),
    readOnlyRootFilesystem=st.booleans(),
    seccompProfile=st.sampled_from([{"type": "RuntimeDefault"}, {"type": "Unconfined"}]),
    capabilities=_mapping(drop=st.just(["ALL"]), add=st.sampled_from([["NET_BIND_SERVICE"], ["SYS_ADMIN"]])),
)
_container = st.builds(
    lambda rest: {"name": "main", **rest},
    _mapping(
        image=st.sampled_from(["web", "web:1", "host:5000/web", f"web:1{DIGEST}", "postgres:16", "redis"]),
        ports=st.sampled_from([[], [{"containerPort": 8080}], [{"name": "http", "containerPort": 8080}]]),
        resources=_mapping(requests=_amounts, limits=_amounts),
        readinessProbe=_probe,
        livenessProbe=_probe,
        startupProbe=_probe,
        securityContext=_context,
        volumeMounts=st.sampled_from(
            [[{"name": "data", "mountPath": "/var/lib"}], [{"name": "x", "mountPath": "/cache"}]]
        ),
    ),
)
_volumes = st.sampled_from(
    [[], [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}], [{"name": "data", "emptyDir": {}}]]
)
_spread = st.sampled_from(
    [
        [],
        [{"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "a"}}}],
        [{"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "other"}}}],
    ]
)


_notes = st.sampled_from(
    [{}, {"peak.seawall.dev/main": "48Mi"}, {"peak.seawall.dev/main": "900M"}, {"peak.seawall.dev/other": "much"}]
)


def _workload(
    kind: str, name: str, labels: dict[str, str], notes: dict[str, str], spec: dict[str, Any], rest: dict[str, Any]
) -> Manifest:
    template = {"metadata": {"labels": labels, "annotations": notes}, "spec": spec}
    body = {"selector": {"matchLabels": labels}, "template": template, **rest}
    return Manifest({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": body})


_labels = st.sampled_from([{"app": "a"}, {"app": "b"}, {"app": "a", "tier": "x"}])
_pod = _mapping(
    containers=st.lists(_container, min_size=1, max_size=2),
    initContainers=st.lists(_container, max_size=1),
    serviceAccountName=st.sampled_from(["default", "robot", "web"]),
    automountServiceAccountToken=st.booleans(),
    securityContext=_context,
    hostNetwork=st.booleans(),
    topologySpreadConstraints=_spread,
    volumes=_volumes,
)
_workloads = st.builds(
    _workload,
    st.sampled_from(["Deployment", "StatefulSet", "DaemonSet", "Job"]),
    st.sampled_from(["one", "two", "three"]),
    _labels,
    _notes,
    _pod,
    _mapping(replicas=st.integers(0, 4)),
)


def _object(kind: str, **spec: st.SearchStrategy[Any]) -> st.SearchStrategy[Manifest]:
    names = st.sampled_from(["x", "y"])
    return st.builds(lambda n, s: Manifest({"kind": kind, "metadata": {"name": n}, "spec": s}), names, _mapping(**spec))


def _binding(role: str) -> Manifest:
    subjects = [{"kind": "ServiceAccount", "name": "robot"}]
    ref = {"kind": "ClusterRole", "name": role}
    return Manifest({"kind": "RoleBinding", "metadata": {"name": "b"}, "roleRef": ref, "subjects": subjects})


_selector = st.sampled_from(
    [{}, {"matchLabels": {"app": "a"}}, {"matchExpressions": [{"key": "app", "operator": "Exists"}]}]
)
_others = st.one_of(
    _object(
        "Service",
        selector=st.sampled_from([{"app": "a"}, {"app": "b"}]),
        ports=st.sampled_from([[{"port": 80, "targetPort": 8080}], [{"port": 80, "targetPort": "http"}]]),
    ),
    _object("PodDisruptionBudget", selector=_selector, minAvailable=st.sampled_from([0, 1, 3, "50%", "100%"])),
    _object(
        "NetworkPolicy",
        podSelector=_selector,
        policyTypes=st.sampled_from([["Ingress"], ["Egress"], ["Ingress", "Egress"]]),
        egress=st.sampled_from([[], [{}], [{"ports": [{"protocol": "UDP", "port": 53}]}]]),
    ),
    _object("PersistentVolumeClaim", accessModes=st.just(["ReadWriteOnce"]), storageClassName=st.just("fast")),
    _object(
        "LimitRange",
        limits=st.lists(_mapping(type=st.just("Container"), default=_amounts, defaultRequest=_amounts), max_size=2),
    ),
    _object("HorizontalPodAutoscaler", minReplicas=st.integers(1, 3)),
    st.sampled_from(["cluster-admin", "view"]).map(_binding),
)


def _distinct(found: list[Manifest]) -> Manifests:
    return tuple({(m.kind, m.name): m for m in found}.values())


anything: st.SearchStrategy[Manifests] = st.builds(
    lambda a, b: _distinct([*a, *b]), st.lists(_workloads, min_size=1, max_size=3), st.lists(_others, max_size=5)
)
