"""kubectl changes what it is told to, and says so in the words it has on a real cluster."""

import re
from pathlib import Path

import pytest

from tests.kubectl.conftest import APP
from tests.kubectl.kubectl import Kubectl

SLEEP = ("--image=busybox", "--", "sleep", "600")
CREATE = {
    "configmap cm --from-literal=a=b": "configmap/cm created",
    "secret generic s --from-literal=a=b": "secret/s created",
    "serviceaccount sa": "serviceaccount/sa created",
    "service clusterip c --tcp=80:8080": "service/c created",
    "service nodeport n --tcp=80:8080": "service/n created",
    "service externalname e --external-name=example.com": "service/e created",
    "role r --verb=get --resource=pods": "role.rbac.authorization.k8s.io/r created",
    "rolebinding rb --role=r --serviceaccount=default:sa": "rolebinding.rbac.authorization.k8s.io/rb created",
    "quota q --hard=pods=50": "resourcequota/q created",
    "poddisruptionbudget p --selector=a=b --min-available=1": "poddisruptionbudget.policy/p created",
    "job j --image=busybox -- true": "job.batch/j created",
    "deployment d --image=busybox -- sleep 600": "deployment.apps/d created",
    "token sa": "",
}


class TestCreate:
    def test_the_usual_kinds(self, kubectl: Kubectl) -> None:
        """kubectl sends these in protobuf, where nothing and zero look alike."""
        for command, said in CREATE.items():
            out = kubectl.ok("create", *command.split())
            assert (out == f"{said}\n") if said else out.count(".") == 2
        kubectl.ok("rollout", "status", "deployment/d", "--timeout=20s")
        assert kubectl.ok("get", "deploy", "d", "-o", "jsonpath={.spec.template.spec.dnsPolicy}") == "ClusterFirst"

    def test_cluster_wide_kinds(self, kubectl: Kubectl) -> None:
        for command in (
            "clusterrole cr --verb=get --resource=nodes",
            "clusterrolebinding cr --clusterrole=cr --group=g",
            "priorityclass pc --value=10",
        ):
            kind = command.split()[0]
            assert re.fullmatch(rf"{kind}\S*/\w+ created\n", kubectl.ok("create", *command.split()))
            kubectl.ok("delete", kind, command.split()[1])

    def test_twice_is_once_too_often(self, kubectl: Kubectl) -> None:
        kubectl.ok("create", "configmap", "cm")
        said = kubectl("create", "configmap", "cm")
        assert (said.code, said.err) == (
            1,
            'error: failed to create configmap: configmaps "cm" already exists\n',
        )

    def test_run_and_expose(self, kubectl: Kubectl) -> None:
        assert kubectl.ok("run", "one", "--port=80", *SLEEP) == "pod/one created\n"
        assert kubectl.ok("expose", "pod", "one") == "service/one exposed\n"
        assert kubectl.ok("wait", "--for=condition=Ready", "pod/one", "--timeout=10s") == "pod/one condition met\n"


class TestApply:
    def test_create_repeat_change_and_delete(self, kubectl: Kubectl) -> None:
        def apply(text: str, *options: str) -> list[str]:
            return kubectl.ok("apply", "-f", "-", *options, stdin=text).splitlines()

        changed = APP.replace("memory: 64Mi", "memory: 80Mi")
        assert apply(APP) == ["deployment.apps/app created", "service/app created"]
        assert apply(APP) == ["deployment.apps/app unchanged", "service/app unchanged"]
        assert apply(changed, "--dry-run=server")[0] == "deployment.apps/app configured (server dry run)"
        difference = kubectl("diff", "-f", "-", stdin=changed)
        assert (difference.code, "+            memory: 80Mi" in difference.out) == (1, True)
        assert apply(changed) == ["deployment.apps/app configured", "service/app unchanged"]
        assert apply(changed, "--server-side") == [
            "deployment.apps/app serverside-applied",
            "service/app serverside-applied",
        ]
        assert kubectl.ok("delete", "-f", "-", stdin=APP).splitlines() == [
            'deployment.apps "app" deleted',
            'service "app" deleted',
        ]

    def test_an_unknown_field_is_an_error(self, kubectl: Kubectl) -> None:
        said = kubectl("apply", "-f", "-", stdin=APP.replace("replicas: 2", "replicaz: 2"))
        assert said.code == 1
        assert 'strict decoding error: unknown field "spec.replicaz"' in said.err


