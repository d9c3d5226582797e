"""An HTTP/1.1 server: a thread for each connection, every request answered, a calm end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import socketserver
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from service import Refusal, Reply, Request, Service, as_json
from telemetry import log

BODY_BYTES_MAX = 65536
SLOW_SECONDS = 0.25
# Endpoints lose a terminating pod a moment after it is told to stop; until then connections still arrive.
LINGER_SECONDS = 0.5


class Handler(BaseHTTPRequestHandler):
    """One connection. Errors become answers; nothing of the inside is shown to clients."""

    protocol_version = "HTTP/1.1"
    wbufsize = 65536
    disable_nagle_algorithm = True
    timeout = 30
    server: Server

    def do_GET(self) -> None:
        service, began = self.server.service, time.monotonic()
        service.begin()
        route, reply = self._answer(service)
        self._send(reply)
        seconds = time.monotonic() - began
        service.end(route, reply.status, seconds)
        if reply.status >= 500 or seconds > SLOW_SECONDS:
            log("warning", "request", route=route, status=reply.status, seconds=round(seconds, 4))
        if reply.then:
            reply.then()

    do_POST = do_GET  # noqa: N815 -- http.server finds methods by this name

    def _answer(self, service: Service) -> tuple[str, Reply]:
        url, route = urlsplit(self.path), "none"
        try:
            body = self._body()
            route, item = service.find(self.command, url.path)
            return route, service.routes[route](Request(url.path, item, dict(parse_qsl(url.query)), body))
        except Refusal as refusal:
            return route, as_json({"error": str(refusal)}, refusal.status)
        except Exception as error:  # noqa: BLE001 -- one bad request must not end the connection without an answer
            log("error", "unexpected", route=route, error=repr(error))
            return route, as_json({"error": "internal error"}, 500)

    def _body(self) -> bytes:
        size = self.headers.get("Content-Length", "0")
        if not size.isdigit() or int(size) > BODY_BYTES_MAX or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            raise Refusal(413, f"a body has at most {BODY_BYTES_MAX} bytes and says how many")
        return self.rfile.read(int(size))

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        if self.server.stopping or self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(reply.body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: requests are counted; those that failed or were slow are logged where they end."""


class Server(socketserver.ThreadingTCPServer):
    """Listens, and when told to stop finishes what was begun."""

    allow_reuse_address = True
    request_queue_size = 512

    def __init__(self, service: Service, port: int) -> None:
        self.service = service
        self.stopping = False
        self._open: set[socket.socket] = set()
        super().__init__(("", port), Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 -- the base class's signature
        log("info", "connection lost", client=str(client_address), error=repr(sys.exc_info()[1]))

    def stop(self) -> None:
        """Serve what still comes for a moment, then close. `server_close` waits for the threads."""
        self.stopping = True
        time.sleep(LINGER_SECONDS)
        self.shutdown()
        for connection in list(self._open):
            # Ends the wait for a next request on a kept connection; an answer on its way still leaves.
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RD)


def run(service: Service) -> None:
    """Serve on $PORT (8080) until SIGTERM or SIGINT."""
    with Server(service, int(os.environ.get("PORT", "8080"))) as server:
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, lambda *_: threading.Thread(target=server.stop).start())
        log("info", "listening", app=service.name, port=server.server_address[1])
        server.serve_forever(poll_interval=0.1)
    log("info", "stopped", app=service.name)
