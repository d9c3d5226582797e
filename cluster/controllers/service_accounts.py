"""Every namespace has a ServiceAccount `default` and a ConfigMap `kube-root-ca.crt`: without them no pod can start."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from cluster.client import AlreadyExists, NotFound, Obj, WatchEvent
from cluster.controllers.context import Context
from cluster.controllers.loop import Controller, KeysOf, own_key
from cluster.objects import Key, is_going

ACCOUNT = "default"
CA_CONFIGMAP = "kube-root-ca.crt"
DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)


def controller(context: Context) -> Controller:
    return Controller(
        name="serviceaccount",
        watches={
            "namespaces": own_key,
            "serviceaccounts": _namespace_of_changed(ACCOUNT),
            "configmaps": _namespace_of_changed(CA_CONFIGMAP),
        },
        reconcile=_Reconciler(context).reconcile,
    )


@dataclass(frozen=True, slots=True)
class _Reconciler:
    context: Context

    async def reconcile(self, key: Key) -> None:
        client = self.context.client
        try:
            namespace = client.get("namespaces", key.name)
        except NotFound:
            return
        if is_going(namespace):
            return
        with suppress(AlreadyExists):
            client.create("serviceaccounts", _account(), key.name)
        self._publish_ca(key.name)

    def _publish_ca(self, namespace: str) -> None:
        client, wanted = self.context.client, ca_configmap(self.context.ca_certificate)
        try:
            present = client.get("configmaps", CA_CONFIGMAP, namespace)
        except NotFound:
            client.create("configmaps", wanted, namespace)
            return
        if present.get("data") != wanted["data"]:
            client.update("configmaps", {**present, "data": wanted["data"]})


def ca_configmap(certificate: str) -> Obj:
    metadata = {"name": CA_CONFIGMAP, "annotations": {"kubernetes.io/description": DESCRIPTION}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"ca.crt": certificate}}


def _account() -> Obj:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT}}


def _namespace_of_changed(name: str) -> KeysOf:
    def keys(event: WatchEvent) -> Iterable[Key]:
        metadata = event.object["metadata"]
        if metadata["name"] == name and event.type != "ADDED":
            yield Key("", metadata["namespace"])

    return keys
