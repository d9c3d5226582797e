"""`kubectl top` tells what is really used."""

from dataclasses import replace

from tests.kubectl.kubectl import Kubectl

BUSY = """
apiVersion: v1
kind: Pod
metadata: {name: busy}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: idle, image: busybox, command: [sleep, "600"]}
  - name: works
    image: python:3.12-slim
    command: [python3, -c, "kept = bytearray(64 << 20)\\nwhile True: pass"]
    resources: {limits: {cpu: 100m, memory: 128Mi}}
"""


def test_top_shows_pods_containers_and_nodes_by_real_use(kubectl: Kubectl) -> None:
    kubectl.ok("apply", "-f", "-", stdin=BUSY)
    kubectl.until("works", "top", "pods", "--containers")
    used = {line.split()[1]: line.split()[2:] for line in kubectl.ok("top", "pods", "--containers").splitlines()[1:]}
    assert used["idle"][0] in ("0m", "1m")
    assert 60 <= int(used["works"][0].removesuffix("m")) <= 130
    assert 64 <= int(used["works"][1].removesuffix("Mi")) <= 90
    name, cpu, memory = kubectl.ok("top", "pod", "busy", "--no-headers").split()
    assert (name, cpu[-1], memory[-2:]) == ("busy", "m", "Mi")
    everywhere = replace(kubectl, namespace="")
    nodes = [line.split() for line in everywhere.ok("top", "nodes", "--no-headers").splitlines()]
    assert [node[0] for node in nodes] == ["node1", "node2", "node3"]
    assert all(node[2].endswith("%") and node[4].endswith("%") for node in nodes)
