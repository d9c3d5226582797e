"""What counts as left behind when the cluster is compared with what it was."""

from typing import Any

import pytest

from chaos.recover import differences

BEFORE: dict[str, Any] = {
    "namespaces": ["default"],
    "nodes": {"node1": {"unschedulable": False, "taints": []}},
    "classes": {"standard": True, "fast": False},
}
TAINT = {"key": "team", "value": "shop", "effect": "NoExecute"}
CLOSED = {"node1": {"unschedulable": True, "taints": []}}


def test_a_cluster_that_is_as_it_was_differs_in_nothing() -> None:
    assert differences(BEFORE, BEFORE, ["seawall-r1-defended"]) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"namespaces": ["default", "seawall-r1-defended"]}, "namespace seawall-r1-defended is still there"),
        ({"nodes": {}}, "node node1 is gone"),
        ({"nodes": CLOSED}, "node node1 was open to pods and is cordoned"),
        (
            {"nodes": {"node1": {"unschedulable": False, "taints": [TAINT]}}},
            "node node1 was open to pods and is open to pods with taints team=shop:NoExecute",
        ),
        (
            {"classes": {"standard": False, "fast": False}},
            "storage class standard was the default and is not the default",
        ),
        ({"classes": {"standard": True, "fast": True}}, "storage class fast was not the default and is the default"),
    ],
)
def test_each_thing_that_a_run_can_leave_is_told(changed: dict[str, Any], told: str) -> None:
    assert differences(BEFORE, {**BEFORE, **changed}, ["seawall-r1-defended"]) == [told]


def test_what_others_made_or_deleted_meanwhile_is_not_ours() -> None:
    after = {**BEFORE, "namespaces": ["default", "another"], "classes": {"fast": False, "new": True}}
    assert differences(BEFORE, after, ["seawall-r1-defended"]) == []


def test_a_journal_that_tells_of_no_classes_is_not_held_against_the_cluster() -> None:
    old = {key: value for key, value in BEFORE.items() if key != "classes"}
    assert differences(old, BEFORE, []) == []
