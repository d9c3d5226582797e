"""Does the cluster enforce NetworkPolicies? The object proves nothing, so packets are sent.

One pod connects to another: without any policy, with one that denies everything, and again without. Silence counts only
between two answers: a pod that died or a network that broke is silent as well.
"""

import time
from dataclasses import dataclass, replace
from pathlib import Path

from chaos import recover
from chaos.faults.clients import DOOR, address_of, await_rounds, client_pod, last_round, listener_pod, place
from chaos.faults.kind import FaultRefused
from chaos.journal import Header, Journal, Undo
from chaos.judging.network import CONNECTED, DROPPED
from chaos.kube import Kube, KubeError, Obj
from chaos.plan import namespace_of
from loadgen.units import Duration

# A plugin programs its nodes after the fact; longer than this, and a new pod would stand open for as long.
SETTLES_WITHIN = Duration(8)
LOOKS = 3
ROUND = Duration(1)
EXPIRES_AFTER = Duration(600)
LISTENER = "listener"
POLICIES = "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies"
DENY: Obj = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "deny"},
    "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforcement:
    """`enforced` is None when it could not be found out; `left` is what the trial could not take back."""

    enforced: bool | None
    detail: str
    left: tuple[str, ...] = ()


def find_out(kube: Kube, journal: Path, *, run: str, kubeconfig: str = "") -> Enforcement:
    """Try it, in a namespace of the run's own. Everything is undone when this returns or is interrupted.

    Who is killed meanwhile leaves the journal, for `seawall recover`. Raises KubeError when nothing can be undone.
    """
    try:
        written = Journal.create(journal, _header(kube, run, kubeconfig))
    except KubeError as error:
        return _unknown(f"it was not tried: {error}")
    namespace = namespace_of(run, "policies", {}, time.time() + EXPIRES_AFTER.seconds)
    path = f"{recover.NAMESPACES}/{namespace['metadata']['name']}"
    undo = Undo(action="delete-namespace", path=path, why=f"delete namespace {namespace['metadata']['name']}")
    number = written.will(undo)
    try:
        kube.create(namespace)
        found = _try(kube, path)
    except (FaultRefused, KubeError) as error:
        found = _unknown(f"it could not be tried: {error}")
    finally:
        left = recover.heal(kube, written, [(number, undo)])
        written.close()
    return replace(found, left=tuple(left))


def _header(kube: Kube, run: str, kubeconfig: str) -> Header:
    return Header(
        run=run,
        context=kube.context,
        kubeconfig=kubeconfig,
        server=kube.server,
        ephemeral=False,
        snapshot=recover.snapshot(kube),
    )


def _try(kube: Kube, namespace: str) -> Enforcement:
    client, name = _caller(kube, namespace), namespace.rpartition("/")[2]
    if (got := _settled(kube, client, CONNECTED)) != CONNECTED:
        return _unknown(f"without any policy, a pod did not reach another: {got}")
    kube.create(DENY, name)
    got = _settled(kube, client, DROPPED)
    if got == CONNECTED:
        detail = f"a policy that denies everything stood for {SETTLES_WITHIN}, and a pod went on to reach another"
        return Enforcement(enforced=False, detail=detail)
    if got != DROPPED:
        return _unknown(
            f"with a policy that denies everything, a pod was neither let in nor left without answer: {got}"
        )
    kube.delete(f"{POLICIES.format(name)}/{DENY['metadata']['name']}")
    if (got := _settled(kube, client, CONNECTED)) != CONNECTED:
        return _unknown(f"silence came with the policy and did not go with it, so it may have another reason: {got}")
    detail = "a pod that reached another got no answer from it as long as a policy denied it"
    return Enforcement(enforced=True, detail=detail)


def _caller(kube: Kube, namespace: str) -> str:
    """A pod that lets everybody in, and one that calls it every second; the path of the second."""
    listener = place(kube, namespace, listener_pod(LISTENER))
    client = place(kube, namespace, client_pod("client", {LISTENER: [address_of(kube, listener), DOOR]}))
    await_rounds(kube, client)
    return client


def _unknown(detail: str) -> Enforcement:
    return Enforcement(enforced=None, detail=detail)


def _settled(kube: Kube, client: str, wanted: str) -> str:
    """The answer `wanted` once it came LOOKS rounds in a row; else, when the time is up, the last other answer."""
    deadline, other, in_a_row = time.monotonic() + SETTLES_WITHIN.seconds, "", 0
    while in_a_row < LOOKS and (time.monotonic() < deadline or in_a_row):
        got = (last_round(kube, client) or {}).get(LISTENER, "it told nothing")
        in_a_row = in_a_row + 1 if got == wanted else 0
        other = other if got == wanted else got
        time.sleep(ROUND.seconds)
    return wanted if in_a_row >= LOOKS else other
