"""The HTTP face: from a request to a user, a verb and an answer. Every refusal leaves as `kind: Status`."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal

from aiohttp import web

from cluster.api import bodies, patching, watch
from cluster.api.answers import JSON, Form, View, encode, include_object, negotiate
from cluster.api.auth import impersonate
from cluster.api.context import User
from cluster.api.core import Core
from cluster.api.decode import decode_as
from cluster.api.deletion import DeleteOptions, parse_delete_options
from cluster.api.errors import NoPage, no_route, not_allowed, status
from cluster.api.field_errors import forbidden, not_supported, wrong_options
from cluster.api.pages import page
from cluster.api.paths import Paths, healthy
from cluster.api.proxy import Proxy
from cluster.api.requests import ListOptions, Target, is_true, parse_list_options, parse_target
from cluster.api.resource import Resource
from cluster.api.reviews import REVIEWS, Reviewer, answer
from cluster.api.rules import Attributes
from cluster.api.selection import Selection, select
from cluster.api.streams import Streams
from cluster.api.verbs import WriteOptions
from cluster.client import ApiError, BadRequest, Gone, Obj
from cluster.config import API_ADDRESS, API_PORT
from cluster.store import Entry

log = logging.getLogger(__name__)

WATCH_SECONDS = 1800
"""How long a watch lasts that names no time."""
_SLOW_SECONDS = 1.0
_ORPHANED = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set "
    "propagationPolicy=Orphan to suppress this warning"
)
_ACROSS_NAMESPACES = frozenset({"list", "watch", "deletecollection"})
_VALIDATION: dict[str, Literal["Strict", "Warn", "Ignore"]] = {
    "": "Warn",
    "Warn": "Warn",
    "Strict": "Strict",
    "Ignore": "Ignore",
}
_OPTIONS = {"create": "CreateOptions", "update": "UpdateOptions", "patch": "PatchOptions"}
"""What Kubernetes calls the query of each verb."""
_SHOWN_ENDED = frozenset(
    {
        *("pods", "podtemplates", "persistentvolumes", "persistentvolumeclaims", "resourcequotas", "serviceaccounts"),
        "storageclasses.storage.k8s.io",
    }
)
"""Kinds of which a DELETE answers with the object as it was, where others answer with a Status."""
_SENT = {"scale": "Scale", "eviction": "Eviction", "binding": "Binding", "token": "TokenRequest"}
"""What is sent to subresources that are kinds of their own."""


class Front:
    """Handles every request of one API server."""

    def __init__(self, core: Core, proxy: Proxy, streams: Streams) -> None:
        self.core = core
        self.proxy = proxy
        self.streams = streams
        self.paths = Paths(core.cluster.resources.served, f"{API_ADDRESS}:{API_PORT}")
        self.reviewer = Reviewer(core.authorizer, core.authenticator, core.cluster.clock)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._answer(request)
        except NoPage as error:
            return web.Response(text=f"{error.message}\n", status=error.code)
        except ApiError as error:
            return _refusal(error)
        except web.HTTPRequestEntityTooLarge:
            message = f"Request entity too large: limit is {bodies.LIMIT_BYTES}"
            return _refusal(ApiError(message, code=413, reason="RequestEntityTooLarge"))
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception as error:
            log.exception("%s %s", request.method, request.path)
            return _refusal(ApiError(f"Internal error occurred: {error!r}"))

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        user = self._user(request)
        target = parse_target(request.method, request.path, request.query)
        if target is None:
            return self._path(request, user)
        self.core.authorizer.check(user, _asked(target))
        if target.key in REVIEWS:
            return await self._review(request, user, target)
        call = _Call(self, request, user, target)
        try:
            return await call.answer()
        except NoPage:
            raise
        except ApiError as error:
            return _warned(_refusal(error), call.warnings)

    def _user(self, request: web.BaseRequest) -> User:
        transport, now = request.transport, self.core.cluster.clock()
        certificate = transport.get_extra_info("peercert") if transport else None
        raw = transport.get_extra_info("ssl_object").getpeercert(binary_form=True) if transport and certificate else b""
        user = self.core.authenticator.user(request.headers, certificate, now, raw)
        return impersonate(user, request.headers, self.core.authorizer)

    async def _review(self, request: web.BaseRequest, user: User, target: Target) -> web.Response:
        if target.verb != "create":
            raise not_allowed()
        kind = REVIEWS[target.key][0]
        body = bodies.parse_body(await request.read(), request.headers.get("Content-Type", ""), kind)
        found = answer(self.reviewer, target.key, user, target.namespace, body)
        return web.Response(body=encode(found, Form()), status=201, content_type=JSON)

    def _path(self, request: web.BaseRequest, user: User) -> web.Response:
        verb = {"GET": "get", "HEAD": "get"}.get(request.method, request.method.lower())
        self.core.authorizer.check(user, Attributes(verb=verb, path=request.path))
        if health := healthy(request.path, verbose="verbose" in request.query):
            return web.Response(text=health)
        body, content_type = self.paths.document(request.path, request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})


class _Call:
    """One request on a resource, by somebody who may."""

    def __init__(self, front: Front, request: web.BaseRequest, user: User, target: Target) -> None:
        self.front = front
        self.request = request
        self.query = request.query
        self.user = user
        self.target = target
        self.verbs = front.core.verbs
        self.resource = self._resource()
        self.warnings = [self.resource.deprecated] if self.resource.deprecated else []

    async def answer(self) -> web.StreamResponse:
        target = self.target
        if target.subresource:
            return await self._subresource()
        match target.verb:
            case "get":
                return self._ok(self._view().one(self.verbs.get(self.resource, target.namespace, target.name)))
            case "list":
                return self._list()
            case "watch":
                return await self._watch()
            case "create":
                return await self._create()
            case "update" | "patch":
                return await self._edit()
            case "delete":
                return await self._delete()
            case "deletecollection":
                return await self._delete_all()
        raise not_allowed()

    def _resource(self) -> Resource:
        found = self.verbs.cluster.resources.get(self.target.key, self.target.version)
        if found is None:
            raise no_route() if self._is_served() else NoPage()
        if self.target.namespace and not found.namespaced:
            raise no_route()
        if not (self.target.subresource or self.target.verb in found.verbs):
            raise not_allowed()
        if self.target.verb == "deletecollection" and found.namespaced and not self.target.namespace:
            raise not_allowed()
        if self.target.verb not in _ACROSS_NAMESPACES and found.namespaced and not self.target.namespace:
            raise no_route() if self.target.name else not_allowed()
        return found

    def _is_served(self) -> bool:
        """Whether anything of the path's API group is served here, in whichever version."""
        return any(kind.group == self.target.group for kind in self.verbs.cluster.resources.served())

    def _list(self) -> web.Response:
        options = parse_list_options(self.query)
        entries = self.verbs.select(self._selection(options))
        return self._ok(self._view().many(page(entries, options, self.verbs.cluster.store.revision)))

    async def _watch(self) -> web.StreamResponse:
        options = parse_list_options(self.query)
        selection, store = self._selection(options), self.verbs.cluster.store
        response = web.StreamResponse(headers={"Content-Type": JSON, "Cache-Control": "no-cache, private"})
        response.enable_chunked_encoding()
        try:
            begun = watch.begin(self.verbs, selection, options)
        except Gone as error:
            await response.prepare(self.request)
            await response.write(watch.error_line(error))
            return response
        seconds = float(WATCH_SECONDS if options.timeout_seconds is None else options.timeout_seconds)
        try:
            await response.prepare(self.request)
            async for lines in watch.lines(store, begun, self._render, seconds):
                await _write(response, lines, begun)
        except Gone as error:
            log.info("watch of %s by %s cut off: %s", selection.resource.key, self.user.name, error)
            if self.request.transport:
                self.request.transport.abort()
        finally:
            watch.end(store, begun)
        return response

    def _render(self, entry: Entry) -> bytes:
        return self._view().one(entry)

    async def _create(self) -> web.Response:
        if self.target.name:
            raise not_allowed()
        entry = self.verbs.create(self.resource, self.target.namespace, await self._body(), self._options())
        return self._ok(self._view().one(entry), 201)

    async def _edit(self) -> web.Response:
        name, namespace = self.target.name, self.target.namespace
        if not name:
            raise not_allowed()
        if self.target.verb == "update":
            body = await self._body()
            entry = self.verbs.edit(self.resource, namespace, name, lambda _: body, self._options())
            return self._ok(self._view().one(entry))
        patch = await self._patch()
        options = replace(self._options(), is_apply=patch.is_apply)
        if patch.is_apply and self.verbs.cluster.store.get(self.resource.key, namespace, name) is None:
            self.front.core.authorizer.check(self.user, _asked(self.target, "create"))
            new = _named(patch.edit({}), name)
            return self._ok(self._view().one(self.verbs.create(self.resource, namespace, new, options)), 201)
        return self._ok(self._view().one(self.verbs.edit(self.resource, namespace, name, patch.edit, options)))

    async def _delete(self) -> web.Response:
        options = await self._delete_options()
        deleted = self.verbs.delete(self.resource, self.target.namespace, self.target.name, options, self.user)
        if deleted.gone and self.resource.key not in _SHOWN_ENDED:
            return self._ok(encode(_deleted(self.resource, deleted.entry), self._view().form))
        return self._ok(self._view().one(deleted.entry))

    async def _delete_all(self) -> web.Response:
        query = parse_list_options(self.query)
        options = await self._delete_options()
        found = page(self.verbs.select(self._selection(query)), query, self.verbs.cluster.store.revision)
        self.verbs.delete_all(self.resource, found.entries, options, self.user)
        return self._ok(self._view().many(found))

    async def _subresource(self) -> web.StreamResponse:
        target = self.target
        match target.subresource:
            case "log" if target.key == "pods":
                if target.verb != "get":
                    raise not_allowed()
                return await self.front.streams.log(self.request, target)
            case "exec" | "attach" | "portforward" if target.key == "pods":
                return await self.front.streams.connect(self.request, target)
            case "proxy" if target.key == "nodes":
                return self.front.streams.kubelet(self.request, target)
            case "proxy" if target.key in ("pods", "services"):
                return await self.front.proxy.forward(self.request, target)
        return await self._plain_subresource()

    async def _plain_subresource(self) -> web.Response:
        target, subresources = self.target, self.front.core.subresources
        where = (self.resource, target.subresource, target.namespace, target.name)
        subresources.check_verb(self.resource, target.subresource, target.verb)
        match target.verb:
            case "get":
                return self._ok(self._view().of(subresources.get(*where)))
            case "create":
                return self._ok(self._view().of(subresources.create(*where, await self._body(), self._options())), 201)
            case "update":
                body = await self._body()
                return self._ok(self._view().of(subresources.edit(*where, lambda _: body, self._options())))
            case "patch":
                patch = await self._patch()
                options = replace(self._options(), is_apply=patch.is_apply)
                return self._ok(self._view().of(subresources.edit(*where, patch.edit, options)))
        raise not_allowed()

    async def _delete_options(self) -> DeleteOptions:
        sent = await self._body(optional=True)
        if sent.get("kind", "DeleteOptions") != "DeleteOptions":
            what = f'no kind "{sent["kind"]}" is registered for version "{sent.get("apiVersion", "")}"'
            raise BadRequest(f'{what} in scheme "pkg/apis/meta/internalversion/scheme/register.go:27"')
        body, _ = decode_as("meta.DeleteOptions", "DeleteOptions", sent)
        options = parse_delete_options(body, dict(self.query))
        if self.resource.key == "jobs.batch" and options.propagation is None:
            self.warnings.append(_ORPHANED)
        return options

    async def _body(self, *, optional: bool = False) -> Obj:
        raw = await self.request.read()
        if optional and not raw:
            return {}
        return bodies.parse_body(raw, self.request.headers.get("Content-Type", ""), self._kind_sent())

    def _kind_sent(self) -> str:
        return _SENT.get(self.target.subresource, self.resource.kind)

    async def _patch(self) -> patching.Patch:
        sent = patching.Sent(
            resource=self.resource,
            subresource=self.target.subresource,
            body=await self.request.read(),
            query=self.query,
            now=self.verbs.cluster.clock(),
        )
        return patching.parse_patch(sent, self.request.headers.get("Content-Type", ""))

    def _options(self) -> WriteOptions:
        validation = self.query.get("fieldValidation", "")
        kind = _OPTIONS.get(self.target.verb, "CreateOptions")
        if is_true(self.query.get("force")) and not self._is_apply():
            raise wrong_options(kind, forbidden("force", "may not be specified for non-apply patch"))
        if validation not in _VALIDATION:
            raise wrong_options(kind, not_supported("fieldValidation", validation, _VALIDATION))
        return WriteOptions(
            user=self.user,
            dry_run=_dry_run(self.query, kind),
            unknown_fields=_VALIDATION[validation],
            manager=self.query.get("fieldManager") or self.request.headers.get("User-Agent", "").partition("/")[0],
            warnings=self.warnings,
        )

    def _is_apply(self) -> bool:
        return bodies.media_type(self.request.headers.get("Content-Type", "")) == patching.APPLY

    def _selection(self, options: ListOptions) -> Selection:
        return select(self.resource, self.target.namespace or None, options.labels, options.fields)

    def _view(self) -> View:
        form = negotiate(self.request.headers.get("Accept", ""))
        include = include_object(self.query.get("includeObject", ""))
        return View(self.resource, form, self.verbs.cluster.clock(), include)

    def _ok(self, body: bytes, code: int = 200) -> web.Response:
        form = negotiate(self.request.headers.get("Accept", ""))
        response = web.Response(body=body, status=code, content_type=form.media)
        return _warned(response, self.warnings)


