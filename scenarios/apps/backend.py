"""Calls to the other apps of the shop: by Service name, always with a time-out."""

from __future__ import annotations

import json
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from service import Refusal

TIMEOUT_SECONDS = 0.4


def call(base: str, method: str, path: str, body: Any = None) -> Any:
    """The answer's JSON. Raises Refusal: 404, 504 not in time, 503 not reachable, 502 any other refusal."""
    url = urlsplit(base)
    connection = HTTPConnection(url.hostname or "", url.port or 80, timeout=TIMEOUT_SECONDS)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        response = connection.getresponse()
        content = response.read()
    except TimeoutError:
        raise Refusal(504, f"{url.hostname} did not answer within {TIMEOUT_SECONDS} s") from None
    except (OSError, HTTPException) as error:
        raise Refusal(503, f"{url.hostname} is not reachable: {error}") from None
    finally:
        connection.close()
    if response.status >= 400:
        raise Refusal(404 if response.status == 404 else 502, f"{url.hostname} answered {response.status}")
    return json.loads(content)
