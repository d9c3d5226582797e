"""Service account tokens for projected volumes, kept until four fifths of their life are over, as the kubelet does."""

from collections.abc import Callable
from dataclasses import dataclass, field

from cluster.client import Client, Obj
from cluster.timestamps import parse_time

_RENEW_AFTER = 0.8


@dataclass(kw_only=True)
class PodTokens:
    """The tokens of one pod by audience and lifetime."""

    client: Client
    pod: Obj
    clock: Callable[[], float]
    _kept: dict[tuple[str, int], tuple[str, float]] = field(default_factory=dict)

    def token(self, audience: str, seconds: int) -> str:
        """A token bound to the pod; a new one when the kept one is old. Raises `ApiError`."""
        kept = self._kept.get((audience, seconds))
        if kept is None or self.clock() >= kept[1]:
            kept = self._request(audience, seconds)
            self._kept[audience, seconds] = kept
        return kept[0]

    def next_renewal(self) -> float | None:
        """When the first kept token wants to be renewed, seconds since 1970; None without tokens."""
        return min((renew for _, renew in self._kept.values()), default=None)

    def _request(self, audience: str, seconds: int) -> tuple[str, float]:
        meta = self.pod["metadata"]
        request: Obj = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {
                "audiences": [audience] if audience else [],
                "expirationSeconds": seconds,
                "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": meta["name"], "uid": meta["uid"]},
            },
        }
        account = self.pod["spec"].get("serviceAccountName", "default")
        answer = self.client.create("serviceaccounts", request, meta["namespace"], subresource="token", name=account)
        now, expires = self.clock(), parse_time(answer["status"]["expirationTimestamp"])
        return answer["status"]["token"], now + _RENEW_AFTER * (expires - now)
