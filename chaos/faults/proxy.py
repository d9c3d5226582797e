"""A proxy that stands in for a Service: `latency` and `partition` put one between callers and pods.

The Service keeps its name and address, so no caller notices; its selector is swapped for one that finds the proxy. The
proxy passes everything on to a twin Service that has the former selector, so it follows the Ready pods as before.
NetworkPolicies are copied, no further than needed: who may reach the pods may reach their proxy, and the proxy them.
Connections that were open before go on as they were, past the proxy: only new ones meet it.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from inspect import cleandoc

from chaos.faults.clients import pod
from chaos.faults.kind import Arena, FaultRefused, Injury
from chaos.faults.services import find_service, ready_behind, service_path, swap_selector
from chaos.kube import KubeError, Obj, Refused
from chaos.selectors import matches
from loadgen.units import Duration

STANDS_FOR = "seawall.dev/stands-for"
PROXIES = {"matchExpressions": [{"key": STANDS_FOR, "operator": "Exists"}]}
READY_WITHIN = Duration(20)
SWALLOW = "swallow"
STAND_IN = frozenset(
    {
        *(f"{verb} services" for verb in ("create", "get", "list", "patch")),
        *(f"{verb} networkpolicies.networking.k8s.io" for verb in ("create", "list")),
        "get services/proxy",
    }
)

_PROGRAM = cleandoc(
    """
    import asyncio, json, os, time

    DELAY, DOORS = os.environ["DELAY"], json.loads(os.environ["DOORS"])

    async def carry(reader, writer, delay):
        under_way = asyncio.Queue(64)

        async def take():
            data = b"."
            while data:
                data = await reader.read(65536)
                await under_way.put((time.monotonic() + delay, data))

        async def give():
            while True:
                due, data = await under_way.get()
                await asyncio.sleep(due - time.monotonic())
                if not data:
                    return writer.write_eof()
                writer.write(data)
                await writer.drain()

        async with asyncio.TaskGroup() as both:
            both.create_task(take())
            both.create_task(give())

    async def pass_on(reader, writer, door):
        there, back = await asyncio.open_connection(*door)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(carry(reader, back, float(DELAY)))
                both.create_task(carry(there, writer, 0))
        finally:
            back.close()

    async def answer(reader, writer, door):
        try:
            if DELAY == "swallow":
                while await reader.read(65536):
                    pass
            else:
                await pass_on(reader, writer, door)
        except* OSError:
            writer.transport.abort()
        finally:
            writer.close()

    async def main():
        for port, door in DOORS.items():
            await asyncio.start_server(lambda r, w, door=door: answer(r, w, door), None, int(port), backlog=512)
        await asyncio.Event().wait()

    asyncio.run(main())
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIn:
    """A proxy that is ready to take a Service's place."""

    service: Obj
    proxy: str
    pods: list[str]

    @property
    def name(self) -> str:
        return str(self.service["metadata"]["name"])


def stand_in(arena: Arena, names: Iterable[str], delay: str) -> list[Injury]:
    """Put a proxy in the place of each Service. `delay` is in seconds, or `SWALLOW`. Raises `FaultRefused`."""
    policies = arena.kube.list(f"/apis/networking.k8s.io/v1/namespaces/{arena.namespace}/networkpolicies")
    services = [find_service(arena, name) for name in dict.fromkeys(names)]
    doors = [_doors(arena, service) for service in services]
    for policy in openings(policies):
        arena.kube.create(policy, arena.namespace)
    made = [_make(arena, s, d, policies, delay) for s, d in zip(services, doors, strict=True)]
    for each in made:
        _await_ready(arena, each)
    return [_swap(arena, each) for each in made]


def _doors(arena: Arena, service: Obj) -> dict[str, Obj]:
    """The ports that the pods behind a Service listen on -> the Service's port that leads there."""
    name = service["metadata"]["name"]
    path = f"/apis/discovery.k8s.io/v1/namespaces/{arena.namespace}/endpointslices"
    found = arena.kube.list(path, labelSelector=f"kubernetes.io/service-name={name}")
    listening = {p.get("name") or "": p["port"] for s in found if s.get("endpoints") for p in s.get("ports") or ()}
    ports = service["spec"]["ports"]
    if any(p.get("protocol", "TCP") != "TCP" for p in ports):
        raise FaultRefused(f"Service {name} has a port that is not TCP, and the proxy speaks nothing else")
    if not all(p.get("name", "") in listening for p in ports):
        raise FaultRefused(f"Service {name} has a port without an endpoint, so nobody knows where it leads")
    return {str(listening[p.get("name", "")]): p for p in ports}


