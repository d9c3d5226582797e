"""Pods in their node's network: as everybody else reaches them."""

from tests.kubectl.kubectl import Kubectl

PODS = """
apiVersion: v1
kind: Pod
metadata: {name: host, labels: {app: host}}
spec:
  hostNetwork: true
  nodeName: node1
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: python:3.12-slim
    command: [python3, -m, http.server, "18081"]
    ports: [{containerPort: 18081, name: http}]
    readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: host}
spec:
  selector: {app: host}
  ports: [{port: 80, targetPort: http}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: nobody}
spec: {podSelector: {}, policyTypes: [Ingress]}
"""
ASK = "import urllib.request as r; print(r.urlopen('http://{}', timeout=3).status)"


def ask(kubectl: Kubectl, node: str, where: str) -> str:
    """What a pod on a node is answered."""
    override = f'{{"spec": {{"nodeName": "{node}"}}}}'
    command = ("python3", "-c", ASK.format(where))
    run = ("run", f"ask-{node}", "--image=python:3.12-slim", "--restart=Never", "--attach", "--rm", "--quiet")
    return kubectl.ok(*run, f"--overrides={override}", "--command", "--", *command).strip()


def test_a_pod_in_its_nodes_network_is_reached_by_its_service_from_everywhere(kubectl: Kubectl) -> None:
    """And past NetworkPolicies, which are about pods' own addresses."""
    kubectl.ok("apply", "-f", "-", stdin=PODS)
    kubectl.ok("wait", "--for=condition=Ready", "pod/host", "--timeout=10s")
    address = kubectl.ok("get", "pod", "host", "-o", "jsonpath={.status.podIP}")
    assert address == kubectl.ok(
        "get", "node", "node1", "-o", 'jsonpath={.status.addresses[?(@.type=="InternalIP")].address}'
    )
    for node in ("node1", "node2"):
        assert ask(kubectl, node, "host") == "200"
        assert ask(kubectl, node, f"{address}:18081") == "200"
    kubectl.ok("delete", "pod", "host", "--timeout=10s")
