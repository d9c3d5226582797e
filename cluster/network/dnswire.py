"""DNS messages as bytes, and back (RFC 1035, 6891): only what a server of one zone needs, which makes it fast."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address

_HEADER = struct.Struct("!HHHHHH")
_RECORD = struct.Struct("!HHIH")
_QUESTION = struct.Struct("!HH")
_SRV = struct.Struct("!HHH")
_QUESTION_NAME = b"\xc0\x0c"
"""A pointer to where the question's name always is."""

UDP_SIZE = 1232
"""The largest answer that is sent in one packet, as DNS servers agreed in 2020."""
_PLAIN_UDP_SIZE = 512
_IN = 1
_RESPONSE, _AUTHORITATIVE, _TRUNCATED, _RECURSION_DESIRED = 0x8000, 0x0400, 0x0200, 0x0100


class Type(IntEnum):
    A = 1
    CNAME = 5
    SOA = 6
    PTR = 12
    AAAA = 28
    SRV = 33
    OPT = 41


class Code(IntEnum):
    NOERROR = 0
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5


class Malformed(ValueError):
    """Not a question that anyone could answer."""


@dataclass(frozen=True, slots=True)
class Query:
    """One question. `name` is in lower case without the last dot; `question` is the bytes to be repeated."""

    id: int
    flags: int
    name: str
    type: int
    question: bytes
    udp_size: int | None = None
    """What the client takes in one packet, if it speaks EDNS."""

    @property
    def is_lookup(self) -> bool:
        """An ordinary query for the internet class; everything else (updates, notifies …) is not for us."""
        return self.flags & 0x7800 == 0 and self.question.endswith(b"\x00\x01")


@dataclass(frozen=True, slots=True)
class Record:
    name: str
    type: int
    ttl_seconds: int
    data: bytes
    target: str = ""
    """Of an alias, the name it stands for."""


@dataclass(frozen=True, slots=True)
class Answer:
    code: Code
    records: tuple[Record, ...] = ()
    authority: tuple[Record, ...] = ()


def parse(packet: bytes) -> Query:
    """Raises Malformed for anything but a single question."""
    try:
        return _parse(packet)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise Malformed(f"{len(packet)} bytes: {error}") from error


def _parse(packet: bytes) -> Query:
    id, flags, questions, answers, authorities, additionals = _HEADER.unpack_from(packet)
    if flags & _RESPONSE or questions != 1 or answers or authorities:
        raise Malformed(f"{questions} questions, {answers} answers, flags {flags:#06x}")
    name, at = _name(packet, _HEADER.size)
    end = at + _QUESTION.size
    type, _class = _QUESTION.unpack_from(packet, at)
    return Query(id, flags, name, type, packet[_HEADER.size : end], _udp_size(packet[end:]) if additionals else None)


def _name(packet: bytes, at: int) -> tuple[str, int]:
    """The labels from `at` on, and where they end. A question never needs compression."""
    labels = []
    while size := packet[at]:
        if size > 63 or at + size >= len(packet):
            raise Malformed(f"a label of {size} bytes")
        labels.append(packet[at + 1 : at + 1 + size])
        at += 1 + size
    name = b".".join(labels)
    if len(name) > 253:
        raise Malformed(f"a name of {len(name)} bytes")
    return name.decode("ascii").lower(), at + 1


def _udp_size(additional: bytes) -> int | None:
    if len(additional) < 11 or additional[0] != 0:
        return None
    type, size = _QUESTION.unpack_from(additional, 1)
    return max(size, _PLAIN_UDP_SIZE) if type == Type.OPT else None


def encode(query: Query, answer: Answer, *, limit: int | None = None) -> bytes:
    """The packet that answers. Over the limit in bytes (None: over TCP) it is cut to "ask again by TCP"."""
    extra = b"" if query.udp_size is None else b"\x00" + _RECORD.pack(Type.OPT, UDP_SIZE, 0, 0)
    flags = _RESPONSE | _AUTHORITATIVE | query.flags & _RECURSION_DESIRED | query.flags & 0x7800 | answer.code
    body = b"".join(_record(query, record) for record in (*answer.records, *answer.authority))
    counts = len(answer.records), len(answer.authority)
    if limit is not None and _HEADER.size + len(query.question) + len(body) + len(extra) > limit:
        flags, body, counts = flags | _TRUNCATED, b"", (0, 0)
    return _HEADER.pack(query.id, flags, 1, *counts, 1 if extra else 0) + query.question + body + extra


def udp_limit(query: Query) -> int:
    return min(query.udp_size or _PLAIN_UDP_SIZE, UDP_SIZE)


def _record(query: Query, record: Record) -> bytes:
    name = _QUESTION_NAME if record.name == query.name else encode_name(record.name)
    return name + _RECORD.pack(record.type, _IN, record.ttl_seconds, len(record.data)) + record.data


def encode_name(name: str) -> bytes:
    return b"".join(bytes((len(label),)) + label.encode() for label in name.split(".") if label) + b"\0"


def address_data(address: str) -> bytes:
    return IPv4Address(address).packed


def srv_data(port: int, target: str) -> bytes:
    return _SRV.pack(0, 100, port) + encode_name(target)


def soa_data(server: str, contact: str, numbers: Iterable[int]) -> bytes:
    return encode_name(server) + encode_name(contact) + struct.pack("!5I", *numbers)
