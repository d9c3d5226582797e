"""Which names the cluster's DNS knows, purely: Kubernetes' DNS specification 1.1.0, as CoreDNS answers it.

<service>.<namespace>.svc.cluster.local           its address; of a headless Service all ready endpoints;
                                                  of an ExternalName another name
<endpoint>.<service>.<namespace>.svc…             an endpoint of a headless Service, by hostname or 198-18-1-2
_<port>._<protocol>.<service>.<namespace>.svc…    SRV: port number and name
198-18-1-2.<namespace>.pod.cluster.local          that address
2.1.18.198.in-addr.arpa                           the name of an endpoint or Service
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import AddressValueError

from cluster.config import CLUSTER_DOMAIN
from cluster.network.dnswire import Answer, Code, Query, Record, Type, address_data, encode_name, soa_data, srv_data
from cluster.network.facts import Key, Service, Slice, SliceEndpoint

TTL_SECONDS = 30
NEGATIVE_TTL_SECONDS = 5
_LONGEST_CHAIN = 8

Names = Mapping[str, tuple[Record, ...]]


class Zone:
    """The records of every Service, by name."""

    def __init__(self) -> None:
        self.namespaces: frozenset[str] = frozenset()
        self._names: dict[str, tuple[Record, ...]] = {}
        self._above: Counter[str] = Counter()
        """How many names are below each: a name that has only names below it exists, without records."""
        self._owned: dict[Key, Names] = {}

    def put(self, service: Key, names: Names) -> None:
        """Replace what a Service contributes; nothing for one that is gone."""
        for name, records in self._owned.pop(service, {}).items():
            # An endpoint of two Services has one name to be found by; the later one stays.
            if self._names.get(name) is records:
                del self._names[name]
                self._above.subtract(_ancestors(name))
        for name, records in names.items():
            if name not in self._names:
                self._above.update(_ancestors(name))
            self._names[name] = records
        self._owned[service] = names

    def answer(self, query: Query) -> Answer:
        if not query.is_lookup:
            return Answer(Code.NOTIMP)
        records = self._records(query.name)
        if records is None:
            return Answer(Code.NXDOMAIN, authority=_authority(query.name))
        found = tuple(self._chased(records, query.type))
        return Answer(Code.NOERROR, found, () if found else _authority(query.name))

    def _records(self, name: str) -> tuple[Record, ...] | None:
        """None where no such name exists."""
        if name in self._names:
            return self._names[name]
        if self._above[name] > 0 or name in _ALWAYS:
            return ()
        return self._pod_records(name)

    def _pod_records(self, name: str) -> tuple[Record, ...] | None:
        """CoreDNS's "pods insecure": any address at all, as long as the namespace exists."""
        stem, _, domain = name.partition(f".pod.{CLUSTER_DOMAIN}")
        if domain or stem == name:
            return None
        dashed, _, namespace = stem.rpartition(".")
        if namespace not in self.namespaces:
            return None
        return _dashed_address(name, dashed) if dashed else ()

    def _chased(self, records: tuple[Record, ...], type: int) -> Iterator[Record]:
        """Those of the type asked for; an alias, and what is found where it leads within the cluster."""
        for _ in range(_LONGEST_CHAIN):
            yield from (record for record in records if record.type in (type, Type.CNAME))
            alias = next((record for record in records if record.type == Type.CNAME), None)
            if alias is None or type == Type.CNAME:
                return
            records = self._records(alias.target) or ()


def names_of(service: Service, slices: Iterable[Slice]) -> Names:
    """All records that come from one Service and its slices."""
    name = _service_name(service.key)
    if service.type == "ExternalName":
        return {
            name: (Record(name, Type.CNAME, TTL_SECONDS, encode_name(service.external_name), service.external_name),)
        }
    found: dict[str, list[Record]] = {}
    for record in _addressed(service, name) if service.address else _headless(name, tuple(slices)):
        found.setdefault(record.name, []).append(record)
    return {owner: tuple(records) for owner, records in found.items()}


def _addressed(service: Service, name: str) -> Iterator[Record]:
    yield _address(name, service.address)
    yield _pointer(service.address, name)
    for port in service.ports:
        yield from _located(name, port.name, port.protocol, port.port, name)


def _headless(name: str, slices: tuple[Slice, ...]) -> Iterator[Record]:
    for one in slices:
        for endpoint in filter(_is_ready, one.endpoints):
            own = f"{endpoint.hostname or endpoint.address.replace('.', '-')}.{name}"
            yield from (_address(name, endpoint.address), _address(own, endpoint.address))
            yield _pointer(endpoint.address, own)
            for port, protocol, number in one.ports:
                yield from _located(name, port, protocol, number, own)


def _is_ready(endpoint: SliceEndpoint) -> bool:
    return endpoint.ready


def _located(name: str, port: str, protocol: str, number: int, target: str) -> Iterator[Record]:
    """Only ports with a name can be looked up."""
    if port:
        yield Record(f"_{port}._{protocol}.{name}", Type.SRV, TTL_SECONDS, srv_data(number, target))


def _address(name: str, address: str) -> Record:
    return Record(name, Type.A, TTL_SECONDS, address_data(address))


def _pointer(address: str, name: str) -> Record:
    reverse = f"{'.'.join(reversed(address.split('.')))}.in-addr.arpa"
    return Record(reverse, Type.PTR, TTL_SECONDS, encode_name(name))


def _dashed_address(name: str, dashed: str) -> tuple[Record, ...] | None:
    try:
        return (_address(name, dashed.replace("-", ".")),)
    except AddressValueError:
        return None


def _service_name(service: Key) -> str:
    return f"{service[1]}.{service[0]}.svc.{CLUSTER_DOMAIN}"


def _ancestors(name: str) -> Iterator[str]:
    while "." in name:
        _, _, name = name.partition(".")
        yield name


def _authority(name: str) -> tuple[Record, ...]:
    """Who says that there is nothing, and for how long; of names outside the cluster we know nothing to say."""
    return (_START,) if name == CLUSTER_DOMAIN or name.endswith(f".{CLUSTER_DOMAIN}") else ()


_START = Record(
    CLUSTER_DOMAIN,
    Type.SOA,
    NEGATIVE_TTL_SECONDS,
    soa_data(f"ns.dns.{CLUSTER_DOMAIN}", f"hostmaster.{CLUSTER_DOMAIN}", (1, 7200, 1800, 86400, NEGATIVE_TTL_SECONDS)),
)
_ALWAYS = frozenset({CLUSTER_DOMAIN, f"svc.{CLUSTER_DOMAIN}", f"pod.{CLUSTER_DOMAIN}"})
