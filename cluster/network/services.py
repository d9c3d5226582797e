"""Services and their endpoints as packet filter rules of one node: what kube-proxy does, purely.

A connection to a Service's address or node port is sent to one endpoint, each with the same chance, chosen once per
connection. Only ready endpoints are chosen, or, where there is none, those still serving while they terminate
(KEP-1669). Where nothing is left the client is refused at once. Addresses of Services lie in their own range, so
whatever is still on its way there after translation has no endpoint: one rule refuses it all.

A port of a node that a pod asks for (hostPort) leads to that pod.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache

from cluster.config import SERVICE_RANGE
from cluster.network.facts import HostPorts, Key, Service, ServicePort, Slice, SliceEndpoint
from cluster.network.ruleset import Ruleset, merged

TABLE = "ip seawall-services"
_MASQUERADE = "0x4000"

Backend = tuple[str, int]
"""Address and port."""


def frame(node_address: str) -> str:
    """The fixed part of a node's table. In the fabric, which has no node ports, the address is ""."""
    own = f"ip daddr {node_address} meta l4proto . th dport vmap" if node_address else ""
    own_ports = f"{own} @host-ports\n  {own} @node-ports" if node_address else ""
    return f"""
 map cluster {{ type ipv4_addr . inet_proto . inet_service : verdict; }}
 map host-ports {{ type inet_proto . inet_service : verdict; }}
 map node-ports {{ type inet_proto . inet_service : verdict; }}
 set hairpin {{ type ipv4_addr . ipv4_addr; }}
 chain dispatch {{
  ip daddr . meta l4proto . th dport vmap @cluster
  {own_ports}
 }}
 chain refuse {{
  ip daddr != {SERVICE_RANGE} return
  meta l4proto tcp reject with tcp reset
  reject
 }}
 chain prerouting {{ type nat hook prerouting priority -100; jump dispatch; }}
 chain output {{ type nat hook output priority -100; jump dispatch; }}
 chain forward {{ type filter hook forward priority 0; jump refuse; }}
 chain own {{ type filter hook output priority 0; jump refuse; }}
 chain postrouting {{
  type nat hook postrouting priority 100;
  meta mark {_MASQUERADE} masquerade
  ip saddr . ip daddr @hairpin masquerade
 }}
"""


def contents(
    services: Iterable[Service], slices: Mapping[Key, tuple[Slice, ...]], nodes: Iterable[str]
) -> dict[str, Ruleset]:
    """The rules of all Services on each node, given the slices of each."""
    served = [(s, slices.get(s.key, ())) for s in services if s.address]
    shared = merged(_service(s, those, "") for s, those in served if not _minds_place(s))
    choosy = [(s, those) for s, those in served if _minds_place(s)]
    if not choosy:
        return dict.fromkeys(nodes, shared)
    return {node: merged([shared, *(_service(s, those, node) for s, those in choosy)]) for node in nodes}


def host_contents(pods: Iterable[HostPorts], node: str) -> Ruleset:
    """The rules that lead from ports of a node to its pods (hostPort)."""
    return merged(part for pod in pods if pod.node == node for port in pod.ports for part in _host_port(pod, *port))


def _host_port(pod: HostPorts, protocol: str, outside: int, inside: int) -> Iterator[Ruleset]:
    chain = f"host/{protocol}/{outside}"
    yield Ruleset(chains={chain: (f"meta l4proto {protocol} dnat to {pod.address}:{inside}",)})
    yield _entry("host-ports", f"{protocol} . {outside}", f"goto {chain}")
    yield Ruleset(elements={"hairpin": {f"{pod.address} . {pod.address}": ""}})


def udp_backends(services: Iterable[Service], slices: Mapping[Key, tuple[Slice, ...]]) -> frozenset[Backend]:
    """Wherever UDP flows may be sent: what leaves this set has flows to be forgotten."""
    ports = ((port, slices.get(s.key, ())) for s in services if s.address for port in s.ports)
    return frozenset(b for port, those in ports if port.protocol == "udp" for b in backends(port, those))


def backends(port: ServicePort, slices: Iterable[Slice], node: str = "") -> tuple[Backend, ...]:
    """Where a connection to this port may go, in order; only to endpoints on `node` if that is given."""
    candidates = [(e, (e.address, number)) for e, number in _candidates(port, slices) if not node or e.node == node]
    return _those(candidates, _ready) or _those(candidates, _serving)


