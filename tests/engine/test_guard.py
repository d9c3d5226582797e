"""The guard refuses before anything is touched."""

import pytest

from chaos import guard


@pytest.mark.parametrize("context", ["kind-dev", "k3d-a", "minikube", "docker-desktop", "seawall", "seawall-ab12"])
def test_contexts_of_local_tools_are_allowed(context: str) -> None:
    guard.check_context(context, [])


@pytest.mark.parametrize("context", ["prod", "gke_acme_eu", "arn:aws:eks:x", "my-kind-cluster", "minikube2", ""])
def test_any_other_context_is_refused_with_the_way_out(context: str) -> None:
    with pytest.raises(guard.Forbidden, match=f"--allow-context {context}"):
        guard.check_context(context, [])


def test_a_context_allowed_by_name_is_allowed_and_no_other() -> None:
    guard.check_context("prod-eu", ["prod-eu"])
    with pytest.raises(guard.Forbidden):
        guard.check_context("prod-us", ["prod-eu"])


def test_faults_that_reach_a_whole_node_need_a_word_of_their_own() -> None:
    with pytest.raises(guard.Forbidden, match="--allow nodes"):
        guard.check_nodes("kind-dev", allowed=False, why="memory-leak fills a node")
    guard.check_nodes("kind-dev", allowed=True, why="")
    guard.check_nodes("seawall-ab12", allowed=False, why="")


def test_only_namespaces_with_the_label_of_the_run_are_ours() -> None:
    def namespace(name: str, **labels: str) -> dict[str, object]:
        return {"metadata": {"name": name, "labels": labels}}

    assert guard.is_ours(namespace("x", **{guard.RUN_LABEL: "r1"}), "r1")
    assert not guard.is_ours(namespace("x", **{guard.RUN_LABEL: "r2"}), "r1")
    assert not guard.is_ours(namespace("x"), "r1")
    assert not guard.is_ours(namespace("x", **{guard.RUN_LABEL: ""}), "")
    assert not guard.is_ours(namespace("kube-system", **{guard.RUN_LABEL: "r1"}), "r1")
