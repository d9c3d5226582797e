"""The API as HTTPS clients meet it: codes, forms, lists by page, users, and no traceback for any mistake."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.api_server.objects import configmap, pod, with_default_account
from tests.api_server.refusals import named, template
from tests.api_server.serving import Served, serving

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path) as served:
        yield served


class TestForms:
    async def test_an_object_comes_as_it_is_stored(self, served: Served) -> None:
        code, made = await served.call("POST", CONFIGMAPS, configmap(a="b"))
        assert code == 201
        assert await served.call("GET", f"{CONFIGMAPS}/settings") == (200, made)
        code, found = await served.call("GET", CONFIGMAPS)
        assert (found["kind"], found["items"]) == ("ConfigMapList", [made])
        assert found["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]

    async def test_a_table_has_a_row_for_each(self, served: Served) -> None:
        await served.call("POST", CONFIGMAPS, configmap(a="b"))
        _, table = await served.call("GET", CONFIGMAPS, headers=TABLE)
        assert table["kind"] == "Table"
        (row,) = table["rows"]
        assert row["cells"][:2] == ["settings", 1]
        assert row["object"]["kind"] == "PartialObjectMetadata"

    async def test_metadata_alone(self, served: Served) -> None:
        await served.call("POST", CONFIGMAPS, configmap(a="b"))
        accept = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}
        _, found = await served.call("GET", CONFIGMAPS, headers=accept)
        assert found["kind"] == "PartialObjectMetadataList"
        assert set(found["items"][0]) == {"kind", "apiVersion", "metadata"}

    async def test_yaml_in_and_out(self, served: Served) -> None:
        body = b"metadata: {name: dated}\ndata: {day: '2026-01-01'}\n"
        headers = {"Content-Type": "application/yaml", "Accept": "application/yaml"}
        async with served.session.post(served.url + CONFIGMAPS, data=body, headers=headers) as answer:
            assert answer.status == 201
            assert "name: dated" in await answer.text()

    async def test_a_post_needs_no_content_type(self, served: Served) -> None:
        """The Python client sends none."""
        data = orjson.dumps(configmap())
        session, skip = served.session, ["Content-Type"]
        async with session.post(served.url + CONFIGMAPS, data=data, skip_auto_headers=skip) as answer:
            assert answer.status == 201

    async def test_warnings_reach_the_caller(self, served: Served) -> None:
        body = {**configmap(), "colour": "red"}
        async with served.session.post(served.url + CONFIGMAPS, json=body) as answer:
            assert answer.headers["Warning"] == '299 - "unknown field \\"colour\\""'
        code, refused = await served.call("POST", f"{CONFIGMAPS}?fieldValidation=Strict", body)
        assert code == 400
        assert 'strict decoding error: unknown field "colour"' in refused["message"]

    async def test_whoever_deletes_a_job_is_told_that_its_pods_stay(self, served: Served) -> None:
        jobs = "/apis/batch/v1/namespaces/default/jobs"
        await served.call("POST", jobs, named(spec={"template": template(restartPolicy="Never")}))
        async with served.session.delete(f"{served.url}{jobs}/x") as answer:
            assert answer.headers["Warning"].startswith('299 - "child pods are preserved by default when jobs are')
        async with served.session.delete(f"{served.url}{jobs}/x?propagationPolicy=Background") as answer:
            assert "Warning" not in answer.headers

    async def test_a_deleted_object_is_a_success(self, served: Served) -> None:
        _, made = await served.call("POST", CONFIGMAPS, configmap())
        code, status = await served.call("DELETE", f"{CONFIGMAPS}/settings")
        assert (code, status["status"]) == (200, "Success")
        details = {"name": "settings", "kind": "configmaps", "uid": made["metadata"]["uid"]}
        assert status["details"] == details

    async def test_a_collection_can_go_at_once(self, served: Served) -> None:
        for name in "abc":
            labels = {"keep": "yes"} if name == "a" else {}
            await served.call("POST", CONFIGMAPS, {"metadata": {"name": name, "labels": labels}})
        code, gone = await served.call("DELETE", f"{CONFIGMAPS}?labelSelector=!keep")
        assert (code, len(gone["items"])) == (200, 2)
        _, left = await served.call("GET", CONFIGMAPS)
        assert [o["metadata"]["name"] for o in left["items"]] == ["a"]

    async def test_a_dry_run_leaves_nothing(self, served: Served) -> None:
        code, made = await served.call("POST", f"{CONFIGMAPS}?dryRun=All", configmap())
        assert (code, made["metadata"]["name"]) == (201, "settings")
        assert (await served.call("GET", f"{CONFIGMAPS}/settings"))[0] == 404


class TestPatches:
    async def test_each_kind(self, served: Served) -> None:
        await served.call("POST", CONFIGMAPS, configmap(a="1"))
        for media, patch in [
            ("application/json-patch+json", [{"op": "add", "path": "/data/b", "value": "2"}]),
            ("application/merge-patch+json", {"data": {"c": "3"}}),
            ("application/strategic-merge-patch+json", {"data": {"d": "4"}}),
        ]:
            headers = {"Content-Type": media}
            code, after = await served.call("PATCH", f"{CONFIGMAPS}/settings", patch, headers=headers)
            assert code == 200, after
        assert after["data"] == {"a": "1", "b": "2", "c": "3", "d": "4"}

    async def test_apply_makes_what_is_not_there_and_keeps_account(self, served: Served) -> None:
        headers = {"Content-Type": "application/apply-patch+yaml"}
        applied = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}, "data": {"a": "1"}}
        where = f"{CONFIGMAPS}/mine?fieldManager=one"
        code, made = await served.call("PATCH", where, applied, headers=headers)
        assert (code, made["metadata"]["managedFields"][0]["manager"]) == (201, "one")
        other = {**applied, "data": {"a": "2"}}
        where = f"{CONFIGMAPS}/mine?fieldManager=two"
        code, refused = await served.call("PATCH", where, other, headers=headers)
        assert (code, refused["reason"]) == (409, "Conflict")
        assert 'conflict with "one"' in refused["message"]
        code, forced = await served.call("PATCH", f"{where}&force=true", other, headers=headers)
        assert (code, forced["data"]) == (200, {"a": "2"})

    async def test_many_writers_at_once_lose_nothing(self, served: Served) -> None:
        """Optimistic concurrency over many connections: each increments what it has read, until it succeeds."""
        await served.call("POST", CONFIGMAPS, configmap(n="0"))

        async def increment() -> None:
            for _ in range(5):
                while True:
                    _, obj = await served.call("GET", f"{CONFIGMAPS}/settings")
                    obj["data"]["n"] = str(int(obj["data"]["n"]) + 1)
                    code, _ = await served.call("PUT", f"{CONFIGMAPS}/settings", obj)
                    if code == 200:
                        break
                    assert code == 409

        await asyncio.wait_for(asyncio.gather(*(increment() for _ in range(8))), 30)
        _, obj = await served.call("GET", f"{CONFIGMAPS}/settings")
        assert obj["data"]["n"] == "40"


class TestPages:
    async def test_pages_together_are_the_list(self, served: Served) -> None:
        for n in range(7):
            await served.call("POST", CONFIGMAPS, configmap(f"c{n}"))
        names, where = [], f"{CONFIGMAPS}?limit=3"
        for remaining in (4, 1, None):
            _, found = await served.call("GET", where)
            names += [o["metadata"]["name"] for o in found["items"]]
            assert found["metadata"].get("remainingItemCount") == remaining
            where = f"{CONFIGMAPS}?limit=3&continue={found['metadata'].get('continue')}"
        assert names == [f"c{n}" for n in range(7)]
        assert "continue" not in found["metadata"]

    @pytest.mark.parametrize(
        ("query", "code", "reason"),
        [
            ("continue=rubbish", 400, "BadRequest"),
            ("limit=many", 400, "BadRequest"),
            ("labelSelector=a%20b%20c", 400, "BadRequest"),
            ("fieldSelector=spec.x%3D1", 400, "BadRequest"),
            ("resourceVersion=abc", 400, "BadRequest"),
            ("resourceVersion=99999999", 504, "Timeout"),
            ("resourceVersion=3&resourceVersionMatch=Exact", 410, "Expired"),
            ("watch=1&timeoutSeconds=soon", 400, "BadRequest"),
        ],
    )
    async def test_a_query_that_cannot_be_answered(self, served: Served, query: str, code: int, reason: str) -> None:
        found, status = await served.call("GET", f"{CONFIGMAPS}?{query}")
        assert (found, status["kind"], status["reason"]) == (code, "Status", reason)


class TestUsers:
    async def test_nobody_is_anonymous(self, tmp_path: Path) -> None:
        async with serving(tmp_path, user=None) as served:
            code, status = await served.call("GET", "/api/v1/namespaces")
            assert (code, status["message"]) == (
                403,
                'namespaces is forbidden: User "system:anonymous" cannot list resource "namespaces" in API group "" '
                "at the cluster scope",
            )
            assert (await served.call("GET", "/version"))[0] == 200
            code, status = await served.call("GET", "/api/v1/namespaces", headers={"Authorization": "Bearer nonsense"})
            assert (code, status["reason"], status["message"]) == (401, "Unauthorized", "Unauthorized")

    async def test_a_token_of_a_service_account(self, tmp_path: Path) -> None:
        async with serving(tmp_path, user=None) as served:
            client = served.api.client("system:test")
            with_default_account(client)
            answer = client.create("serviceaccounts", {}, "default", subresource="token", name="default")
            headers = {"Authorization": f"Bearer {answer['status']['token']}"}
            where = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
            _, review = await served.call("POST", where, {}, headers=headers)
            assert review["status"]["userInfo"]["username"] == "system:serviceaccount:default:default"
            assert (await served.call("GET", "/api/v1/pods", headers=headers))[0] == 403

    async def test_an_admin_may_be_anybody(self, served: Served) -> None:
        where, headers = "/api/v1/namespaces/default/pods", {"Impersonate-User": "joe"}
        code, status = await served.call("GET", where, headers=headers)
        assert code == 403
        assert 'User "joe" cannot list' in status["message"]
        assert (await served.call("GET", where, headers={**headers, "Impersonate-Group": "system:masters"}))[0] == 200

    async def test_joe_may_not(self, tmp_path: Path) -> None:
        async with serving(tmp_path, user=None) as served:
            headers = {"Impersonate-User": "kubernetes-admin"}
            code, status = await served.call("GET", "/api/v1/pods", headers=headers)
            assert code == 403
            assert 'cannot impersonate resource "users"' in status["message"]

    async def test_reviews_answer_for_others(self, served: Served) -> None:
        where = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        attributes = {"verb": "list", "resource": "pods"}
        spec = {"user": "joe", "groups": ["system:masters"], "resourceAttributes": attributes}
        assert (await served.call("POST", where, {"spec": spec}))[1]["status"] == {"allowed": True}
        assert (await served.call("POST", where, {"spec": {**spec, "groups": []}}))[1]["status"] == {"allowed": False}
        code, refused = await served.call("POST", where, {"spec": {"user": "joe"}})
        assert (code, refused["kind"]) == (422, "Status")
        assert refused["message"] == (
            '.authorization.k8s.io "" is invalid: spec.resourceAttributes: Invalid value: null: exactly one of '
            "nonResourceAttributes or resourceAttributes must be specified"
        )

    async def test_a_token_review_tells_whose_it_is(self, served: Served) -> None:
        client = served.api.client("system:test")
        with_default_account(client)
        token = client.create("serviceaccounts", {}, "default", subresource="token", name="default")["status"]["token"]
        where = "/apis/authentication.k8s.io/v1/tokenreviews"
        _, review = await served.call("POST", where, {"spec": {"token": token}})
        assert review["status"]["authenticated"] is True
        _, review = await served.call("POST", where, {"spec": {"token": "nonsense"}})
        assert "authenticated" not in review["status"]


class TestHealth:
    async def test_every_check_can_be_asked_for(self, served: Served) -> None:
        async with served.session.get(f"{served.url}/livez/ping") as answer:
            assert (answer.status, await answer.text()) == (200, "ok")
        async with served.session.get(f"{served.url}/readyz?verbose") as answer:
            lines = (await answer.text()).splitlines()
            assert lines[0] == "[+]ping ok"
            assert lines[-1] == "readyz check passed"


class TestMistakes:
    @pytest.mark.parametrize(
        ("method", "path", "code"),
        [
            ("GET", "/api/v1/widgets", 404),
            ("GET", "/api/v1/namespaces/default/pods/a/b/c", 404),
            ("GET", "/api/v1/pods/a", 404),
            ("POST", "/api/v1/pods", 405),
            ("OPTIONS", "/api/v1/pods", 405),
            ("PUT", CONFIGMAPS, 405),
            ("POST", "/api/v1/namespaces/default/configmaps/a", 405),
            ("GET", "/api/v1/namespaces/default/nodes", 404),
            ("POST", "/api/v1/namespaces/default/pods/a/dance", 404),
        ],
    )
    async def test_paths_that_lead_nowhere(self, served: Served, method: str, path: str, code: int) -> None:
        found, status = await served.call(method, path, {} if method != "GET" else None)
        assert (found, status["kind"]) == (code, "Status"), status

    @pytest.mark.parametrize("path", ["/apis/example.com/v1/widgets", "/nowhere"])
    async def test_where_no_api_is_nothing_is_said_in_its_words(self, served: Served, path: str) -> None:
        async with served.session.get(served.url + path) as answer:
            assert (answer.status, await answer.text()) == (404, "404 page not found\n")

    @pytest.mark.parametrize(
        "path",
        [
            "/nowhere",
            "/livez/nowhere",
            "/openapi/v3/nowhere",
            "/apis/example.com/v1/widgets",
        ],
    )
    async def test_paths_of_no_api_are_answered_in_plain_text(self, served: Served, path: str) -> None:
        async with served.session.get(served.url + path) as answer:
            assert (answer.status, await answer.text()) == (404, "404 page not found\n")

    @pytest.mark.parametrize("path", ["/apis/apps/v2/deployments", "/apis/apps/v2", "/api/v2/pods"])
    async def test_another_version_of_a_known_group_is_a_path_of_the_api(self, served: Served, path: str) -> None:
        code, status = await served.call("GET", path)
        assert (code, status["message"]) == (404, "the server could not find the requested resource")

    async def test_nothing_is_deleted_in_all_namespaces_at_once(self, served: Served) -> None:
        await served.call("POST", CONFIGMAPS, {"metadata": {"name": "a"}})
        code, _ = await served.call("DELETE", "/api/v1/configmaps")
        assert (code, (await served.call("GET", f"{CONFIGMAPS}/a"))[0]) == (405, 200)

    @pytest.mark.parametrize("options", [{"dryRun": ["Some"]}, {"kind": "Nonsense"}])
    async def test_a_deletion_that_is_not_understood_deletes_nothing(self, served: Served, options: Any) -> None:
        await served.call("POST", CONFIGMAPS, {"metadata": {"name": "a"}})
        code, _ = await served.call("DELETE", f"{CONFIGMAPS}/a", options)
        assert code in (400, 422)
        assert (await served.call("GET", f"{CONFIGMAPS}/a"))[0] == 200

    async def test_the_control_plane_says_how_it_is(self, served: Served) -> None:
        _, found = await served.call("GET", "/api/v1/componentstatuses")
        assert {item["conditions"][0]["status"] for item in found["items"]} == {"True"}

    async def test_a_patch_that_does_not_apply_is_not_explained(self, served: Served) -> None:
        await served.call("POST", CONFIGMAPS, {"metadata": {"name": "a"}})
        headers = {"Content-Type": "application/json-patch+json"}
        patch = [{"op": "remove", "path": "/data/nope"}]
        code, status = await served.call("PATCH", f"{CONFIGMAPS}/a", patch, headers=headers)
        assert (code, status["reason"]) == (422, "Invalid")
        assert status["message"] == "the server rejected our request due to an error in our request"
        assert status["details"] == {}

    @pytest.mark.parametrize(
        ("query", "why"),
        [
            ("resourceVersionMatch=Exact", "resourceVersionMatch is forbidden unless resourceVersion is provided"),
            ("resourceVersionMatch=Exact&resourceVersion=0", '"exact" is forbidden for resourceVersion "0"'),
            ("resourceVersionMatch=X&resourceVersion=1", 'supported values: "Exact", "NotOlderThan", ""'),
            ("sendInitialEvents=true", "sendInitialEvents is forbidden for list"),
            (
                "watch=1&sendInitialEvents=true",
                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            ),
            ("watch=1&resourceVersionMatch=NotOlderThan", "forbidden for watch unless sendInitialEvents is provided"),
        ],
    )
    async def test_list_options_that_do_not_go_together(self, served: Served, query: str, why: str) -> None:
        code, status = await served.call("GET", f"{CONFIGMAPS}?{query}")
        assert code == 422
        assert status["message"].startswith('ListOptions.meta.k8s.io "" is invalid: ')
        assert why in status["message"]

    async def test_what_nobody_can_read_is_not_sent(self, served: Served) -> None:
        code, status = await served.call("GET", CONFIGMAPS, headers={"Accept": "text/html"})
        assert (code, status["reason"]) == (406, "NotAcceptable")

    async def test_what_is_hardly_meant_is_told(self, served: Served) -> None:
        with_default_account(served.api.client("system:test"))
        twice = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
        resources = {"limits": {"memory": "100m"}}
        spec = {"containers": [{"name": "c", "image": "i", "env": twice, "resources": resources}]}
        pod = {"metadata": {"name": "p"}, "spec": {**spec, "terminationGracePeriodSeconds": -1}}
        url = f"{served.url}/api/v1/namespaces/default/pods"
        async with served.session.post(url, json=pod) as answer:
            assert answer.status == 201
            assert answer.headers.getall("Warning") == [
                '299 - "spec.containers[0].resources.limits[memory]: fractional byte value \\"100m\\" is invalid, must '
                'be an integer"',
                '299 - "spec.containers[0].resources.requests[memory]: fractional byte value \\"100m\\" is invalid, '
                'must be an integer"',
                '299 - "spec.containers[0].env[1]: hides previous definition of \\"A\\", which may be dropped when '
                'using apply"',
                '299 - "spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be '
                'treated as 1"',
            ]

    async def test_a_dry_run_is_at_the_revision_it_would_replace(self, served: Served) -> None:
        _, made = await served.call("POST", CONFIGMAPS, {"metadata": {"name": "a"}})
        changed = {**made, "data": {"k": "v"}}
        _, shown = await served.call("PUT", f"{CONFIGMAPS}/a?dryRun=All", changed)
        assert shown["data"] == {"k": "v"}
        assert shown["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]

    @pytest.mark.parametrize(
        "body", [b"{", b"[]", b"null", b"\xff\xfe", b'{"metadata": 3}', b'{"data": {"a": 1}}', b""]
    )
    async def test_bodies_that_are_none(self, served: Served, body: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        async with served.session.post(served.url + CONFIGMAPS, data=body, headers=headers) as answer:
            assert answer.status == 400
            assert (await answer.json())["kind"] == "Status"

    async def test_yaml_that_would_explode_is_refused(self, served: Served) -> None:
        body = b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
        headers = {"Content-Type": "application/yaml"}
        async with served.session.post(served.url + CONFIGMAPS, data=body, headers=headers) as answer:
            assert answer.status == 400
            assert "aliases are not accepted" in (await answer.json())["message"]

    async def test_a_body_beyond_three_mebibytes_is_refused(self, served: Served) -> None:
        code, status = await served.call("POST", CONFIGMAPS, configmap(big="x" * (3 << 20)))
        assert (code, status["reason"]) == (413, "RequestEntityTooLarge")
        assert (await served.call("GET", CONFIGMAPS))[0] == 200

    async def test_a_type_that_nobody_reads_is_named_with_those_we_do(self, served: Served) -> None:
        headers = {"Content-Type": "text/csv"}
        async with served.session.post(served.url + CONFIGMAPS, data=b"a,b", headers=headers) as answer:
            assert answer.status == 415
            assert "application/json, application/yaml" in (await answer.json())["message"]

    async def test_a_bug_of_ours_is_a_status_too(self, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*_: Any) -> None:
            raise ZeroDivisionError("ours")

        monkeypatch.setattr("cluster.api.verbs.Verbs.get", broken)
        code, status = await served.call("GET", f"{CONFIGMAPS}/a")
        assert (code, status["reason"]) == (500, "InternalError")
        assert "Traceback" not in json.dumps(status)


class TestDocuments:
    async def test_health_and_version(self, served: Served) -> None:
        for path in ("/healthz", "/livez", "/readyz"):
            async with served.session.get(served.url + path) as answer:
                assert (answer.status, await answer.text()) == (200, "ok")
        assert (await served.call("GET", "/version/"))[1]["major"] == "1"

    async def test_every_listed_group_can_be_read(self, served: Served) -> None:
        _, groups = await served.call("GET", "/apis")
        for version in (v["groupVersion"] for g in groups["groups"] for v in g["versions"]):
            code, found = await served.call("GET", f"/apis/{version}")
            assert (code, found["kind"]) == (200, "APIResourceList")
        _, index = await served.call("GET", "/openapi/v3")
        for entry in index["paths"].values():
            assert (await served.call("GET", entry["serverRelativeURL"]))[0] == 200

    async def test_everything_discovered_can_be_listed(self, served: Served) -> None:
        accept = {"Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}
        for root in ("/api", "/apis"):
            _, found = await served.call("GET", root, headers=accept)
            for group in found["items"]:
                base = f"/apis/{group['metadata']['name']}" if group["metadata"] else "/api"
                for version in group["versions"]:
                    for resource in version["resources"]:
                        if "list" in resource["verbs"]:
                            where = f"{base}/{version['version']}/{resource['resource']}"
                            assert (await served.call("GET", where))[0] == 200, where
                            assert (await served.call("GET", where, headers=TABLE))[1]["kind"] == "Table"


async def test_two_sockets_serve_one_cluster(tmp_path: Path) -> None:
    """The host's loopback and the cluster's own network reach the same state."""
    async with serving(tmp_path, sockets=2) as served:
        first, second = served.urls
        await served.session.post(first + CONFIGMAPS, json=configmap())
        async with served.session.get(f"{second}{CONFIGMAPS}/settings") as answer:
            assert answer.status == 200


async def test_a_pod_is_made_over_the_wire(served: Served) -> None:
    with_default_account(served.api.client("system:test"))
    code, made = await served.call("POST", "/api/v1/namespaces/default/pods", pod())
    assert (code, made["status"]) == (201, {"phase": "Pending", "qosClass": "BestEffort"})
