"""Packets went through that the manifests deny: then it is not the manifests that have to change."""

from collections.abc import Iterable, Sequence
from typing import Any

from chaos.judging import escape, network
from chaos.judging.verdict import Criterion

ITEM = "network-policy"
PACKETS = (network.SHUT_OUT, network.KEPT_IN, escape.NO_WAY_OUT)
FINDING: dict[str, Any] = {
    "rule": "network-policy-without-effect",
    "object": "the cluster",
    "what": "Every pod is isolated by a NetworkPolicy, and packets went through.",
    "why": "A NetworkPolicy is only a wish where no network plugin enforces it: the API server takes it all the same.",
    "remedy": "Use a network plugin that enforces NetworkPolicies: packets went through policies that are in place. If "
    "`seawall doctor --context NAME` says that the cluster enforces them, a policy allows too much.",
}


def findings(criteria: Iterable[Criterion], missing: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is `missing` in the manifests, and first of all the cluster, where packets broke a policy that is there."""
    broke = any(c.verdict == "broke" and c.name in PACKETS for c in criteria)
    configured = all(finding.get("item") != ITEM for finding in missing)
    return [FINDING, *missing] if broke and configured else list(missing)