async def _write(response: web.StreamResponse, data: bytes, begun: watch.Watch) -> None:
    """Send; while the reader takes its time, look now and then how far it has fallen behind."""
    loop = asyncio.get_running_loop()
    sending, since = asyncio.ensure_future(response.write(data)), loop.time()
    try:
        while not (await asyncio.wait({sending}, timeout=_SLOW_SECONDS))[0]:
            watch.check_backlog(begun.subscription, loop.time() - since)
        sending.result()
    finally:
        sending.cancel()


def _asked(target: Target, verb: str = "") -> Attributes:
    # A namespace counts as being in itself.
    namespace = target.name if target.key == "namespaces" else target.namespace
    return Attributes(
        verb=verb or target.verb,
        group=target.group,
        resource=target.plural,
        subresource=target.subresource,
        namespace=namespace,
        name=target.name,
    )


def _warned(response: web.Response, warnings: Iterable[str]) -> web.Response:
    for warning in warnings:
        escaped = warning.replace("\\", "\\\\").replace('"', '\\"')
        response.headers.add("Warning", f'299 - "{escaped}"')
    return response


def _refusal(error: ApiError) -> web.Response:
    headers = {"Retry-After": str(error.retry_after_seconds)} if error.retry_after_seconds else None
    return web.Response(
        body=encode(status(error), negotiate("")), status=error.code, content_type=JSON, headers=headers
    )


def _deleted(resource: Resource, entry: Entry) -> Obj:
    details = {
        "name": entry.name,
        "group": resource.group,
        "kind": resource.plural,
        "uid": entry.object["metadata"]["uid"],
    }
    shown = {key: value for key, value in details.items() if value}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": shown}


def _dry_run(query: Mapping[str, str], kind: str) -> bool:
    asked = query.get("dryRun", "")
    if asked not in ("", "All"):
        raise wrong_options(kind, not_supported("dryRun", [asked], ["All"]))
    return asked == "All"


def _named(obj: Obj, name: str) -> Obj:
    """An applied object that is to be created under the name of the URL."""
    metadata = obj.setdefault("metadata", {})
    if metadata.setdefault("name", name) != name:
        raise BadRequest(f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})")
    return obj


def make_request(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
    """A request whose body may be as long as a real API server takes."""
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=bodies.LIMIT_BYTES)
