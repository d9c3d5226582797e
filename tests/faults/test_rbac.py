"""What a workload's own token reaches, tried against a real API server: refused, allowed, and nothing changed."""

from collections.abc import Iterator

import pytest

from chaos import recover
from chaos.faults.identity import user_name
from chaos.faults.intern_script import INTERN_SCRIPT, InternScript
from chaos.faults.stolen_token import STOLEN_TOKEN, StolenToken
from chaos.guard import RUN_LABEL
from chaos.journal import Undo
from chaos.judging.rbac import answered
from chaos.kube import Kube, Obj, Refused
from tests.faults.stage import Stage, deployment, embedded, stage

pytestmark = pytest.mark.root
RBAC_API = "rbac.authorization.k8s.io"


@pytest.fixture(scope="module")
def kube() -> Iterator[Kube]:
    with embedded() as found:
        yield found


ACCOUNT: Obj = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web"}}
FLAGS: Obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "flags"}, "data": {"a": "b"}}
SERVICE: Obj = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {"ports": [{"port": 80}], "selector": {"app": "web"}},
}


@pytest.fixture
def web(kube: Kube) -> Iterator[Stage]:
    with stage(kube, [ACCOUNT, FLAGS, SERVICE, deployment(serviceAccountName="web")]) as found:
        yield found


def grant(web: Stage, kind: str, role: str, **names: object) -> None:
    """Bind a role to the workload's account: `ClusterRole` in the whole cluster, `Role` in its namespace."""
    subject = {"kind": "ServiceAccount", "name": "web", "namespace": web.arena.namespace}
    binding = {
        "apiVersion": f"{RBAC_API}/v1",
        "kind": f"{kind}Binding",
        "metadata": {"name": f"{web.arena.namespace}-web"},
        "roleRef": {"apiGroup": RBAC_API, "kind": kind, "name": role},
        "subjects": [subject],
    }
    if kind == "Role":
        rules = [{"apiGroups": [""], "verbs": ["get"], **names}]
        made = {"apiVersion": f"{RBAC_API}/v1", "kind": "Role", "metadata": {"name": role}, "rules": rules}
        web.kube.create(made, web.arena.namespace)
    web.kube.create(binding, web.arena.namespace)


@pytest.fixture
def admin(web: Stage) -> Iterator[Stage]:
    grant(web, "ClusterRole", "cluster-admin")
    yield web
    web.kube.delete(f"/apis/{RBAC_API}/v1/clusterrolebindings/{web.arena.namespace}-web")


NEEDS = StolenToken(needs=("get configmaps/flags",))


