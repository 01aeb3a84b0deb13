"""HTTP: one request in, one answer or one watch out."""

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from hmac import compare_digest
from typing import Any

import msgspec
from aiohttp import hdrs, web

from bridge.demo.apiserver.discovery import discover
from bridge.demo.apiserver.faults import Faults
from bridge.demo.apiserver.listing import list_page
from bridge.demo.apiserver.objects import Objects
from bridge.demo.apiserver.resources import Catalog, ServedResource
from bridge.demo.apiserver.routing import (
    Call,
    Options,
    forbidden,
    is_true,
    parse_options,
    route,
)
from bridge.demo.apiserver.selectors import Selector, selector
from bridge.demo.apiserver.status import StatusError
from bridge.demo.apiserver.storage import ObjectStorage
from bridge.demo.apiserver.watching import OpenWatch
from bridge.demo.apiserver.wire import (
    METADATA,
    accepted,
    has_table,
    list_document,
    table,
    typed,
)

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_HEALTH = ("/readyz", "/livez", "/healthz")
_JSON = "application/json"
_MOST_LOGGED = 10_000
_MERGE = "application/merge-patch+json"
_STRATEGIC = "application/strategic-merge-patch+json"

Verb = Callable[[web.Request, Call], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """A request that came."""

    verb: str
    path: str
    query: Mapping[str, str]


class Handler:
    """Answers requests.

    Attributes:
        requests: the last requests that were let in, oldest first.
    """

    def __init__(
        self,
        *,
        storage: ObjectStorage,
        catalog: Catalog,
        objects: Objects,
        faults: Faults,
        token: str | None,
        bookmark_seconds: float,
    ) -> None:
        """Answer from these; ``token`` is what clients must bear, ``None`` nothing."""
        self.requests: deque[Logged] = deque(maxlen=_MOST_LOGGED)
        self._storage = storage
        self._catalog = catalog
        self._objects = objects
        self._faults = faults
        self._token = token
        self._bookmark_seconds = bookmark_seconds
        self._verbs: Mapping[str, Verb] = {
            "get": self._get,
            "list": self._list,
            "watch": self._watch,
            "create": self._create,
            "update": self._update,
            "patch": self._patch,
            "delete": self._delete,
        }

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        try:
            self._authenticate(request)
            return await self._answer(request)
        except StatusError as error:
            return _json(error.body, error.code)

    def _authenticate(self, request: web.Request) -> None:
        """Let in who bears the token."""
        given = request.headers.get(hdrs.AUTHORIZATION, "")
        if self._token and not compare_digest(given, f"Bearer {self._token}"):
            raise StatusError(401, "Unauthorized")

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request of a known client, if no fault forbids."""
        document = discover(self._catalog, request.path)
        call = None if document else self._route(request)
        verb, plural = (call.verb, call.resource.plural) if call else ("get", "")
        self.requests.append(
            Logged(verb=verb, path=request.path, query=dict(request.query))
        )
        if canned := self._faults.next_answer(verb, plural):
            return web.Response(
                body=canned.body, status=canned.status, headers=canned.headers
            )
        if request.path == _REVIEWS:
            return await self._review(request)
        if call is None:
            return _outside(request.path, document)
        if self._faults.is_forbidden(verb, plural):
            raise forbidden(call)
        return await self._verbs[call.verb](request, call)

    def _route(self, request: web.Request) -> Call | None:
        """Return what a request asks for."""
        watch = is_true(request.query.get("watch"))
        return route(self._catalog, request.method, request.path, watch=watch)

    async def _review(self, request: web.Request) -> web.Response:
        """Answer a review of permissions (authorization.k8s.io/v1)."""
        sent = await _body(request, _JSON)
        asked = sent["spec"]["resourceAttributes"]
        allowed = not self._faults.is_forbidden(asked["verb"], asked["resource"])
        answer = {**sent, "status": {"allowed": allowed}}
        return _json(msgspec.json.encode(answer), status=201)

    async def _get(self, request: web.Request, call: Call) -> web.Response:
        """Answer with one object, or with its row."""
        body = self._objects.body(call.resource, call.namespace, call.name)
        if _wants_table(request, call):
            return _json(table([body]))
        return _json(typed(_shown(request, call, as_list=False), body))

    async def _list(self, request: web.Request, call: Call) -> web.Response:
        """Answer with one page of a list."""
        asked = parse_options(request.query)
        page = list_page(
            self._storage,
            table=call.resource.table,
            prefix=call.prefix,
            options=asked,
            chooses=_selector(call, asked),
        )
        document = table
        if not _wants_table(request, call):
            shown = _shown(request, call, as_list=True)
            document = partial(list_document, shown)
        return _json(document(page.bodies, revision=page.revision, token=page.token))

    async def _create(self, request: web.Request, call: Call) -> web.Response:
        """Create an object."""
        sent = await _body(request, _JSON)
        body = self._objects.create(
            call.resource, call.namespace, sent, manager=_manager(request)
        )
        return _json(body, status=201)

    async def _update(self, request: web.Request, call: Call) -> web.Response:
        """Replace an object."""
        sent = await _body(request, _JSON)
        return _json(
            self._objects.replace(call.resource, call.namespace, call.name, sent)
        )

    async def _patch(self, request: web.Request, call: Call) -> web.Response:
        """Change a part of an object."""
        # Strategic merge is only known of built-in kinds; here it is a plain merge.
        kinds = (_MERGE,) if call.resource.custom else (_MERGE, _STRATEGIC)
        sent = await _body(request, *kinds)
        return _json(
            self._objects.patch(call.resource, call.namespace, call.name, sent)
        )

    async def _delete(self, _: web.Request, call: Call) -> web.Response:
        """Delete an object."""
        return _json(self._objects.delete(call.resource, call.namespace, call.name))

    async def _watch(self, request: web.Request, call: Call) -> web.StreamResponse:
        """Answer with what happens, for as long as the client wants to know."""
        asked = parse_options(request.query)
        chooses = _selector(call, asked)
        try:
            shown = _shown(request, call, as_list=False)
        except StatusError:
            # A real server takes the request and never says a word.
            shown, chooses = METADATA, lambda _: False
            asked = replace(asked, bookmarks=False)
        watch = OpenWatch(
            storage=self._storage,
            resource=call.resource,
            prefix=call.prefix,
            options=asked,
            chooses=chooses,
            shown=shown,
            render=_row if _wants_table(request, call) else partial(typed, shown),
            is_served=lambda: call.resource in self._catalog.resources,
            bookmark_seconds=self._bookmark_seconds,
        )
        response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: _JSON})
        await response.prepare(request)
        self._faults.watches.add(watch)
        try:
            await self._stream(request, response, watch)
        finally:
            self._faults.watches.discard(watch)
        return response

    async def _stream(
        self, request: web.Request, response: web.StreamResponse, watch: OpenWatch
    ) -> None:
        """Write what a watch says, up to where a fault cuts it."""
        left = self._faults.next_cut()
        async with aclosing(watch.chunks()) as chunks:
            async for chunk in chunks:
                await response.write(chunk[:left])
                if left is not None and len(chunk) >= left:
                    _hang_up(request)
                    return
                left = None if left is None else left - len(chunk)


def _selector(call: Call, asked: Options) -> Selector | None:
    """Return the function that chooses what was asked for."""
    return selector(
        call.resource, labels=asked.label_selector, fields=asked.field_selector
    )


def _wants_table(request: web.Request, call: Call) -> bool:
    """Return whether to answer with a table."""
    return has_table(call.resource, request.headers.get(hdrs.ACCEPT, ""))


def _row(body: bytes) -> bytes:
    """Return a stored body as a table of its own."""
    return table([body])


def _shown(request: web.Request, call: Call, *, as_list: bool) -> ServedResource:
    """Return what objects are to this client.

    Raises:
        StatusError: 406, it takes lists for objects or the other way round.
    """
    accept = request.headers.get(hdrs.ACCEPT, "")
    if shown := accepted(call.resource, accept, as_list=as_list):
        return shown
    raise StatusError(406, f"{call.resource.name}: no list is asked for, or one is")


async def _body(request: web.Request, *content_types: str) -> dict[str, Any]:
    """Return the object that a client sent.

    Raises:
        StatusError: 400 it is no JSON object, 415 it is of none of these types.
    """
    if request.content_type not in content_types:
        expected = ", ".join(content_types)
        raise StatusError(
            415, f"Content-Type: expected {expected}, got {request.content_type}"
        )
    try:
        return msgspec.json.decode(await request.read(), type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise StatusError(
            400, f"the object provided is unrecognized: {error}"
        ) from None


def _manager(request: web.Request) -> str:
    """Return who changes an object."""
    agent = request.headers.get(hdrs.USER_AGENT, "unknown")
    return request.query.get("fieldManager") or agent.partition("/")[0]


def _outside(path: str, document: Mapping[str, Any] | None) -> web.Response:
    """Answer what is not about objects: discovery, health, nothing at all."""
    if document:
        return _json(msgspec.json.encode(document))
    if path in _HEALTH:
        return web.Response(text="ok")
    return web.Response(text="404 page not found\n", status=404)


def _hang_up(request: web.Request) -> None:
    """Close the connection without a proper end, after what was already written."""
    if request.transport:
        request.transport.close()


def _json(body: bytes, status: int = 200) -> web.Response:
    """Answer with JSON."""
    return web.Response(body=body, status=status, content_type=_JSON)
