"""The API describes itself as a real one does."""

import json
from typing import Any

from cluster.api.discovery import aggregated, api_versions, group, group_list, resource_list
from cluster.api.openapi import document, publish
from cluster.api.resources import registry

Obj = dict[str, Any]
RESOURCES = tuple(registry.values())


def test_pods_are_described_as_recorded() -> None:
    served = resource_list(RESOURCES, "", "v1")
    assert served is not None
    entries = {entry["name"]: entry for entry in served["resources"]}
    assert entries["pods"] == {
        "name": "pods",
        "singularName": "pod",
        "namespaced": True,
        "kind": "Pod",
        "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
        "shortNames": ["po"],
        "categories": ["all"],
    }
    assert entries["pods/eviction"] == {
        "name": "pods/eviction",
        "singularName": "",
        "namespaced": True,
        "group": "policy",
        "version": "v1",
        "kind": "Eviction",
        "verbs": ["create"],
    }
    assert "deletecollection" not in entries["namespaces"]["verbs"]


def test_groups_are_listed_and_unknown_ones_are_not() -> None:
    names = [g["name"] for g in group_list(RESOURCES)["groups"]]
    assert "apps" in names
    assert "" not in names
    assert len(names) == len(set(names))
    assert group(RESOURCES, "apps") == {
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": "apps",
        "versions": [{"groupVersion": "apps/v1", "version": "v1"}],
        "preferredVersion": {"groupVersion": "apps/v1", "version": "v1"},
    }
    assert group(RESOURCES, "nope") is None
    assert group(RESOURCES, "") is None
    assert resource_list(RESOURCES, "apps", "v9") is None
    assert api_versions("198.19.255.254:6443")["versions"] == ["v1"]


def test_the_aggregated_answer_tells_the_same() -> None:
    """Whichever way a client discovers, it finds the same resources."""
    seen = {
        (item["metadata"].get("name", ""), version["version"], resource["resource"])
        for core in (True, False)
        for item in aggregated(RESOURCES, core=core)["items"]
        for version in item["versions"]
        for resource in version["resources"]
    }
    listed = {
        (name, version, entry["name"])
        for name, version in {(n, v) for n, v, _ in seen}
        for entry in (resource_list(RESOURCES, name, version) or {})["resources"]
        if "/" not in entry["name"]
    }
    assert seen == listed


def test_every_kind_can_be_patched_with_field_validation() -> None:
    """What kubectl looks for before it trusts the server with validation and the three-way merge."""
    for resource in RESOURCES:
        paths = document(RESOURCES, resource.group, resource.version)["paths"]
        patches = [item["patch"] for item in paths.values() if "patch" in item]
        gvk = {"group": resource.group, "version": resource.version, "kind": resource.kind}
        (mine,) = [p for p in patches if p["x-kubernetes-group-version-kind"] == gvk]
        assert "fieldValidation" in [parameter["name"] for parameter in mine["parameters"]]
        assert "application/strategic-merge-patch+json" in mine["requestBody"]["content"]


def test_references_lead_somewhere_and_the_index_leads_to_every_document() -> None:
    published = publish(RESOURCES)
    assert set(json.loads(published.index)["paths"]) == set(published.documents)
    for body in published.documents.values():
        schemas = json.loads(body)["components"]["schemas"]
        for reference in _references(schemas):
            assert reference.removeprefix("#/components/schemas/") in schemas


def test_merge_keys_are_published() -> None:
    schemas = document(RESOURCES, "apps", "v1")["components"]["schemas"]
    ports = schemas["io.k8s.api.core.v1.Container"]["properties"]["ports"]
    assert ports["x-kubernetes-patch-merge-key"] == "containerPort"
    assert ports["x-kubernetes-list-map-keys"] == ["containerPort", "protocol"]


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(_references(inner) for inner in value.values()))
    return set().union(*(_references(inner) for inner in value)) if isinstance(value, list) else set()
