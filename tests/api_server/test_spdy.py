"""SPDY as port forwarding speaks it: read as it was meant in pieces of any size, or refused."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.api import spdy
from cluster.api.spdy import Damaged, Data, FrameReader, FrameWriter, Opened, Ping

WORDS = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1, max_size=9)
HEADERS = st.dictionaries(WORDS, st.text(max_size=40), max_size=6)


def words(*texts: str) -> bytes:
    encoded = (text.encode() for text in texts)
    return b"".join(struct.pack(">I", len(text)) + text for text in encoded)


class Client:
    """Writes what kubectl writes."""

    def __init__(self) -> None:
        self.deflate = zlib.compressobj(zdict=spdy.DICTIONARY)

    def open(self, stream: int, headers: dict[str, str], *, flags: int = 0) -> bytes:
        raw = struct.pack(">I", len(headers)) + b"".join(words(*item) for item in headers.items())
        block = self.deflate.compress(raw) + self.deflate.flush(zlib.Z_SYNC_FLUSH)
        return control(1, struct.pack(">IIH", stream, 0, 0) + block, flags)


def control(type: int, body: bytes, flags: int = 0, version: int = 3) -> bytes:
    return struct.pack(">HHI", 0x8000 | version, type, flags << 24 | len(body)) + body


def test_the_dictionary_is_the_one_of_the_draft() -> None:
    assert (len(spdy.DICTIONARY), zlib.adler32(spdy.DICTIONARY)) == (1423, 0xE3C6A7C2)


@given(st.lists(HEADERS, max_size=4), st.binary(max_size=200), st.integers(1, 50))
def test_frames_are_the_same_in_pieces_of_any_size(headers: list[dict[str, str]], data: bytes, size: int) -> None:
    client, reader = Client(), FrameReader()
    sent = b"".join(client.open(i * 2 + 1, each) for i, each in enumerate(headers))
    sent += spdy.data(1, data) + spdy.data(3, b"", last=True) + control(4, b"1234") + spdy.pong(7)
    pieces = (sent[at : at + size] for at in range(0, len(sent), size))
    frames = [frame for piece in pieces for frame in reader.feed(piece)]
    opened = [Opened(i * 2 + 1, each) for i, each in enumerate(headers)]
    assert frames == [*opened, Data(1, data), Data(3, b"", last=True), Ping(7)]


def test_a_stream_may_be_opened_and_half_closed_at_once() -> None:
    assert list(FrameReader().feed(Client().open(1, {"a": "b"}, flags=1))) == [
        Opened(1, {"a": "b"}),
        Data(1, b"", True),
    ]


def test_replies_share_one_compression() -> None:
    writer, reader = FrameWriter(), FrameReader()
    assert list(reader.feed(writer.reply(1) + writer.reply(3) + spdy.pong(2))) == [Ping(2)]


@pytest.mark.parametrize(
    "sent",
    [
        control(1, b"\0" * 10 + b"no zlib"),
        control(1, b"\0\0"),
        control(6, b"\0", version=2),
        struct.pack(">II", 1, 0xFFFFFF),
        Client().open(1, {"bomb": "x" * 1_000_000}),
    ],
)
def test_what_is_no_such_frame_is_refused(sent: bytes) -> None:
    with pytest.raises(Damaged):
        list(FrameReader().feed(sent))


@given(st.binary(max_size=300))
def test_noise_is_read_or_refused(noise: bytes) -> None:
    try:
        list(FrameReader().feed(noise))
    except Damaged:
        return
