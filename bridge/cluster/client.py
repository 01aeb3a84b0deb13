"""Ask one API server, over kubernetes_asyncio's configuration, auth and transport."""

import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import msgspec

from bridge.cluster import BATCH_LIMIT, Resource
from bridge.cluster.answers import check_answer, read_list
from bridge.cluster.requests import (
    ANSWER_BYTES,
    AnswerTooLargeError,
    Exchange,
    Request,
    WatchStream,
    abandon,
    read_body,
)
from bridge.cluster.session.session import ApiSession
from bridge.cluster.session.sources import SERVICE_ACCOUNT, find_source
from bridge.cluster.wire import decode_head, decode_server_version
from bridge.errors import ForbiddenError, NotServedError, UnreadableError

PAGE_BYTES = 8 * 1024 * 1024
"""Most bytes of a page with more than one object: 500 Pods have about so many, 500
objects of 1.5 MB would have a hundred times as many."""

_SHRINKS_BY = 8
_GROWS_BY = 2

Ask = Callable[[int, int], Awaitable[bytes]]
"""Asks for so many objects in at most so many bytes; raises `AnswerTooLargeError`."""


class PageSize:
    """Learns how many objects of one resource fit into a page."""

    def __init__(self) -> None:
        """Expect small objects."""
        self._most = BATCH_LIMIT

    async def fit(self, ask: Ask, limit: int) -> bytes:
        """Return the answer with as many objects as fit, `limit` at most.

        Args:
            ask: Is called with fewer and fewer objects, until they fit.
            limit: Most objects that are wanted.

        Raises:
            AnswerTooLargeError: Even one is too large, or the API server sends more
                than it is asked for.
        """
        while True:
            count = min(limit, self._most)
            most_bytes = PAGE_BYTES if count > 1 else ANSWER_BYTES
            try:
                body = await ask(count, most_bytes)
            except AnswerTooLargeError:
                if count == 1:
                    raise
                self._most = max(1, count // _SHRINKS_BY)
            else:
                self._learn(count, len(body))
                return body

    def _learn(self, count: int, size: int) -> None:
        """Ask for more next time if the page was full and small."""
        if count == self._most and size * _GROWS_BY * 2 < PAGE_BYTES:
            self._most = min(BATCH_LIMIT, self._most * _GROWS_BY)


ANSWER_SECONDS = 60.0
"""Deadline of everything but a watch; a page of 500 Events takes 20 ms."""

WATCH_GRACE_SECONDS = 30.0
"""How much longer than asked for a watch may live."""

_INITIAL = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage:
    """A page of a list.

    Attributes:
        items: Objects as raw JSON, in the order of their names.
        resource_version: Version of the whole list.
        continue_token: Asks for the next page; empty: this is the last one.
    """

    items: list[bytes]
    resource_version: str
    continue_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterUid:
    """The identity of a cluster.

    Attributes:
        uid: The uid of namespace kube-system, or a hash of CA and server URL.
        derived: True if it is the hash, because the namespace is not to be read: it
            changes with the CA, which deserves a warning.
        reason: Why it is not to be read; empty: it is.
    """

    uid: str
    derived: bool
    reason: Literal["", "refused", "absent"] = ""


class ClusterClient:
    """Reads from one cluster; safe to share between watches."""

    def __init__(self, connection: ApiSession) -> None:
        """Use `open`."""
        self._connection = connection
        self._exchange = Exchange(connection)
        self._page_sizes: dict[tuple[str, bool], PageSize] = {}

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        *,
        kubeconfig: Path | None = None,
        context: str | None = None,
        service_account: Path = SERVICE_ACCOUNT,
        environ: Mapping[str, str] = os.environ,
    ) -> AsyncIterator[Self]:
        """Load the credentials and close every connection at the end.

        Nothing is sent yet. Credentials are renewed by themselves, as in-cluster
        tokens rotate, as exec plugins say, and once at each 401.

        Args:
            kubeconfig: File to use. None: in-cluster when ``KUBERNETES_SERVICE_HOST``
                is set and the service account is readable, then ``KUBECONFIG``, then
                ``~/.kube/config``.
            context: Context in the kubeconfig; None: its current one.
            service_account: Folder with ``token`` and ``ca.crt``.
            environ: Environment to look in.

        Raises:
            CredentialsError: They cannot be read or used; the message names file and
                field, never a secret.
        """
        source = find_source(
            kubeconfig=kubeconfig,
            context=context,
            service_account=service_account,
            environ=environ,
        )
        connection = await ApiSession.open(source)
        try:
            yield cls(connection)
        finally:
            await connection.aclose()

    async def take_over(self, other: Self) -> bool:
        """Use the credentials of another client from now on, and their source.

        Returns:
            Whether it could be done: not if they are for another server, or if trust,
            certificate, impersonation or proxy are others.
        """
        return await self._connection.take_over(other._connection)

    @property
    def server(self) -> str:
        """Return the URL of the API server."""
        return self._connection.server

    @property
    def answered_at(self) -> float:
        """Return when the API server last answered, by the loop's clock."""
        return self._exchange.last_answer.at

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> bytes:
        """Return the JSON body at a path, e.g. ``/version``.

        Raises:
            UnreachableError: No complete answer within 60 s.
            UnreadableError: The answer is not JSON.
            ApiStatusError: The answer is not 2xx; see its subclasses.
            CredentialsError: After a 401 the credentials could not be read again.
        """
        return await self._get(f"get {path}", path, params or {})

    async def post(self, path: str, body: Mapping[str, Any]) -> bytes:
        """Send JSON to a path and return the JSON that it answers; raises as `get`.

        After an `UnreachableError` nobody knows whether it was carried out.
        """
        request = Request(
            doing=f"post {path}",
            path=path,
            params={},
            total_seconds=ANSWER_SECONDS,
            method="POST",
            body=body,
        )
        return await self._read(request)

    async def list_page(
        self,
        resource: Resource,
        *,
        namespace: str | None = None,
        limit: int = BATCH_LIMIT,
        continue_token: str = "",
        resource_version: str = "",
        match: str = "",
        field_selector: str = "",
        label_selector: str = "",
        metadata_only: bool = False,
    ) -> ListPage:
        """Return one page of a list; raises as `get` does.

        Args:
            resource: What to list.
            namespace: Where; None: everywhere.
            limit: Most items in it; fewer come where they are large.
            continue_token: From the page before; excludes a version.
            resource_version: Empty: the newest state, by a consistent read.
            match: ``Exact`` or ``NotOlderThan``; empty with an empty version.
            field_selector: As the API server understands it; empty: all.
            label_selector: As the API server understands it; empty: all.
            metadata_only: Ask for PartialObjectMetadata instead of whole objects.

        Raises:
            ExpiredError: That version, or the token's, was compacted away.
            FutureVersionError: The cluster has not come to that version.
            UnreadableError: It is no list of this resource, or has more than 64 MiB
                however few items are asked for.
        """
        params: dict[str, str | int] = {
            "continue": continue_token,
            "resourceVersion": resource_version,
            "resourceVersionMatch": match,
            "fieldSelector": field_selector,
            "labelSelector": label_selector,
        }
        doing = _doing("list", resource, namespace)
        path = resource.path(namespace)

        async def ask(limit: int, most_bytes: int) -> bytes:
            return await self._get(
                doing,
                path,
                params | {"limit": limit},
                metadata_only=metadata_only,
                most_bytes=most_bytes,
            )

        size = self._page_sizes.setdefault((resource.name, metadata_only), PageSize())
        body = await size.fit(ask, limit)
        form = read_list(body, resource=resource, doing=doing)
        return ListPage(
            items=[bytes(item) for item in form.items or ()],
            resource_version=form.metadata.resource_version,
            continue_token=form.metadata.continue_,
        )

    @asynccontextmanager
    async def watch(
        self,
        resource: Resource,
        *,
        resource_version: str,
        timeout_seconds: int,
        namespace: str | None = None,
        field_selector: str = "",
        label_selector: str = "",
        metadata_only: bool = False,
        initial: bool = False,
    ) -> AsyncIterator[WatchStream]:
        """Open a watch of what comes after a version; raises as `get` does.

        Its deadline is 30 s past `timeout_seconds`, for the headers too: some proxies
        hold them back until the first line.

        Args:
            resource: What to watch.
            resource_version: The last version already known.
            timeout_seconds: After this the server ends the watch.
            namespace: Where; None: everywhere.
            field_selector: As the API server understands it; empty: all.
            label_selector: As the API server understands it; empty: all.
            metadata_only: Ask for PartialObjectMetadata instead of whole objects.
            initial: First bring what is there, at least as new as the version, and
                then a bookmark that says so (KEP-3157, WatchList).
        """
        request = Request(
            doing=_doing("watch", resource, namespace),
            path=resource.path(namespace),
            params={
                "watch": "true",
                "allowWatchBookmarks": "true",
                "resourceVersion": resource_version,
                "timeoutSeconds": timeout_seconds,
                "fieldSelector": field_selector,
                "labelSelector": label_selector,
                **(_INITIAL if initial else {}),
            },
            total_seconds=timeout_seconds + WATCH_GRACE_SECONDS,
            metadata_only=metadata_only,
        )
        response = await self._exchange.open(request)
        try:
            yield WatchStream(
                response, doing=request.doing, last_answer=self._exchange.last_answer
            )
        finally:
            abandon(response)

    async def cluster_uid(self) -> ClusterUid:
        """Return the uid of namespace kube-system, or a hash where there is none.

        RBAC may refuse it, and an API server may do without it (one that serves only
        custom resources, say). Raises as `get` does, but for these two.
        """
        doing = "get namespace kube-system"
        try:
            body = await self._get(doing, "/api/v1/namespaces/kube-system", {})
        except ForbiddenError:
            return self._derived_uid("refused")
        except NotServedError:
            return self._derived_uid("absent")
        check_answer(body, kind="Namespace", doing=doing)
        try:
            uid = decode_head(body).metadata.uid
        except msgspec.DecodeError as error:
            raise UnreadableError(f"{doing}: expected metadata, got none") from error
        if not uid:
            raise UnreadableError(f"{doing}: expected a uid, got none")
        return ClusterUid(uid=uid, derived=False)

    def _derived_uid(self, reason: Literal["refused", "absent"]) -> ClusterUid:
        seed = self.server.encode() + b"\n" + self._connection.authority
        uid = hashlib.sha256(seed).hexdigest()[:32]
        return ClusterUid(uid=uid, derived=True, reason=reason)

    async def server_version(self) -> str:
        """Return the version the server reports, e.g. ``v1.36.1``; raises as `get`."""
        try:
            return decode_server_version(await self.get("/version")).git_version
        except msgspec.DecodeError as error:
            raise UnreadableError("get /version: expected a gitVersion") from error

    async def _get(
        self,
        doing: str,
        path: str,
        params: Mapping[str, str | int],
        *,
        metadata_only: bool = False,
        most_bytes: int = ANSWER_BYTES,
    ) -> bytes:
        request = Request(
            doing=doing,
            path=path,
            params=params,
            total_seconds=ANSWER_SECONDS,
            metadata_only=metadata_only,
            most_bytes=most_bytes,
        )
        return await self._read(request)

    async def _read(self, request: Request) -> bytes:
        async with await self._exchange.open(request) as response:
            return await read_body(
                response, doing=request.doing, most_bytes=request.most_bytes
            )


def _doing(verb: str, resource: Resource, namespace: str | None) -> str:
    where = f"in namespace {namespace}" if namespace else "in all namespaces"
    return f"{verb} {resource.name} {where}"
