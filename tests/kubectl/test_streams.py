"""Logs, commands, files and ports: what goes between a person and a running container."""

import re
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kubernetes import client, stream
from kubernetes.config import new_client_from_config

from tests.kubectl.kubectl import Kubectl


@contextmanager
def forwarded(app: Kubectl, target: str, port: int) -> Iterator[tuple[int, "subprocess.Popen[str]"]]:
    """A local port that leads to one of the pod."""
    process = subprocess.Popen(
        app.command("port-forward", target, f":{port}"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=app.environment,
    )
    try:
        assert process.stdout
        line = process.stdout.readline()
        found = re.fullmatch(rf"Forwarding from 127\.0\.0\.1:(\d+) -> {port}\n", line)
        assert found, line
        yield int(found[1]), process
    finally:
        process.kill()
        process.communicate()


def get(port: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return bytes(answer.read())


class TestLogs:
    def test_of_a_deployment(self, app: Kubectl) -> None:
        said = app("logs", "deploy/app")
        assert "listening\n" in said.out
        assert re.match(r"Found 2 pods, using pod/app-", said.err)

    def test_by_time_tail_and_stamp(self, app: Kubectl) -> None:
        assert app.ok("logs", "deploy/app", "--since-time=2100-01-01T00:00:00Z") == ""
        assert "listening" in app.ok("logs", "deploy/app", "--since-time=2000-01-01T00:00:00Z")
        assert app.ok("logs", "deploy/app", "--tail=0") == ""
        assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z listening", app.ok("logs", "deploy/app", "--timestamps"))
        assert "listening" in app.ok("logs", "-l", "app=app", "--prefix")

    def test_followed_to_the_end(self, kubectl: Kubectl) -> None:
        script = "for i in 1 2 3; do echo $i; sleep 0.3; done"
        kubectl.ok("run", "one", "--image=busybox", "--restart=Never", "--", "sh", "-c", script)
        kubectl.until("one ", "get", "pods", "--field-selector=status.phase!=Pending")
        assert kubectl.ok("logs", "-f", "one") == "1\n2\n3\n"

    def test_of_the_run_before(self, kubectl: Kubectl) -> None:
        script = "echo run; test -e /tmp/x/done && sleep 600; touch /tmp/x/done; exit 3"
        overrides = (
            '{"spec":{"volumes":[{"name":"x","emptyDir":{}}],"containers":[{"name":"one","image":"busybox",'
            f'"command":["sh","-c","{script}"],"volumeMounts":[{{"name":"x","mountPath":"/tmp/x"}}]}}]}}}}'
        )
        kubectl.ok("run", "one", "--image=busybox", f"--overrides={overrides}")
        kubectl.until("1", "get", "pod", "one", "-o", "jsonpath={.status.containerStatuses[0].restartCount}")
        assert kubectl.ok("logs", "--previous", "one") == "run\n"


class TestExec:
    def test_output_input_and_exit_code(self, app: Kubectl) -> None:
        assert app.ok("exec", "deploy/app", "--", "echo", "hi") == "hi\n"
        assert app.ok("exec", "-i", "deploy/app", "--", "cat", stdin="to and fro") == "to and fro"
        said = app("exec", "deploy/app", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
        assert (said.code, said.out) == (7, "out\n")
        assert said.err == "err\ncommand terminated with exit code 7\n"

    def test_a_terminal(self, app: Kubectl) -> None:
        """`script` gives kubectl one, which it passes on with its size."""
        command = " ".join(app.command("exec", "-it", "deploy/app", "--", "sh", "-c", "'tty; stty size'"))
        done = subprocess.run(
            ["script", "-qec", f"stty rows 33 cols 99; {command}", "/dev/null"],
            capture_output=True,
            text=True,
            env=app.environment,
            timeout=20,
            check=True,
            stdin=subprocess.DEVNULL,
        )
        # ^@ is how `script` tells its terminal that there is no more input.
        assert done.stdout.replace("^@", "") == "/dev/pts/0\n33 99\n"

    def test_what_cannot_be_run(self, app: Kubectl) -> None:
        said = app("exec", "deploy/app", "--", "nonsense")
        assert said.code == 1
        assert re.match(
            r"error: Internal error occurred: .*\"nonsense\": executable file not found in \$PATH", said.err
        )


class TestAttach:
    def test_run_with_input_says_what_the_pod_says_and_leaves_nothing(self, kubectl: Kubectl) -> None:
        command = ("run", "one", "-i", "--rm", "--image=busybox", "--restart=Never", "--quiet", "--")
        assert kubectl.ok(*command, "cat", stdin="to and fro\n").splitlines()[0] == "to and fro"
        assert kubectl.ok("get", "pods", "-o", "name") == ""

    def test_run_tells_what_was_said_before_it_could_attach(self, kubectl: Kubectl) -> None:
        command = ("run", "one", "-i", "--rm", "--image=busybox", "--restart=Never", "--quiet", "--")
        assert kubectl.ok(*command, "echo", "hi").splitlines()[0] == "hi"

    def test_run_tells_the_exit_code(self, kubectl: Kubectl) -> None:
        command = ("run", "one", "-i", "--rm", "--image=busybox", "--restart=Never", "--quiet", "--")
        assert kubectl(*command, "sh", "-c", "read x; exit 7", stdin="go\n").code == 7

    def test_to_a_container_that_runs_anyway(self, kubectl: Kubectl) -> None:
        script = "while read x; do echo got $x; done"
        options = ("--stdin", "--leave-stdin-open", "--attach=false")
        kubectl.ok("run", "one", "--image=busybox", *options, "--", "sh", "-c", script)
        kubectl.ok("wait", "--for=condition=Ready", "pod/one", "--timeout=10s")
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(
                kubectl.command("attach", "-i", "one"),
                input="two\n",
                capture_output=True,
                text=True,
                env=kubectl.environment,
                timeout=2,
                check=False,
            )
        kubectl.until("got two", "logs", "one")


class TestCopy:
    def test_to_and_from(self, app: Kubectl, tmp_path: Path) -> None:
        [pod, _] = app.ok("get", "pods", "-o", "name").split()
        data = bytes(range(256)) * 20_000
        (tmp_path / "there").write_bytes(data)
        app.ok("cp", str(tmp_path / "there"), f"{pod.removeprefix('pod/')}:/tmp/file")
        app.ok("cp", f"{pod.removeprefix('pod/')}:/tmp/file", str(tmp_path / "back"))
        assert (tmp_path / "back").read_bytes() == data


class TestPortForward:
    def test_reaches_what_listens_on_the_pod_s_loopback_alone(self, app: Kubectl) -> None:
        with forwarded(app, "deploy/app", 8080) as (port, _):
            assert b"Directory listing" in get(port, "/")
            assert [len(get(port, "/usr/bin/python3")) > 1000 for _ in range(3)]

    def test_a_port_nobody_listens_on(self, app: Kubectl) -> None:
        with forwarded(app, "deploy/app", 9999) as (port, process):
            with suppress(OSError):
                get(port, "/")
            _, err = process.communicate(timeout=10)
        assert "dial tcp4 127.0.0.1:9999: connect: connection refused" in err
        assert err.endswith("error: lost connection to pod\n")


class TestPython:
    """The `kubernetes` client, whose wire formats are others."""

    def test_exec(self, app: Kubectl) -> None:
        core, pod = api(app)
        command = ["sh", "-c", "cat; exit 5"]
        options = {"stdin": True, "stdout": True, "stderr": True, "tty": False, "_preload_content": False}
        found = stream.stream(core.connect_get_namespaced_pod_exec, pod, app.namespace, command=command, **options)
        found.write_stdin("hello")
        found.update(timeout=5)
        assert found.read_stdout(timeout=5) == "hello"
        found.close()

    def test_port_forward(self, app: Kubectl) -> None:
        core, pod = api(app)
        forward = stream.portforward(core.connect_get_namespaced_pod_portforward, pod, app.namespace, ports="8080")
        connection = forward.socket(8080)
        connection.settimeout(10)
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.0 200 OK")
        assert forward.error(8080) is None


def api(app: Kubectl) -> tuple[Any, str]:
    """CoreV1Api, and a pod of the Deployment."""
    core: Any = client.CoreV1Api(new_client_from_config(str(app.kubeconfig)))
    return core, str(core.list_namespaced_pod(app.namespace).items[0].metadata.name)
