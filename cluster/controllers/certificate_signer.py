"""Approved requests for client certificates are signed by the cluster's authority; others are left to their signers.

Source: the page "Certificates and Certificate Signing Requests", "Kubernetes signers".
"""

import base64
from dataclasses import dataclass

from cluster.client import NotFound, Obj
from cluster.controllers.context import Context
from cluster.controllers.loop import Controller, own_key
from cluster.objects import CERTIFICATE_REQUESTS, Key
from cluster.timestamps import format_time

SIGNER = "kubernetes.io/kube-apiserver-client"
NEEDED = "client auth"
PERMITTED = frozenset({NEEDED, "digital signature", "key encipherment"})
YEAR_SECONDS = 365 * 24 * 3600


def controller(context: Context) -> Controller:
    watches = {CERTIFICATE_REQUESTS: own_key}
    return Controller(name="csrsigning", watches=watches, reconcile=_Reconciler(context).reconcile)


@dataclass(frozen=True, slots=True)
class _Reconciler:
    context: Context

    async def reconcile(self, key: Key) -> None:
        try:
            request = self.context.client.get(CERTIFICATE_REQUESTS, key.name)
        except NotFound:
            return
        if is_due(request):
            status = self._judged(request["spec"], request["status"])
            self.context.client.update(CERTIFICATE_REQUESTS, {**request, "status": status}, subresource="status")

    def _judged(self, spec: Obj, status: Obj) -> Obj:
        usages = set(spec["usages"])
        if NEEDED not in usages or usages - PERMITTED:
            return {**status, "conditions": [*status["conditions"], self._refusal(sorted(usages))]}
        seconds = min(spec.get("expirationSeconds") or YEAR_SECONDS, YEAR_SECONDS)
        signed = self.context.sign(base64.b64decode(spec["request"]), seconds)
        return {**status, "certificate": base64.b64encode(signed).decode()}

    def _refusal(self, usages: list[str]) -> Obj:
        now = format_time(self.context.clock())
        message = f"invalid usage for client certificate: {' '.join(usages)}"
        condition = {"type": "Failed", "status": "True", "reason": "SignerValidationFailure", "message": message}
        return {**condition, "lastUpdateTime": now, "lastTransitionTime": now}


def is_due(request: Obj) -> bool:
    """Whether this signer has to do with it, now. Pure."""
    status = request.get("status") or {}
    types = {condition["type"] for condition in status.get("conditions") or () if condition["status"] == "True"}
    open_ = not status.get("certificate") and not types & {"Denied", "Failed"}
    return open_ and "Approved" in types and request["spec"]["signerName"] == SIGNER
