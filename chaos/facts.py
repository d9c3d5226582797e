"""What `chaos.preflight` asks about, read off a live cluster: nothing but reads and reviews of our own rights."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial

from chaos.classes import CLASSES, is_default
from chaos.kube import Kube, KubeError, Obj, Refused
from chaos.needs import attributes
from chaos.nodes import NODES, takes_pods, zone_of
from chaos.preflight import Classes, Facts

METRICS = "/apis/metrics.k8s.io/v1beta1"
INGRESS_CLASSES = "/apis/networking.k8s.io/v1/ingressclasses"
DEFAULT_INGRESS = "ingressclass.kubernetes.io/is-default-class"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
# Whoever may do this may do everything, so nothing else needs to be asked.
EVERYTHING = "* *.*"
AT_ONCE = 8


def read(kube: Kube, permissions: Iterable[str]) -> Facts:
    """The facts, but for whether policies are enforced, which no API tells. Raises `Unreachable`."""
    nodes = _list(kube, NODES)
    return Facts(
        kubernetes=str(kube.get("/version")["gitVersion"]),
        nodes=None if nodes is None else {n["metadata"]["name"]: zone_of(n) for n in nodes if takes_pods(n)},
        metrics=_serves(kube, METRICS),
        storage=_classes(kube, CLASSES, is_default),
        ingress=_classes(kube, INGRESS_CLASSES, _is_default_ingress),
        forbidden=frozenset(forbidden(kube, permissions)),
    )


def _list(kube: Kube, path: str) -> list[Obj] | None:
    """None for somebody who may not see them."""
    try:
        return kube.list(path)
    except Refused as refusal:
        if refusal.code in {403, 404}:
            return None
        raise


def _serves(kube: Kube, path: str) -> bool:
    """Also an API that is announced and does not answer is none."""
    try:
        kube.json("GET", path)
    except KubeError:
        return False
    return True


def _classes(kube: Kube, path: str, default: Callable[[Obj], bool]) -> Classes | None:
    found = _list(kube, path)
    return None if found is None else {c["metadata"]["name"]: default(c) for c in found}


def _is_default_ingress(ingress_class: Obj) -> bool:
    return bool((ingress_class["metadata"].get("annotations") or {}).get(DEFAULT_INGRESS) == "true")


def forbidden(kube: Kube, permissions: Iterable[str]) -> list[str]:
    """Those that we do not have, as far as the authorizer says. One question for an administrator."""
    if may(kube, EVERYTHING):
        return []
    asked = sorted(permissions)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = pool.map(partial(may, kube), asked)
        return [permission for permission, yes in zip(asked, answers, strict=True) if not yes]


def may(kube: Kube, permission: str) -> bool:
    """Whether we have a permission in every namespace: ours do not exist yet."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asdict(attributes(permission))},
    }
    return bool(kube.json("POST", REVIEWS, body=review)["status"]["allowed"])
