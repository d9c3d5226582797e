"""A service of many moods on a loopback port."""

import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any


class Moods(BaseHTTPRequestHandler):
    """Each path behaves as it is called."""

    protocol_version = "HTTP/1.1"
    server: "Service"

    def do_GET(self) -> None:
        {"/hang": self._hang, "/reset": self._reset, "/drip": self._drip}.get(self.path, self._answer)()

    def _answer(self) -> None:
        if self.path == "/slow":
            time.sleep(0.3)
        body = f"{next(self.server.answers)} {self.headers.get('Cookie', 'no cookie')}".encode()
        self.send_response(503 if self.path == "/503" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Set-Cookie", "seen=yes")
        self.end_headers()
        self.wfile.write(body)
        self.server.cookies.add(self.headers.get("Cookie", ""))
        self.server.clients.append(self.client_address)

    def _hang(self) -> None:
        self.server.over.wait(20)
        self.close_connection = True

    def _drip(self) -> None:
        """Always alive, never done: only a limit on the whole request ends it."""
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        while not self.server.over.wait(0.1):
            self.wfile.write(b".")
            self.wfile.flush()

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Service(ThreadingHTTPServer):
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Moods)
        self.over = threading.Event()
        self.answers = count(1)
        self.cookies: set[str] = set()
        self.clients: list[tuple[str, int]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that give up are what these tests are about."""
