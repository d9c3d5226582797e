"""kubectl and autoscalers: made by `autoscale`, shown with what is really used, and obeyed."""

from tests.kubectl.kubectl import Kubectl

BUSY = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: busy}
spec:
  selector: {matchLabels: {app: busy}}
  template:
    metadata: {labels: {app: busy}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: app
        image: busybox
        command: [sh, -c, "while true; do :; done"]
        resources: {requests: {cpu: 25m}, limits: {cpu: 50m}}
"""


def test_a_busy_deployment_grows_to_its_ceiling(kubectl: Kubectl) -> None:
    kubectl.ok("apply", "-f", "-", stdin=BUSY)
    made = kubectl.ok("autoscale", "deployment", "busy", "--cpu-percent=50", "--min=1", "--max=3")
    assert made == "horizontalpodautoscaler.autoscaling/busy autoscaled\n"
    kubectl.until("SuccessfulRescale", "get", "events")
    name, reference, cpu, percent, low, high, count, _age = kubectl.ok("get", "hpa", "--no-headers").split()
    assert (name, reference, cpu, low, high, count) == ("busy", "Deployment/busy", "cpu:", "1", "3", "1")
    assert 150 <= int(percent.removesuffix("%/50%")) <= 250
    described = kubectl.ok("describe", "hpa", "busy")
    assert "New size: 3; reason: cpu resource utilization (percentage of request) above target" in described
    assert "the desired replica count is more than the maximum replica count" in described
    assert kubectl.ok("get", "deployment", "busy", "-o", "jsonpath={.spec.replicas}") == "3"
    old = kubectl.ok("get", "horizontalpodautoscalers.v1.autoscaling", "busy", "-o", "jsonpath={.spec}")
    assert '"targetCPUUtilizationPercentage":50' in old
