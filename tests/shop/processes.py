"""The shop as plain processes on loopback."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

APPS = Path(__file__).parents[2] / "scenarios" / "apps"


@dataclass(frozen=True)
class App:
    """A running app."""

    process: "subprocess.Popen[str]"
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: Any = None, timeout: float = 5.0) -> tuple[int, str]:
        """Status and body. Raises TimeoutError."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def json(self, method: str, path: str, body: Any = None) -> Any:
        status, text = self.ask(method, path, body)
        assert status < 300, text
        return json.loads(text)


@contextmanager
def running(name: str, **env: str) -> Iterator[App]:
    """An app on a free port, once it listens."""
    process = subprocess.Popen(
        [sys.executable, str(APPS / f"{name}.py")],
        env={**os.environ, "PORT": "0", **env},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        said = (json.loads(line) for line in process.stdout)
        yield App(process, next(line["port"] for line in said if line["message"] == "listening"))
    finally:
        process.kill()
        process.communicate(timeout=5)


@dataclass(frozen=True)
class Shop:
    storefront: App
    catalog: App
    store: App
