"""The three patches mean what their standards, and kubectl, mean by them."""

import copy
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.api.patch_json import json_patch
from cluster.api.patch_merge import merge_patch
from cluster.api.patch_strategic import strategic_merge
from cluster.api.schema import lookup
from cluster.client import ApiError, BadRequest, Invalid

Obj = dict[str, Any]
keys = st.sampled_from(["a", "b", "c/d", "~e"])
values = st.recursive(
    st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=10,
)
objects = st.dictionaries(keys, values, max_size=4)
patches = st.dictionaries(keys, values | st.none(), max_size=4)
junk = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "x", "replace", "delete"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "name",
                    "image",
                    "containers",
                    "env",
                    "$patch",
                    "$retainKeys",
                    "$setElementOrder/containers",
                    "volumes",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


class TestJsonPatch:
    @pytest.mark.parametrize(
        ("target", "operations", "expected"),
        [
            ({"a": 1}, [{"op": "add", "path": "/b", "value": 2}], {"a": 1, "b": 2}),
            ({"a": [1, 3]}, [{"op": "add", "path": "/a/1", "value": 2}], {"a": [1, 2, 3]}),
            ({"a": [1]}, [{"op": "add", "path": "/a/-", "value": 2}], {"a": [1, 2]}),
            ({"a": [1, 2]}, [{"op": "remove", "path": "/a/0"}], {"a": [2]}),
            (
                {"a/b": 1, "~": 2},
                [{"op": "replace", "path": "/a~1b", "value": 3}, {"op": "remove", "path": "/~0"}],
                {"a/b": 3},
            ),
            ({"a": {"b": 1}}, [{"op": "move", "from": "/a/b", "path": "/c"}], {"a": {}, "c": 1}),
            ({"a": [1]}, [{"op": "copy", "from": "/a", "path": "/b"}], {"a": [1], "b": [1]}),
            ({"a": 1}, [{"op": "test", "path": "/a", "value": 1}], {"a": 1}),
            ({"a": 1}, [{"op": "replace", "path": "", "value": {}}], {}),
        ],
    )
    def test_each_operation(self, target: Obj, operations: list[Obj], expected: Obj) -> None:
        before = copy.deepcopy(target)
        assert json_patch(target, operations) == expected
        assert target == before

    @pytest.mark.parametrize(
        "operation",
        [
            {"op": "remove", "path": "/x"},
            {"op": "replace", "path": "/x", "value": 1},
            {"op": "add", "path": "/x/y", "value": 1},
            {"op": "add", "path": "/l/9", "value": 1},
            {"op": "remove", "path": "/l/01"},
            {"op": "remove", "path": "/l/-"},
            {"op": "test", "path": "/a", "value": True},
            {"op": "move", "from": "/o", "path": "/o/p"},
        ],
    )
    def test_what_does_not_apply_is_422(self, operation: Obj) -> None:
        with pytest.raises(Invalid, match="the server rejected our request"):
            json_patch({"a": 1, "l": [1, 2], "o": {}}, [operation])

    @given(values, st.lists(st.dictionaries(st.sampled_from(["op", "path", "from", "value"]), junk), max_size=3))
    def test_nonsense_is_refused(self, target: Any, operations: list[Obj]) -> None:
        with suppress(BadRequest, Invalid):
            json_patch(target, operations)

    @given(objects, objects)
    def test_adding_every_key_makes_the_union(self, a: Obj, b: Obj) -> None:
        escaped = [(key.replace("~", "~0").replace("/", "~1"), value) for key, value in b.items()]
        assert json_patch(a, [{"op": "add", "path": f"/{key}", "value": value} for key, value in escaped]) == a | b


class TestMergePatch:
    def test_the_examples_of_the_standard(self) -> None:
        assert merge_patch({"a": "b", "c": {"d": "e", "f": "g"}}, {"a": "z", "c": {"f": None}}) == {
            "a": "z",
            "c": {"d": "e"},
        }
        assert merge_patch({"a": [1]}, {"a": {"b": None, "c": 1}}) == {"a": {"c": 1}}
        assert merge_patch({"a": 1}, ["c"]) == ["c"]

    @given(objects, patches)
    def test_a_second_time_changes_nothing(self, target: Obj, patch: Obj) -> None:
        before = copy.deepcopy(target)
        once = merge_patch(target, patch)
        assert merge_patch(once, patch) == once
        assert target == before


def containers(*names: str, **fields: Any) -> list[Obj]:
    return [{"name": name, **fields} for name in names]


def merged_names(target: list[Obj], patch: Obj) -> list[str]:
    spec = strategic_merge({"containers": target}, patch, lookup("core.PodSpec"))
    return [c["name"] for c in spec["containers"]]


