"""Why a request failed, in the same word for every client."""

import errno
import socket
import ssl

import pytest

from loadgen.inside.kinds import kind


class HTTPError(Exception):
    """As a client names the refusal it makes of a status code."""


class CatchResponseError(Exception):
    """As Locust names what the user's own check found."""


def wrapped(inner: BaseException) -> Exception:
    """As clients wrap errors: one as an argument of another, with a third raised from it."""
    outer = ConnectionError("Connection aborted.", inner)
    outer.__cause__ = None
    last = RuntimeError("max retries exceeded")
    last.__context__ = outer
    return last


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TimeoutError("timed out"), "timeout"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "refused"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "reset"),
        (BrokenPipeError(errno.EPIPE, "pipe"), "reset"),
        (socket.gaierror(-2, "Name or service not known"), "dns"),
        (ssl.SSLError(1, "bad certificate"), "tls"),
        (OSError(errno.EHOSTUNREACH, "no route"), "unreachable"),
        (OSError(errno.EADDRNOTAVAIL, "cannot assign"), "no-local-port"),
        (CatchResponseError("wrong text"), "check"),
        (KeyError("x"), "KeyError"),
    ],
)
def test_a_kind_is_told_however_deep_it_is_wrapped(error: Exception, expected: str) -> None:
    assert kind(error) == expected
    assert kind(wrapped(error)) == (expected if expected != "KeyError" else "RuntimeError")


def test_a_bad_status_is_told_by_its_number() -> None:
    assert kind(HTTPError("503 Server Error"), 503) == "http-503"


def test_the_users_own_check_outranks_the_status() -> None:
    assert kind(CatchResponseError("no price on the page"), 404) == "check"


def test_a_chain_that_bites_its_tail_ends() -> None:
    error = RuntimeError("a")
    error.__cause__ = error
    assert kind(error) == "RuntimeError"
