"""kubectl debug looks into a running pod with a container of its own."""

import json

import pytest

from tests.kubectl.kubectl import Kubectl

POD = """
apiVersion: v1
kind: Pod
metadata: {name: one}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: main, image: busybox, command: [sleep, "600"]}
"""
SAY = "read x; echo to and $x"
LOOK = ("--image=busybox", "--profile=general", "--quiet")


def asking(name: str) -> tuple[str, ...]:
    """For the state of a debugger."""
    path = f'{{.status.ephemeralContainerStatuses[?(@.name=="{name}")].state}}'
    return "get", "pod", "one", "-o", f"jsonpath={path}"


def state(kubectl: Kubectl, name: str) -> str:
    return kubectl.ok(*asking(name))


def test_a_debugger_sees_the_processes_of_its_target_and_ends_alone(kubectl: Kubectl) -> None:
    kubectl.ok("apply", "-f", "-", stdin=POD)
    kubectl.ok("wait", "--for=condition=Ready", "pod/one", "--timeout=10s")
    kubectl.ok("debug", "one", "-c", "look", "--target=main", *LOOK, "--", "sh", "-c", "cat /proc/1/cmdline; exit 4")
    kubectl.until('"exitCode":4', *asking("look"))
    assert kubectl.ok("logs", "one", "-c", "look").startswith("sleep")
    assert kubectl.ok("get", "pod", "one", "--no-headers").split()[1:4] == ["1/1", "Running", "0"]
    assert "Ephemeral Containers:\n  look:" in kubectl.ok("describe", "pod", "one")
    kubectl.ok("debug", "one", "-c", "apart", *LOOK, "--", "sh", "-c", "cat /proc/1/cmdline; echo; sleep 600")
    kubectl.until("running", *asking("apart"))
    assert kubectl.ok("logs", "one", "-c", "apart").startswith("sh")
    assert kubectl.ok("exec", "one", "-c", "apart", "--", "echo", "in") == "in\n"
    kubectl.ok("delete", "pod", "one", "--timeout=10s")


def test_where_containers_share_their_processes_a_debugger_needs_no_target(kubectl: Kubectl) -> None:
    kubectl.ok("apply", "-f", "-", stdin=f"{POD}  shareProcessNamespace: true\n")
    kubectl.ok("wait", "--for=condition=Ready", "pod/one", "--timeout=10s")
    look = "cat /proc/1/cmdline; echo; cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '"
    kubectl.ok("debug", "one", "-c", "look", *LOOK, "--", "sh", "-c", look)
    kubectl.until("terminated", *asking("look"))
    first, everything = kubectl.ok("logs", "one", "-c", "look").splitlines()
    assert first == "sleep\0infinity\0"
    assert "sleep 600" in everything


def test_a_debugger_is_attached_to(kubectl: Kubectl) -> None:
    kubectl.ok("apply", "-f", "-", stdin=POD)
    kubectl.ok("wait", "--for=condition=Ready", "pod/one", "--timeout=10s")
    said = kubectl("debug", "one", "-i", "-c", "talk", "--target=main", *LOOK, "--", "sh", "-c", SAY, stdin="fro\n")
    assert (said.code, "to and fro" in said.out) == (0, True), said


def test_they_stay_as_they_are_and_may_not_weaken_the_namespace(kubectl: Kubectl) -> None:
    kubectl.ok("apply", "-f", "-", stdin=POD)
    kubectl.ok("debug", "one", "-c", "look", *LOOK, "--", "true")
    changed = json.dumps({"spec": {"ephemeralContainers": [{"name": "look", "image": "other"}]}})
    refused = kubectl("patch", "pod", "one", "--subresource=ephemeralcontainers", "-p", changed)
    assert 'existing ephemeral containers "look" may not be changed' in refused.err
    assert "pod updates may not change fields" in kubectl("patch", "pod", "one", "-p", changed).err
    kubectl.ok("label", "namespace", kubectl.namespace, "pod-security.kubernetes.io/enforce=baseline")
    refused = kubectl("debug", "one", "-c", "root", "--image=busybox", "--profile=sysadmin", "--", "true")
    assert "violates PodSecurity" in refused.err


ALL_OF_THEM = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '"
LOOK_ABOUT = f"tr '\\0' ' ' < /proc/1/cmdline; echo; hostname; {ALL_OF_THEM}; echo; ls -d /host"


@pytest.mark.parametrize("profile", ["legacy", "general"])
def test_a_node_is_looked_at_from_within(kubectl: Kubectl, profile: str) -> None:
    """With its processes, its name and its disk; and nothing of what is around it."""
    pod = POD.replace("kind: Pod", "kind: Pod\n").replace("spec:", "spec:\n  nodeName: node1")
    kubectl.ok("apply", "-f", "-", stdin=pod)
    kubectl.ok("wait", "--for=condition=Ready", "pod/one", "--timeout=10s")
    said = kubectl.ok("debug", "node/node1", "--image=busybox", f"--profile={profile}", "--", "sh", "-c", LOOK_ABOUT)
    debugger = next(word for word in said.split() if word.startswith("node-debugger-"))
    kubectl.until("Succeeded", "get", "pod", debugger, "-o", "jsonpath={.status.phase}")
    first, name, everything, disk = kubectl.ok("logs", debugger).splitlines()
    assert (first.strip(), name, disk) == ("init", "node1", "/host")
    assert "sleep 600" in everything
    assert "cluster" not in everything
    kubectl.ok("delete", "pod", debugger, "one", "--timeout=10s")


def test_a_node_is_not_looked_at_past_itself(kubectl: Kubectl) -> None:
    refused = kubectl("debug", "node/node1", "--image=busybox", "--profile=sysadmin", "--", "true")
    assert refused.code == 1
    assert (
        "spec.hostPID with spec.containers[0].securityContext.privileged is not supported by this cluster"
        in refused.err
    )