class TestStrategicMerge:
    def test_containers_merge_by_name(self) -> None:
        target = {"containers": [{"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]}, {"name": "b"}]}
        patch = {"containers": [{"name": "a", "image": "2", "env": [{"name": "X", "value": "2"}]}]}
        assert strategic_merge(target, patch, lookup("core.PodSpec")) == {
            "containers": [{"name": "a", "image": "2", "env": [{"name": "X", "value": "2"}]}, {"name": "b"}]
        }

    def test_what_the_patch_adds_goes_first_as_kubectl_shows(self) -> None:
        assert merged_names(containers("a", "b"), {"containers": containers("c")}) == ["c", "a", "b"]

    def test_directives(self) -> None:
        delete = [{"name": "a", "$patch": "delete"}]
        assert merged_names(containers("a", "b"), {"containers": delete}) == ["b"]
        assert merged_names(containers("a", "b"), {"containers": [{"$patch": "replace"}, {"name": "c"}]}) == ["c"]
        order = {"$setElementOrder/containers": containers("b", "c", "a"), "containers": containers("c")}
        assert merged_names(containers("a", "b"), order) == ["b", "c", "a"]

    def test_atomic_lists_and_commands_are_replaced(self) -> None:
        target = {"tolerations": [{"key": "a"}], "containers": [{"name": "a", "command": ["x", "y"]}]}
        patch = {"tolerations": [{"key": "b"}], "containers": [{"name": "a", "command": ["z"]}]}
        merged = strategic_merge(target, patch, lookup("core.PodSpec"))
        assert merged["tolerations"] == [{"key": "b"}]
        assert merged["containers"][0]["command"] == ["z"]

    def test_volumes_change_their_source_by_retain_keys(self) -> None:
        target = {"volumes": [{"name": "v", "emptyDir": {}}]}
        patch = {"volumes": [{"name": "v", "$retainKeys": ["name", "configMap"], "configMap": {"name": "c"}}]}
        assert strategic_merge(target, patch, lookup("core.PodSpec")) == {
            "volumes": [{"name": "v", "configMap": {"name": "c"}}]
        }

    def test_finalizers_are_a_set_and_owners_merge_by_uid(self) -> None:
        target = {"finalizers": ["a/1", "b/2"], "ownerReferences": [{"uid": "1", "name": "x"}]}
        patch = {"$deleteFromPrimitiveList/finalizers": ["a/1"], "ownerReferences": [{"uid": "1", "controller": True}]}
        assert strategic_merge(target, patch, lookup("meta.ObjectMeta")) == {
            "finalizers": ["b/2"],
            "ownerReferences": [{"uid": "1", "name": "x", "controller": True}],
        }

    def test_ports_merge_by_number_and_null_deletes(self) -> None:
        target = {"ports": [{"port": 80, "name": "http"}], "selector": {"a": "1", "b": "2"}}
        patch = {"ports": [{"port": 443, "name": "tls"}], "selector": {"a": None}}
        merged = strategic_merge(target, patch, lookup("core.ServiceSpec"))
        assert [p["port"] for p in merged["ports"]] == [443, 80]
        assert merged["selector"] == {"b": "2"}

    def test_a_patch_without_the_merge_key_is_refused(self) -> None:
        with pytest.raises(ApiError, match="does not contain declared merge key: name"):
            strategic_merge({"containers": []}, {"containers": [{"image": "i"}]}, lookup("core.PodSpec"))

    @given(st.permutations(["a", "b", "c", "d"]), st.lists(st.sampled_from("abcde"), unique=True))
    def test_nothing_is_lost_and_the_patchs_order_holds(self, have: list[str], named: list[str]) -> None:
        merged = merged_names(containers(*have), {"containers": containers(*named)})
        assert sorted(merged) == sorted({*have, *named})
        assert [name for name in merged if name in named] == named
        assert [name for name in merged if name not in named] == [name for name in have if name not in named]

    @given(st.dictionaries(st.sampled_from(["containers", "volumes", "$patch", "$retainKeys"]), junk))
    def test_nonsense_is_refused(self, patch: Obj) -> None:
        target = {"containers": containers("a", "b"), "volumes": [{"name": "v"}]}
        before = copy.deepcopy(target)
        with suppress(ApiError):
            strategic_merge(target, patch, lookup("core.PodSpec"))
        assert target == before


@pytest.mark.parametrize(
    ("operation", "result"),
    [
        ({"op": "replace", "path": "/a/-1", "value": 9}, {"a": [1, 9]}),
        ({"op": "copy", "from": "/nope", "path": "/b"}, {"a": [1, 2], "b": None}),
        ({"op": "test", "path": "/nope", "value": None}, {"a": [1, 2]}),
        ({"op": "add", "path": "/b"}, {"a": [1, 2], "b": None}),
    ],
)
def test_what_kubernetes_allows_beyond_the_standard(operation: Obj, result: Obj) -> None:
    assert json_patch({"a": [1, 2]}, [operation]) == result


def test_a_patch_names_items_in_the_order_that_it_gives() -> None:
    patch = {"metadata": {"$setElementOrder/finalizers": ["z"], "finalizers": ["c"]}}
    with pytest.raises(ApiError, match="doesn't match \\$setElementOrder list"):
        strategic_merge({}, patch, lookup("core.Pod"))
