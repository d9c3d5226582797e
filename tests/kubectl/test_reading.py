"""kubectl shows what it showed on a real cluster (recorded: Kubernetes 1.36, kubectl 1.32)."""

import json
import re
import subprocess

import pytest

from tests.kubectl.kubectl import Kubectl

POD = r"app-[0-9a-f]+-\w{5}"


class TestGet:
    def test_pods(self, app: Kubectl) -> None:
        head, *rows = app.ok("get", "pods").splitlines()
        assert head.split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
        assert len(rows) == 2
        assert all(re.fullmatch(rf"{POD} +1/1 +Running +0 +\d+s", row) for row in rows)

    def test_pods_wide(self, app: Kubectl) -> None:
        head, row, _ = app.ok("get", "pods", "-o", "wide").splitlines()
        assert re.search(r"AGE +IP +NODE +NOMINATED NODE +READINESS GATES$", head)
        assert re.search(r"198\.18\.\d+\.\d+ +node\d +<none> +<none>$", row)

    def test_all(self, app: Kubectl) -> None:
        out = app.ok("get", "all")
        for line in (rf"pod/{POD} +1/1 +Running", r"service/app +ClusterIP +198\.19\.\d+\.\d+ +<none> +80/TCP"):
            assert re.search(line, out)
        for line in (r"deployment\.apps/app +2/2 +2 +2", r"replicaset\.apps/app-[0-9a-f]+ +2 +2 +2"):
            assert re.search(line, out)

    def test_every_form_of_output(self, app: Kubectl) -> None:
        assert re.fullmatch(rf"(pod/{POD}\n){{2}}", app.ok("get", "pods", "-o", "name"))
        assert app.ok("get", "deploy", "app", "-o", "jsonpath={.spec.replicas}") == "2"
        assert app.ok("get", "deploy", "app", "-o", "go-template={{.kind}}") == "Deployment"
        assert app.ok("get", "svc", "-o", "custom-columns=N:.metadata.name", "--no-headers") == "app\n"
        assert json.loads(app.ok("get", "pods", "-o", "json"))["kind"] == "List"
        assert "kind: Service\n" in app.ok("get", "svc", "app", "-o", "yaml")
        assert "app=app,pod-template-hash=" in app.ok("get", "pods", "--show-labels")
        assert app.ok("get", "pods", "--sort-by=.metadata.name").count("Running") == 2

    def test_selectors(self, app: Kubectl) -> None:
        assert app.ok("get", "pods", "-l", "app=app", "-o", "name").count("pod/") == 2
        assert app("get", "pods", "-l", "app!=app").err == f"No resources found in {app.namespace} namespace.\n"
        assert app.ok("get", "pods", "--field-selector=status.phase=Running", "-o", "name").count("pod/") == 2

    def test_what_is_not_there(self, app: Kubectl) -> None:
        said = app("get", "pods", "ghost")
        assert (said.code, said.err) == (1, 'Error from server (NotFound): pods "ghost" not found\n')
        said = app("get", "unicorns")
        assert (said.code, said.err) == (1, 'error: the server doesn\'t have a resource type "unicorns"\n')

    def test_nodes_wide(self, app: Kubectl) -> None:
        head, *rows = app.ok("get", "nodes", "-o", "wide").splitlines()
        assert head.split("  ")[0] == "NAME"
        assert [row.split()[:3] for row in rows] == [[f"node{n}", "Ready", "<none>"] for n in (1, 2, 3)]
        assert re.search(r"198\.19\.255\.1 +<none> +\S", rows[0])

    def test_events(self, app: Kubectl) -> None:
        out = app.ok("get", "events")
        assert out.split()[:6] == ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
        assert re.search(rf"Normal +Scheduled +pod/{POD} +Successfully assigned {app.namespace}/{POD} to node\d", out)
        assert re.search(r"ScalingReplicaSet +deployment/app +Scaled up replica set app-\w+ from 0 to 2", out)
        assert "ScalingReplicaSet" in app.ok("events", "--for=deployment/app")

    def test_a_watch_shows_what_changes(self, kubectl: Kubectl) -> None:
        kubectl.ok("run", "zero", "--image=none", "--restart=Never")
        watching = subprocess.Popen(
            kubectl.command("get", "pods", "-w"), stdout=subprocess.PIPE, text=True, env=kubectl.environment
        )
        try:
            assert watching.stdout
            while "zero" not in watching.stdout.readline():
                pass
            kubectl.ok("run", "one", "--image=busybox", "--restart=Never", "--", "sleep", "600")
            seen = ""
            while not re.search(r"one .*Running", seen):
                seen += watching.stdout.readline()
        finally:
            watching.kill()
            watching.wait()
        assert re.search(r"one +0/1 +ContainerCreating", seen)
        assert re.search(r"one +1/1 +Running", seen)