def _candidates(port: ServicePort, slices: Iterable[Slice]) -> Iterator[tuple[SliceEndpoint, int]]:
    for one in slices:
        for name, protocol, number in one.ports:
            if (name, protocol) == (port.name, port.protocol):
                yield from ((endpoint, number) for endpoint in one.endpoints)


def _those(
    candidates: list[tuple[SliceEndpoint, Backend]], wanted: Callable[[SliceEndpoint], bool]
) -> tuple[Backend, ...]:
    return tuple(sorted({backend for endpoint, backend in candidates if wanted(endpoint)}))


def _ready(endpoint: SliceEndpoint) -> bool:
    return endpoint.ready


def _serving(endpoint: SliceEndpoint) -> bool:
    return endpoint.serving and endpoint.terminating


def _minds_place(service: Service) -> bool:
    return service.internal_local or service.external_local


@lru_cache(maxsize=4096)
def _service(service: Service, slices: tuple[Slice, ...], node: str) -> Ruleset:
    # Protocols without ports of their own in this kernel (SCTP) have no rules: clients are refused.
    ports = (port for port in service.ports if port.protocol in ("tcp", "udp"))
    return merged(part for port in ports for part in _port(service, port, slices, node))


def _port(service: Service, port: ServicePort, slices: tuple[Slice, ...], node: str) -> Iterator[Ruleset]:
    everywhere = backends(port, slices)
    if not everywhere:
        return
    here = backends(port, slices, node) if node else ()
    name = "/".join((*service.key, port.protocol, str(port.port)))
    inside = f"{service.address} . {port.protocol} . {port.port}"
    yield from _pool(f"all/{name}", port, service, everywhere)
    yield from _pool(f"here/{name}", port, service, here)
    yield _entry("cluster", inside, _target(name, here, local=service.internal_local))
    if port.node_port:
        yield Ruleset(chains={f"outside/{name}": (f"meta mark set {_MASQUERADE}", f"goto all/{name}")})
        verdict = _target(name, here, local=True) if service.external_local else f"goto outside/{name}"
        yield _entry("node-ports", f"{port.protocol} . {port.node_port}", verdict)


def _target(name: str, here: tuple[Backend, ...], *, local: bool) -> str:
    """A policy of Local with endpoints on other nodes only drops, as kube-proxy does."""
    if not local:
        return f"goto all/{name}"
    return f"goto here/{name}" if here else "drop"


def _entry(map_name: str, key: str, verdict: str) -> Ruleset:
    return Ruleset(elements={map_name: {key: verdict}})


def _pool(chain: str, port: ServicePort, service: Service, targets: tuple[Backend, ...]) -> Iterator[Ruleset]:
    """The chain that picks one of the endpoints, and their entries among those who may call themselves."""
    if not targets:
        return
    yield Ruleset(elements={"hairpin": {f"{address} . {address}": "" for address, _ in targets}})
    if service.affinity_seconds:
        yield from _sticky(chain, port, service.affinity_seconds, targets)
    else:
        choices = ", ".join(f"{number} : {address} . {p}" for number, (address, p) in enumerate(targets))
        choice = f"numgen random mod {len(targets)} map {{ {choices} }}"
        yield Ruleset(chains={chain: (f"meta l4proto {port.protocol} dnat ip addr . port to {choice}",)})


def _sticky(chain: str, port: ServicePort, seconds: int, targets: tuple[Backend, ...]) -> Iterator[Ruleset]:
    """A client goes where it went before, for as long as it keeps coming back within the time."""
    names = [f"{chain}/{address}/{number}" for address, number in targets]
    known = [f"{name}/{seconds}s" for name in names]
    choices = ", ".join(f"{number} : goto {name}" for number, name in enumerate(names))
    first = tuple(f"ip saddr @{seen} goto {name}" for seen, name in zip(known, names, strict=True))
    yield Ruleset(
        sets=dict.fromkeys(known, f"type ipv4_addr; flags dynamic,timeout; timeout {seconds}s;"),
        chains={chain: (*first, f"numgen random mod {len(names)} vmap {{ {choices} }}")},
    )
    for seen, name, (address, number) in zip(known, names, targets, strict=True):
        remember = f"update @{seen} {{ ip saddr }}"
        yield Ruleset(chains={name: (remember, f"meta l4proto {port.protocol} dnat to {address}:{number}")})
