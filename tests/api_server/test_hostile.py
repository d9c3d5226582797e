"""Whatever is sent, the answer is a Status or an answer, and never a bug of ours."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api_server.objects import running_pod, with_default_account
from tests.api_server.serving import Served, serving


class Loop:
    """One served API for all the examples of a test."""

    def __init__(self, folder: Path) -> None:
        self._runner = asyncio.Runner()
        self._serving = serving(folder)
        self.served: Served = self.run(self._serving.__aenter__())
        client = self.served.api.client("system:test")
        with_default_account(client)
        running_pod(client)

    def run(self, coroutine: Any) -> Any:
        return self._runner.run(asyncio.wait_for(coroutine, 10))

    def close(self) -> None:
        self.run(self._serving.__aexit__(None, None, None))
        self._runner.close()

    def send(self, method: str, path: str, body: bytes, media: str) -> tuple[int, bytes]:
        async def sending() -> tuple[int, bytes]:
            session, headers = self.served.session, {"Content-Type": media}
            async with session.request(method, self.served.url + path, data=body, headers=headers) as answer:
                return answer.status, await answer.read()

        return self.run(sending())  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    loop = Loop(tmp_path_factory.mktemp("api"))
    yield loop
    loop.close()


WORDS = st.sampled_from(
    [
        *("api", "apis", "v1", "apps", "namespaces", "default", "pods", "web", "deployments", "status", "scale"),
        *("binding", "eviction", "proxy", "log", "exec", "token", "serviceaccounts", "configmaps", "finalize"),
        *("authorization.k8s.io", "selfsubjectaccessreviews", "selfsubjectrulesreviews", "tokenreviews", "..", "%2e"),
        *("openapi", "v3", "version", "policy", "poddisruptionbudgets", "events.k8s.io", "events", ""),
    ]
)
PARAMETERS = st.sampled_from(
    [
        *("limit", "continue", "labelSelector", "fieldSelector", "resourceVersion", "resourceVersionMatch", "dryRun"),
        *("gracePeriodSeconds", "propagationPolicy", "fieldValidation", "fieldManager", "force", "includeObject"),
        *("container", "tailLines", "sinceSeconds", "command", "ports"),
    ]
)
VALUES = st.sampled_from(["", "0", "1", "-1", "true", "All", "a=b", "a in (b", "\x00", "ü", "9" * 30]) | st.text(
    max_size=8
)
QUERIES = st.lists(st.tuples(PARAMETERS, VALUES), max_size=3)
METHODS = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
MEDIA = st.sampled_from(
    [
        *("application/json", "application/yaml", "application/vnd.kubernetes.protobuf", "text/plain", ""),
        *("application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json"),
        "application/apply-patch+yaml",
    ]
)
KEYS = st.sampled_from(
    [
        *("metadata", "spec", "status", "name", "namespace", "labels", "containers", "image", "template", "selector"),
        *("matchLabels", "replicas", "ports", "kind", "apiVersion", "resources", "limits", "cpu", "volumes", "data"),
        *("finalizers", "op", "path", "value", "$patch", "resourceAttributes", "target", "deleteOptions", "uid"),
        *("tolerations", "affinity", "initContainers", "env", "securityContext", "managedFields", "ownerReferences"),
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6) | KEYS
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
RESOURCES = st.sampled_from(
    [
        *("/api/v1/namespaces/default/pods", "/api/v1/namespaces/default/services", "/api/v1/nodes"),
        *("/apis/apps/v1/namespaces/default/deployments", "/apis/apps/v1/namespaces/default/statefulsets"),
        *("/apis/batch/v1/namespaces/default/cronjobs", "/apis/policy/v1/namespaces/default/poddisruptionbudgets"),
        *("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", "/apis/rbac.authorization.k8s.io/v1/clusterroles"),
        *("/api/v1/namespaces/default/limitranges", "/api/v1/namespaces/default/resourcequotas"),
        *("/apis/networking.k8s.io/v1/namespaces/default/networkpolicies", "/api/v1/namespaces/default/events"),
        *("/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers", "/api/v1/persistentvolumes"),
    ]
)
RELAXED = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


def check(status: int, body: bytes) -> None:
    # A strategic merge patch that lacks a merge key is a 500 without a reason in Kubernetes too.
    assert b"InternalError" not in body, body
    if status >= 400 and body and body != b"404 page not found\n":
        refused = orjson.loads(body)
        assert (refused["kind"], refused["code"]) == ("Status", status)
        assert b"Traceback" not in body


@RELAXED
@given(METHODS, st.lists(WORDS, max_size=8), QUERIES, MEDIA, st.binary(max_size=20))
def test_any_path(
    loop: Loop, method: str, words: list[str], query: list[tuple[str, str]], media: str, body: bytes
) -> None:
    asked = "&".join(f"{name}={quote(value)}" for name, value in query)
    check(*loop.send(method, f"/{'/'.join(words)}?{asked}", body, media))


@RELAXED
@given(RESOURCES, JSON, st.sampled_from(["application/json", "application/yaml"]))
def test_any_object(loop: Loop, path: str, obj: Any, media: str) -> None:
    check(*loop.send("POST", f"{path}?dryRun=All", json.dumps(obj).encode(), media))


@RELAXED
@given(RESOURCES, st.dictionaries(KEYS, JSON, max_size=3))
def test_any_spec(loop: Loop, path: str, spec: Any) -> None:
    obj = {"metadata": {"name": "fuzz"}, "spec": spec}
    check(*loop.send("POST", f"{path}?dryRun=All", json.dumps(obj).encode(), "application/json"))


@RELAXED
@given(MEDIA, JSON, st.sampled_from(["", "/status"]))
def test_any_patch(loop: Loop, media: str, patch: Any, subresource: str) -> None:
    path = f"/api/v1/namespaces/default/pods/web{subresource}?dryRun=All&fieldManager=fuzz"
    check(*loop.send("PATCH", path, json.dumps(patch).encode(), media))


@RELAXED
@given(st.sampled_from(["binding", "eviction", "status"]), JSON)
def test_any_subresource_body(loop: Loop, subresource: str, body: Any) -> None:
    path = f"/api/v1/namespaces/default/pods/web/{subresource}?dryRun=All"
    check(*loop.send("POST" if subresource != "status" else "PUT", path, json.dumps(body).encode(), "application/json"))


@RELAXED
@given(JSON, st.sampled_from(["selfsubjectaccessreviews", "subjectaccessreviews", "selfsubjectrulesreviews"]))
def test_any_review(loop: Loop, spec: Any, kind: str) -> None:
    path = f"/apis/authorization.k8s.io/v1/{kind}"
    check(*loop.send("POST", path, json.dumps({"spec": spec}).encode(), "application/json"))
