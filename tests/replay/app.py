"""The application that most cases run: one thread, one request at a time. Standard library only.

/ and /healthz answer; /readyz until /unready; /leak?mb=N keeps N MiB; /hang?s=N deadlocks: nothing is answered any
more and SIGTERM is not heard; /die?code=N exits; POST /v and GET /v keep a value in $DATA (default /data).
"""

import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

VALUE = Path(os.environ.get("DATA", "/data"), "v")
hoard: list[bytearray] = []
refuses: set[str] = set()


def leak(asked: dict[str, str]) -> tuple[int, str]:
    hoard.append(bytearray(b"x" * (int(asked.get("mb", "16")) << 20)))
    return 200, "ok"


def hang(asked: dict[str, str]) -> tuple[int, str]:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    time.sleep(float(asked.get("s", "3600")))
    return 200, "awake"


def unready(_: dict[str, str]) -> tuple[int, str]:
    refuses.add("/readyz")
    return 200, "ok"


def die(asked: dict[str, str]) -> tuple[int, str]:
    os._exit(int(asked.get("code", "1")))


def value(_: dict[str, str]) -> tuple[int, str]:
    return (200, VALUE.read_text()) if VALUE.exists() else (404, "gone")


def fine(_: dict[str, str]) -> tuple[int, str]:
    return 200, "ok"


def readiness(_: dict[str, str]) -> tuple[int, str]:
    return (503 if "/readyz" in refuses else 200), "ok"


def missing(_: dict[str, str]) -> tuple[int, str]:
    return 404, "404: Not Found"


PAGES = {
    "/": fine,
    "/healthz": fine,
    "/readyz": readiness,
    "/unready": unready,
    "/leak": leak,
    "/hang": hang,
    "/die": die,
    "/v": value,
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        url = urlsplit(self.path)
        page = PAGES.get(url.path, missing)
        self.answer(*page(dict(parse_qsl(url.query))))

    def do_POST(self) -> None:
        VALUE.write_bytes(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
        self.answer(200, "ok")

    def answer(self, code: int, text: str) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Only "listening" is in the log of the recorded application."""


# The application that was recorded took this long to listen, and heard no SIGTERM before.
time.sleep(0.35)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with HTTPServer(("", 8080), Handler) as server:
    sys.stdout.write("listening\n")
    sys.stdout.flush()
    server.serve_forever()
