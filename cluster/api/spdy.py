"""SPDY/3.1 frames, as far as Kubernetes' port forwarding speaks them. Pure: bytes in, frames out, and back.

Source: the SPDY/3.1 draft (https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/). A frame is eight bytes
(for control: version and type; for data: the stream; then flags and a length of 24 bits) and what follows. Header
blocks are compressed, all of one direction in one zlib stream that starts from a dictionary both sides know. Flow
control is left out, as Kubernetes' own implementation leaves it out.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

FRAME_BYTES_MAX = 1024 * 1024
HEADER_BYTES_MAX = 64 * 1024

_CONTROL = 0x80000000
_VERSION = 3
_SYN_REPLY, _RST_STREAM, _PING = 2, 3, 6
_FIN = 1
_HEAD = struct.Struct(">II")

# The dictionary of section 2.6.10.1: words that web servers often said in 2012, each after its length, then more.
_WORDS = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow "
    "authorization cache-control connection content-base content-encoding content-language content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status"
)
_MORE_WORDS = ("200 OK", "version", "HTTP/1.1", "url", "public", "set-cookie", "keep-alive", "origin")
_PHRASES = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
    "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,"
    "publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)


def _counted(word: str) -> bytes:
    return struct.pack(">I", len(word)) + word.encode()


DICTIONARY = b"".join(map(_counted, (*_WORDS.split(), *_MORE_WORDS))) + _PHRASES.encode()


class Damaged(Exception):
    """What came is not SPDY/3.1, or more of it than anybody needs; the message says where."""


@dataclass(frozen=True, slots=True)
class Opened:
    stream: int
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes on a stream; `last` when the sender has no more."""

    stream: int
    data: bytes
    last: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    stream: int


@dataclass(frozen=True, slots=True)
class Ping:
    id: int


Frame = Opened | Data | Reset | Ping


class FrameReader:
    """One direction of a connection; it may be fed in pieces of any size."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are now whole; those of no meaning to us are left out. Raises Damaged."""
        self._buffer += data
        while len(self._buffer) >= _HEAD.size:
            first, second = _HEAD.unpack_from(self._buffer)
            flags, length = second >> 24, second & 0xFFFFFF
            if length > FRAME_BYTES_MAX:
                raise Damaged(f"a frame of {length} bytes: the most is {FRAME_BYTES_MAX}")
            if len(self._buffer) < _HEAD.size + length:
                return
            body = bytes(self._buffer[_HEAD.size : _HEAD.size + length])
            del self._buffer[: _HEAD.size + length]
            if not first & _CONTROL:
                yield Data(first, body, bool(flags & _FIN))
                continue
            yield from self._control(first, flags, body)

    def _control(self, first: int, flags: int, body: bytes) -> Iterator[Frame]:
        version, type = first >> 16 & 0x7FFF, first & 0xFFFF
        if version != _VERSION:
            raise Damaged(f"version {version} of SPDY: only {_VERSION} is spoken here")
        match type:
            case 1:
                stream, headers = _number(body, 0), self._headers(body[10:])
                yield Opened(stream, headers)
                if flags & _FIN:
                    yield Data(stream, b"", last=True)
            case 3:
                yield Reset(_number(body, 0))
            case 6:
                yield Ping(_number(body, 0))
            case 2 | 8:
                # Nothing in them is for us, but the next block can be read only after this one.
                self._headers(body[4:])

    def _headers(self, block: bytes) -> dict[str, str]:
        try:
            raw = self._inflate.decompress(block, HEADER_BYTES_MAX)
        except zlib.error as error:
            raise Damaged(f"a header block that cannot be decompressed: {error}") from None
        if self._inflate.unconsumed_tail:
            raise Damaged(f"a header block of more than {HEADER_BYTES_MAX} bytes")
        count, at, headers = _number(raw, 0), 4, {}
        for _ in range(count):
            name, at = _text(raw, at)
            headers[name.lower()], at = _text(raw, at)
        return headers


class FrameWriter:
    """The other direction. Replies must be sent in the order in which they were made."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def reply(self, stream: int) -> bytes:
        """A stream is accepted, without headers."""
        block = self._deflate.compress(struct.pack(">I", 0)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return _control(_SYN_REPLY, struct.pack(">I", stream) + block)


def data(stream: int, payload: bytes, *, last: bool = False) -> bytes:
    return _HEAD.pack(stream, (_FIN if last else 0) << 24 | len(payload)) + payload


def refused(stream: int) -> bytes:
    """A stream is not taken."""
    return _control(_RST_STREAM, struct.pack(">II", stream, 3))


def pong(id: int) -> bytes:
    return _control(_PING, struct.pack(">I", id))


def _control(type: int, body: bytes) -> bytes:
    return _HEAD.pack(_CONTROL | _VERSION << 16 | type, len(body)) + body


def _number(data: bytes, at: int) -> int:
    if len(data) < at + 4:
        raise Damaged("a frame that ends in the middle of a number")
    return int.from_bytes(data[at : at + 4], "big") & 0x7FFFFFFF


def _text(data: bytes, at: int) -> tuple[str, int]:
    end = at + 4 + _number(data, at)
    if end > len(data):
        raise Damaged("a header that ends in the middle of a word")
    return data[at + 4 : end].decode(errors="replace"), end
