"""Every path that is no resource: health, version, discovery, OpenAPI."""

from collections.abc import Mapping

from aiohttp import web

from cluster.api.answers import Form, encode
from cluster.api.resource import Resource
from cluster.client import Obj

VERSION = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.2+seawall",
    "gitCommit": "",
    "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "linux/amd64",
}
"""What this API speaks: the version whose recordings it is measured against."""
_HEALTH = frozenset({"/healthz", "/livez", "/readyz"})


def answer_path(resources: Mapping[str, Resource], path: str, form: Form) -> web.Response:
    """404 for a path that nothing is at."""
    if path in _HEALTH:
        return web.Response(text="ok")
    document = _document(resources, path, form)
    if document is None:
        return web.Response(status=404, text="404 page not found\n")
    return web.Response(body=encode(document, Form(form.media)), content_type=form.media)


def _document(resources: Mapping[str, Resource], path: str, form: Form) -> Obj | None:
    if path.rstrip("/") == "/version":
        return VERSION
    return None