def _make(arena: Arena, service: Obj, doors: dict[str, Obj], policies: list[Obj], delay: str) -> StandIn:
    name, selector = service["metadata"]["name"], service["spec"]["selector"]
    address = arena.kube.create(twin_of(service), arena.namespace)["spec"]["clusterIP"]
    pods = ready_behind(arena, selector)
    labels = arena.view.of("Pod")[pods[0]]["labels"] if pods else selector
    arena.kube.create(admission(name, labels, policies), arena.namespace)
    proxy = _proxy(name, {port: [address, p["port"]] for port, p in doors.items()}, doors, delay)
    arena.kube.create(proxy, arena.namespace)
    return StandIn(service=service, proxy=proxy["metadata"]["name"], pods=pods)


def twin_of(service: Obj) -> Obj:
    """A second Service that leads to the same pods."""
    ports = [{k: p[k] for k in ("name", "port", "targetPort", "protocol") if k in p} for p in service["spec"]["ports"]]
    spec = {"selector": service["spec"]["selector"], "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": twin_name(service)}, "spec": spec}


def twin_name(service: Obj) -> str:
    return f"{service['metadata']['name']}-behind"


def _proxy(service: str, doors: Obj, ports: dict[str, Obj], delay: str) -> Obj:
    env = [{"name": "DELAY", "value": delay}, {"name": "DOORS", "value": json.dumps(doors)}]
    # By name, if that is how the Service finds it.
    named = {number: p["targetPort"] for number, p in ports.items() if isinstance(p.get("targetPort"), str)}
    open_ports = [{"containerPort": int(n), **({"name": named[n]} if n in named else {})} for n in ports]
    # Not before it can be: a probe that fails is an event, and this one would tell of nothing.
    probe = {"tcpSocket": {"port": open_ports[0]["containerPort"]}, "initialDelaySeconds": 1, "periodSeconds": 1}
    found = pod(f"{service}-proxy", _PROGRAM, {"env": env, "ports": open_ports, "readinessProbe": probe})
    found["metadata"]["labels"] = {STANDS_FOR: service}
    return found


def openings(policies: Iterable[Obj]) -> Iterator[Obj]:
    """For every policy one more, which lets the same pods reach the proxies, or be reached by them, and isolates none
    that was not isolated before.
    """
    peers = [{"podSelector": PROXIES}]
    rules = {"Ingress": {"ingress": [{"from": peers}]}, "Egress": {"egress": [{"to": peers}]}}
    for policy in policies:
        types = _types(policy)
        spec = {"podSelector": policy["spec"].get("podSelector") or {}, "policyTypes": types}
        yield _policy(
            f"{policy['metadata']['name']}-proxies", spec | {k: v for t in types for k, v in rules[t].items()}
        )


def admission(service: str, behind: dict[str, str], policies: Iterable[Obj]) -> Obj:
    """The proxy lets in whom the pods behind it let in, and may go anywhere itself."""
    own = [p for p in policies if "Ingress" in _types(p) and matches(p["spec"].get("podSelector") or {}, behind)]
    ingress = [rule for p in own for rule in p["spec"].get("ingress") or ()] if own else [{}]
    spec = {"podSelector": {"matchLabels": {STANDS_FOR: service}}, "policyTypes": ["Ingress", "Egress"]}
    return _policy(f"{service}-proxy", {**spec, "ingress": ingress, "egress": [{}]})


def _types(policy: Obj) -> list[str]:
    return list(policy["spec"].get("policyTypes") or ["Ingress"])


def _policy(name: str, spec: Obj) -> Obj:
    meta = {"name": name}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}


def _await_ready(arena: Arena, made: StandIn) -> None:
    def ready() -> bool:
        return bool(arena.view.of("Pod").get(made.proxy, {}).get("ready"))

    if not arena.view.wait(ready, READY_WITHIN.seconds):
        raise FaultRefused(
            f"the proxy for Service {made.name} was not Ready within {READY_WITHIN}; nothing was swapped"
        )


def _swap(arena: Arena, made: StandIn) -> Injury:
    number = swap_selector(arena, made.service, {STANDS_FOR: made.name})
    port = made.service["spec"]["ports"][0]["port"]
    data = {"service": made.name, "twin": twin_name(made.service), "port": port, "pods": made.pods}
    detail = f"pod {made.proxy} stands in for Service {made.name}"
    return Injury(target=f"Service/{made.name}", detail=detail, undo=number, data=data)


def answers(arena: Arena, service: str, port: int, within: Duration) -> bool:
    """Ask a Service over HTTP, through the API server and so past the app; whatever it says, it answered.

    Raises `TimedOut` when it does not in time, and KubeError when nobody could be asked.
    """
    try:
        arena.kube.request("GET", f"{service_path(arena, service)}:{port}/proxy/", accept="*/*", timeout=within)
    except KubeError as error:
        refusal = error if isinstance(error, Refused) else error.__cause__
        # A refusal with a reason is the API server's own.
        if isinstance(refusal, Refused) and not refusal.reason:
            return True
        raise
    return True
