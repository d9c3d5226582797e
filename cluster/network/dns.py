"""The cluster's DNS server: over UDP and TCP, answering from a zone that follows the API.

It has no uplink: names outside the cluster do not exist. Stopping it is what a failed DNS looks like.
"""

import asyncio
import random
from collections.abc import Callable
from typing import cast

from cluster.client import Client
from cluster.config import DNS_ADDRESS
from cluster.network import facts
from cluster.network.dnswire import Answer, Malformed, encode, parse, udp_limit
from cluster.network.facts import Key
from cluster.network.mirror import Mirror
from cluster.network.zone import Zone, names_of

IDLE_SECONDS = 10.0
"""How long a TCP client may keep silent."""


class DnsServer:
    """`run` it for ever to follow the API; `start` and `stop` it to answer or not. Born in the fabric's namespace."""

    def __init__(
        self, client: Client, *, address: str = DNS_ADDRESS, port: int = 53, chance: random.Random | None = None
    ) -> None:
        self._where = address, port
        self._zone = Zone()
        self._chance = chance or random.Random()  # noqa: S311  # spreads load, guards nothing
        self._services = Mirror(client, "services", facts.service, self._service_changed)
        self._slices = Mirror(client, "endpointslices.discovery.k8s.io", facts.endpoint_slice, self._slice_changed)
        self._namespaces = Mirror(client, "namespaces", facts.labels, self._namespace_changed)
        self._homes: dict[Key, Key] = {}
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for part in (self._services, self._slices, self._namespaces):
                group.create_task(part.run())

    async def start(self) -> None:
        """Raises OSError when the address is taken or not here."""
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self._datagram), local_addr=self._where)
        self._tcp = await asyncio.start_server(self._stream, *self._where)

    async def stop(self) -> None:
        """From now on packets are refused by the kernel."""
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            self._tcp.close()
        self._udp = self._tcp = None

    def _datagram(self, packet: bytes) -> bytes:
        """Raises Malformed."""
        query = parse(packet)
        return encode(query, self._shuffled(self._zone.answer(query)), limit=udp_limit(query))

    def _shuffled(self, answer: Answer) -> Answer:
        """Clients take the first of many: let it be another one each time."""
        if len(answer.records) < 2 or answer.records[0].target:
            return answer
        return Answer(answer.code, tuple(self._chance.sample(answer.records, len(answer.records))), answer.authority)

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while self._tcp is not None:
                async with asyncio.timeout(IDLE_SECONDS):
                    size = int.from_bytes(await reader.readexactly(2), "big")
                    query = parse(await reader.readexactly(size))
                packet = encode(query, self._shuffled(self._zone.answer(query)))
                writer.write(len(packet).to_bytes(2, "big") + packet)
                await writer.drain()
        except (Malformed, asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            # Whatever the client is up to, it is not a question.
            pass
        finally:
            writer.close()

    def _service_changed(self, key: Key) -> None:
        service = self._services.facts.get(key)
        slices = (one for one in self._slices.facts.values() if one.service == key)
        self._zone.put(key, names_of(service, slices) if service else {})

    def _slice_changed(self, key: Key) -> None:
        one, before = self._slices.facts.get(key), self._homes.pop(key, None)
        if one is not None:
            self._homes[key] = one.service
        for home in filter(None, {before, self._homes.get(key)}):
            self._service_changed(home)

    def _namespace_changed(self, _key: Key) -> None:
        self._zone.namespaces = frozenset(name for _, name in self._namespaces.facts)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            packet = self._answer(data)
        except Malformed:
            # Answering noise would make us its amplifier.
            return
        self._transport.sendto(packet, addr)
