"""The packet filter of one namespace, by libnftables: a transaction costs a millisecond instead of a process."""

import contextlib
import ctypes
import os
import socket
import stat
from functools import cache
from pathlib import Path


class RulesRefused(Exception):
    """nft did not accept a transaction; nothing of it is in force. Says why, and what was asked."""


class Firewall:
    """nftables of the namespace that this was created in. Every call is one atomic transaction."""

    def __init__(self) -> None:
        self._context: ctypes.c_void_p | None = ctypes.c_void_p(_library().nft_ctx_new(0))
        _keep_netlink_to_ourselves()
        _library().nft_ctx_buffer_output(self._context)
        _library().nft_ctx_buffer_error(self._context)

    def run(self, commands: str) -> str:
        """All of the commands or none; their output. Raises RulesRefused. Does nothing once closed."""
        if self._context is None:
            return ""
        failed = _library().nft_run_cmd_from_buffer(self._context, commands.encode())
        output: bytes = _library().nft_ctx_get_output_buffer(self._context)
        error: bytes = _library().nft_ctx_get_error_buffer(self._context)
        if failed:
            raise RulesRefused(f"{error.decode().strip()}\nThe transaction was:\n{commands}")
        return output.decode()

    def close(self) -> None:
        if self._context is not None:
            _library().nft_ctx_free(self._context)
        self._context = None


def _keep_netlink_to_ourselves() -> None:
    """libnftables leaves its socket open across exec: a container that inherited it could rewrite its node's rules."""
    for descriptor in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        # The one that listed the others is closed by now.
        with contextlib.suppress(OSError):
            if _is_netlink(descriptor):
                os.set_inheritable(descriptor, False)


def _is_netlink(descriptor: int) -> bool:
    if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        return False
    with socket.socket(fileno=os.dup(descriptor)) as same:
        return same.family == socket.AF_NETLINK


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL("libnftables.so.1")
    library.nft_ctx_new.restype = ctypes.c_void_p
    for name in ("nft_ctx_get_output_buffer", "nft_ctx_get_error_buffer"):
        getattr(library, name).restype = ctypes.c_char_p
    return library
