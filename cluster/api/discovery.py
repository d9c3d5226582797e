"""What the API tells about itself: versions, groups, resources. Pure functions of the resources it serves."""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from cluster.api.resource import Resource
from cluster.client import Obj

_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")
_EDIT = ("get", "patch", "update")
_PROXY = ("create", "delete", "get", "patch", "update")
_STREAM = ("create", "get")

# subresource -> (its kind, "" for the kind of the resource itself; group and version where they differ; verbs)
SUBRESOURCES: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "approval": ("", "", "", _EDIT),
    "attach": ("PodAttachOptions", "", "", _STREAM),
    "binding": ("Binding", "", "", ("create",)),
    "ephemeralcontainers": ("", "", "", _EDIT),
    "eviction": ("Eviction", "policy", "v1", ("create",)),
    "exec": ("PodExecOptions", "", "", _STREAM),
    "finalize": ("", "", "", ("update",)),
    "log": ("", "", "", ("get",)),
    "portforward": ("PodPortForwardOptions", "", "", _STREAM),
    "proxy": ("ProxyOptions", "", "", _PROXY),
    "resize": ("", "", "", _EDIT),
    "scale": ("Scale", "autoscaling", "v1", _EDIT),
    "status": ("", "", "", _EDIT),
    "token": ("TokenRequest", "authentication.k8s.io", "v1", ("create",)),
}


def _review(group: str, plural: str, kind: str, *, namespaced: bool = False) -> Resource:
    return Resource(group=f"{group}.k8s.io", plural=plural, kind=kind, namespaced=namespaced, verbs=("create",))


REVIEWS = (
    _review("authentication", "selfsubjectreviews", "SelfSubjectReview"),
    _review("authentication", "tokenreviews", "TokenReview"),
    _review("authorization", "localsubjectaccessreviews", "LocalSubjectAccessReview", namespaced=True),
    _review("authorization", "selfsubjectaccessreviews", "SelfSubjectAccessReview"),
    _review("authorization", "selfsubjectrulesreviews", "SelfSubjectRulesReview"),
    _review("authorization", "subjectaccessreviews", "SubjectAccessReview"),
)
"""Kinds that are answered, never stored."""


def api_versions(server_address: str) -> Obj:
    """`/api`; the address is host:port."""
    addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": server_address}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}


def group_list(resources: Iterable[Resource]) -> Obj:
    """`/apis`"""
    groups = [_group(name, list(pairs)) for name, pairs in groupby(group_versions(resources), _first) if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def group(resources: Iterable[Resource], name: str) -> Obj | None:
    """`/apis/<group>`; None if there is no such group."""
    found = [pair for pair in group_versions(resources) if pair[0] == name and name]
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, found)} if found else None


def resource_list(resources: Iterable[Resource], group: str, version: str) -> Obj | None:
    """`/api/v1`, `/apis/<group>/<version>`; None if there is no such version."""
    found = [r for r in _sorted(resources) if (r.group, r.version) == (group, version)]
    if not found:
        return None
    entries = [entry for resource in found for entry in _entries(resource)]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": found[0].api_version,
        "resources": entries,
    }


def aggregated(resources: Iterable[Resource], *, core: bool) -> Obj:
    """The APIGroupDiscoveryList of `/api` (`core`) or `/apis`: everything of it in one answer."""
    wanted = [r for r in _sorted(resources) if (r.group == "") == core]
    items = [
        {"metadata": {"name": name} if name else {}, "versions": list(_aggregated_versions(members))}
        for name, members in groupby(wanted, key=lambda r: r.group)
    ]
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def group_versions(resources: Iterable[Resource]) -> list[tuple[str, str]]:
    """Each (group, version) once; the core group is ""."""
    return list(dict.fromkeys((r.group, r.version) for r in _sorted(resources)))


def _sorted(resources: Iterable[Resource]) -> list[Resource]:
    return sorted([*resources, *REVIEWS], key=lambda r: (r.group, _age(r.version), r.plural))


def _age(version: str) -> tuple[int, int, int, str]:
    """Sorts v2, v1, v1beta2, v1beta1, v1alpha1, and then what has no such name, as clients prefer them."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return 3, 0, 0, version
    major, stage, minor = match.groups()
    return ("", "beta", "alpha").index(stage or ""), -int(major), -int(minor or 0), ""


def _first(pair: tuple[str, str]) -> str:
    return pair[0]


def _group(name: str, pairs: list[tuple[str, str]]) -> Obj:
    versions = [{"groupVersion": f"{name}/{version}", "version": version} for _, version in pairs]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _entries(resource: Resource) -> Iterator[Obj]:
    yield {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": sorted(resource.verbs),
        **_names(resource),
    }
    for name in sorted(resource.subresources):
        kind, group, version, verbs = _subresource(resource, name)
        yield {
            "name": f"{resource.plural}/{name}",
            "singularName": "",
            "namespaced": resource.namespaced,
            **({"group": group, "version": version} if group else {}),
            "kind": kind,
            "verbs": list(verbs),
        }


def _subresource(resource: Resource, name: str) -> tuple[str, str, str, tuple[str, ...]]:
    kind, group, version, verbs = SUBRESOURCES[name]
    if name == "proxy":
        kind = f"{resource.kind}{kind}"
    return kind or resource.kind, group, version, verbs


def _names(resource: Resource) -> Obj:
    names = {"shortNames": list(resource.short_names), "categories": list(resource.categories)}
    return {key: value for key, value in names.items() if value}


def _aggregated_versions(members: Iterable[Resource]) -> Iterator[Obj]:
    for version, those in groupby(members, key=lambda r: r.version):
        yield _aggregated_version(version, list(those))


def _aggregated_version(version: str, members: list[Resource]) -> Obj:
    return {"version": version, "resources": [_aggregated_resource(r) for r in members], "freshness": "Current"}


def _aggregated_resource(resource: Resource) -> Obj:
    entry = {
        "resource": resource.plural,
        "responseKind": _kind("", "", resource.kind),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": sorted(resource.verbs),
        **_names(resource),
    }
    subresources = [_aggregated_subresource(resource, name) for name in sorted(resource.subresources)]
    return {**entry, "subresources": subresources} if subresources else entry


def _aggregated_subresource(resource: Resource, name: str) -> Obj:
    kind, group, version, verbs = _subresource(resource, name)
    return {"subresource": name, "responseKind": _kind(group, version, kind), "verbs": list(verbs)}


def _kind(group: str, version: str, kind: str) -> Obj:
    return {"group": group, "version": version, "kind": kind}