class TestEdit:
    @pytest.fixture
    def web(self, kubectl: Kubectl) -> Kubectl:
        kubectl.ok("create", "deployment", "web", "--replicas=0", *SLEEP)
        return kubectl

    @pytest.mark.parametrize(
        ("command", "said"),
        [
            ("label deploy web x=y", "labeled"),
            ("annotate deploy web x=y", "annotated"),
            ("scale deploy web --replicas=1", "scaled"),
            ('patch deploy web -p {"spec":{"minReadySeconds":1}}', "patched"),
            ('patch deploy web --type=merge -p {"spec":{"minReadySeconds":1}}', "patched"),
            ('patch deploy web --type=json -p [{"op":"replace","path":"/spec/replicas","value":1}]', "patched"),
            ("set image deploy/web busybox=busybox:2", "image updated"),
            ("set env deploy/web A=B", "env updated"),
            ("set resources deploy/web --limits=memory=64Mi", "resource requirements updated"),
            ("rollout restart deploy/web", "restarted"),
            ("rollout pause deploy/web", "paused"),
        ],
    )
    def test_each_says_what_it_did(self, web: Kubectl, command: str, said: str) -> None:
        before = web.ok("get", "deploy", "web", "-o", "jsonpath={.metadata.resourceVersion}")
        assert web.ok(*command.split(" ")) == f"deployment.apps/web {said}\n"
        assert web.ok("get", "deploy", "web", "-o", "jsonpath={.metadata.resourceVersion}") != before

    def test_an_editor(self, web: Kubectl, tmp_path: Path) -> None:
        editor = tmp_path / "editor"
        editor.write_text('#!/bin/sh\nsed -i "s/minReadySeconds: .*//; s/replicas: 0/replicas: 1/" "$1"\n')
        editor.chmod(0o755)
        edited = Kubectl(web.kubeconfig, web.home, web.namespace, {"EDITOR": str(editor)})
        assert edited.ok("edit", "deploy", "web") == "deployment.apps/web edited\n"
        assert web.ok("get", "deploy", "web", "-o", "jsonpath={.spec.replicas}") == "1"

    def test_replace(self, web: Kubectl) -> None:
        text = web.ok("get", "deploy", "web", "-o", "yaml").replace("replicas: 0", "replicas: 1")
        assert web.ok("replace", "-f", "-", stdin=text) == "deployment.apps/web replaced\n"


class TestRollout:
    def test_forth_and_back(self, kubectl: Kubectl) -> None:
        kubectl.ok("create", "deployment", "web", "--replicas=2", *SLEEP)
        finished = 'deployment "web" successfully rolled out\n'
        assert kubectl.ok("rollout", "status", "deploy/web", "--timeout=20s").endswith(finished)
        kubectl.ok("set", "image", "deploy/web", "busybox=busybox:2")
        assert kubectl.ok("rollout", "history", "deploy/web").splitlines() == [
            "deployment.apps/web ",
            "REVISION  CHANGE-CAUSE",
            "1         <none>",
            "2         <none>",
            "",
        ]
        assert "busybox:2" in kubectl.ok("rollout", "history", "deploy/web", "--revision=2")
        assert kubectl.ok("rollout", "undo", "deploy/web") == "deployment.apps/web rolled back\n"
        assert kubectl.ok("get", "deploy", "web", "-o", "jsonpath={..image}") == "busybox"


class TestNodes:
    def test_taints(self, admin: Kubectl) -> None:
        assert admin.ok("taint", "nodes", "node3", "a=b:NoSchedule") == "node/node3 tainted\n"
        assert admin.ok("taint", "nodes", "node3", "a-") == "node/node3 untainted\n"

    def test_drain(self, kubectl: Kubectl) -> None:
        kubectl.ok("apply", "-f", "-", stdin=APP)
        kubectl.ok("rollout", "status", "deploy/app", "--timeout=20s")
        try:
            said = kubectl(
                "drain", "node1", "--ignore-daemonsets", "--force", "--pod-selector=app=app", "--timeout=20s"
            )
            assert (said.code, said.out.splitlines()[0]) == (0, "node/node1 cordoned")
            assert said.out.endswith("node/node1 drained\n")
            assert "Ready,SchedulingDisabled" in kubectl.ok("get", "node", "node1")
        finally:
            assert kubectl.ok("uncordon", "node1") == "node/node1 uncordoned\n"
        assert kubectl.ok("cordon", "node1") == "node/node1 cordoned\n"
        assert kubectl.ok("uncordon", "node1") == "node/node1 uncordoned\n"