class TestDescribe:
    @pytest.mark.parametrize(
        ("what", "lines"),
        [
            ("deploy/app", ["Replicas:               2 desired | 2 updated | 2 total | 2 available | 0 unavailable"]),
            ("pods", ["Status:           Running", "Controlled By:  ReplicaSet/app-", "QoS Class:  "]),
            ("svc/app", ["TargetPort:               http/TCP", "Internal Traffic Policy:  Cluster"]),
            ("node/node1", ["Unschedulable:      false", "HolderIdentity:  node1", "Allocated resources:"]),
            ("namespace/default", ["Status:       Active"]),
        ],
    )
    def test_the_lines_people_look_for(self, app: Kubectl, what: str, lines: list[str]) -> None:
        out = app.ok("describe", *what.split("/"))
        squeezed = " ".join(out.split())
        for line in lines:
            assert " ".join(line.split()) in squeezed

    def test_events_come_last(self, app: Kubectl) -> None:
        assert re.search(r"Normal +ScalingReplicaSet +\S+ +deployment-controller", app.ok("describe", "deploy", "app"))


class TestAsking:
    def test_whether_one_may(self, app: Kubectl) -> None:
        assert app.ok("auth", "can-i", "create", "pods") == "yes\n"
        said = app("auth", "can-i", "delete", "nodes", "--as=system:serviceaccount:default:default")
        assert (said.code, said.out) == (1, "no\n")

    def test_what_one_may(self, app: Kubectl) -> None:
        out = app.ok("auth", "can-i", "--list")
        assert re.search(r"^\*\.\* +\[\] +\[\] +\[\*\]", out, re.MULTILINE)
        assert "selfsubjectaccessreviews.authorization.k8s.io" in out

    def test_who_one_is(self, app: Kubectl) -> None:
        assert re.search(r"Groups +\[system:\S+ system:\S+\]", app.ok("auth", "whoami"))

    def test_explanations(self, app: Kubectl) -> None:
        out = app.ok("explain", "pod.spec.containers")
        assert out.startswith("KIND:       Pod\nVERSION:    v1\n\nFIELD: containers <[]Container>\n")
        assert re.search(r"  imagePullPolicy\t<string>", out)
        assert "Is it worth keeping?" in app.ok("explain", "deploy.spec.template.spec.containers.livenessProbe")
        assert "rollingUpdate\t<RollingUpdateDeployment>" in app.ok("explain", "deploy.spec.strategy", "--recursive")

    def test_resources_and_versions(self, app: Kubectl) -> None:
        out = app.ok("api-resources")
        assert re.search(r"^pods +po +v1 +true +Pod$", out, re.MULTILINE)
        assert re.search(r"^deployments +deploy +apps/v1 +true +Deployment$", out, re.MULTILINE)
        assert {"v1", "apps/v1", "rbac.authorization.k8s.io/v1"} <= {*app.ok("api-versions").split()}
        assert "Server Version: v1.36" in app.ok("version")
        assert "Kubernetes control plane is running at" in app.ok("cluster-info")
        assert app.ok("get", "--raw", "/readyz") == "ok"