class TestStolenToken:
    def test_without_rights_everything_is_refused_by_the_authorizer(self, web: Stage) -> None:
        (injury,) = STOLEN_TOKEN.inject(web.arena, StolenToken())
        seen = STOLEN_TOKEN.witness(web.arena, StolenToken(), injury)
        assert seen.ok
        assert seen.data["user"] == user_name(web.arena, "web")
        assert {a["what"]: answered(a) for a in seen.data["tried"]} == {
            a["what"]: "refused" for a in seen.data["tried"]
        }
        assert len(seen.data["tried"]) == 12

    def test_what_is_needed_is_answered_and_nothing_else(self, web: Stage) -> None:
        grant(web, "Role", "reader", resources=["configmaps"], resourceNames=["flags"])
        (injury,) = STOLEN_TOKEN.inject(web.arena, NEEDS)
        seen = STOLEN_TOKEN.witness(web.arena, NEEDS, injury)
        assert [a["code"] for a in seen.data["needed"]] == [200]
        assert {answered(a) for a in seen.data["tried"]} == {"refused"}

    def test_with_cluster_admin_everything_is_allowed_and_nothing_changes(self, admin: Stage) -> None:
        here = f"/api/v1/namespaces/{admin.arena.namespace}"

        def held() -> list[list[str]]:
            rbac = f"/apis/{RBAC_API}/v1"
            paths = [f"{here}/pods", f"{here}/services", f"{rbac}/clusterrolebindings", "/api/v1/namespaces"]
            found = [admin.kube.list(p) for p in [*paths, f"{rbac}/namespaces/{admin.arena.namespace}/rolebindings"]]
            return [sorted(o["metadata"]["uid"] for o in objects) for objects in found]

        before = held()
        (injury,) = STOLEN_TOKEN.inject(admin.arena, NEEDS)
        seen = STOLEN_TOKEN.witness(admin.arena, NEEDS, injury)
        assert {answered(a) for a in [*seen.data["tried"], *seen.data["needed"]]} == {"allowed"}
        assert held() == before
        assert "deletionTimestamp" not in admin.kube.get(here)["metadata"]

    def test_no_token_stands_in_what_is_recorded(self, admin: Stage) -> None:
        (injury,) = STOLEN_TOKEN.inject(admin.arena, NEEDS)
        seen = STOLEN_TOKEN.witness(admin.arena, NEEDS, injury)
        assert "eyJ" not in repr(injury) + repr(seen)

    def test_a_token_dies_with_its_pod_and_then_nothing_bites(self, web: Stage) -> None:
        (injury,) = STOLEN_TOKEN.inject(web.arena, StolenToken())
        web.kube.delete(f"/api/v1/namespaces/{web.arena.namespace}/pods/{injury.target}")
        web.arena.view.wait(lambda: injury.target not in web.arena.view.of("Pod"), 10)
        with pytest.raises(Refused, match="gave out no token"):
            STOLEN_TOKEN.witness(web.arena, StolenToken(), injury)

    @pytest.mark.parametrize("need", ["delete pods/x", "get configmaps", "list pods/x", "get", "list Pods", ""])
    def test_a_need_that_cannot_be_tried_harmlessly_is_refused(self, need: str) -> None:
        with pytest.raises(ValueError, match="is no need"):
            StolenToken(needs=(need,))


class TestInternScript:
    def test_refused_production_stands(self, web: Stage) -> None:
        (injury,) = INTERN_SCRIPT.inject(web.arena, InternScript())
        seen = INTERN_SCRIPT.witness(web.arena, InternScript(), injury)
        assert answered(injury.data["answer"]) == "refused"
        assert (seen.ok, seen.data) == (True, {"standing": True})

    def test_allowed_production_is_gone(self, admin: Stage) -> None:
        (injury,) = INTERN_SCRIPT.inject(admin.arena, InternScript())
        seen = INTERN_SCRIPT.witness(admin.arena, InternScript(), injury)
        assert injury.data["answer"]["code"] == 200
        assert (seen.ok, seen.data) == (True, {"standing": False})

    def test_the_undo_is_written_before_production_is_made(self, web: Stage) -> None:
        INTERN_SCRIPT.inject(web.arena, InternScript())
        assert [u.path.rpartition("-")[2] for u in web.undos] == ["defended", "production"]


class TestWhatBelongsToNoNamespace:
    """Its undo is by the run's label: done once, twice or in vain, and never to somebody else's object."""

    BINDINGS = f"/apis/{RBAC_API}/v1/clusterrolebindings"

    def binding(self, kube: Kube, name: str, run: str) -> Undo:
        role = {"apiGroup": RBAC_API, "kind": "ClusterRole", "name": "view"}
        metadata = {"name": name, "labels": {RUN_LABEL: run}}
        body = {"apiVersion": f"{RBAC_API}/v1", "kind": "ClusterRoleBinding", "metadata": metadata, "roleRef": role}
        kube.create(body)
        return Undo(action="delete-object", path=f"{self.BINDINGS}/{name}")

    def test_it_is_deleted_and_a_second_time_does_nothing(self, kube: Kube) -> None:
        undo = self.binding(kube, "seawall-r1-x", "r1")
        for _ in range(2):
            recover.carry_out(kube, undo, "r1")
        assert not [b for b in kube.list(self.BINDINGS) if b["metadata"]["name"] == "seawall-r1-x"]

    def test_what_another_run_made_stays(self, kube: Kube) -> None:
        undo = self.binding(kube, "seawall-r2-x", "r2")
        recover.carry_out(kube, undo, "r1")
        assert kube.get(undo.path)["metadata"]["labels"] == {RUN_LABEL: "r2"}
