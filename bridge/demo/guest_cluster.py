"""Somebody's cluster as the stage: a namespace of our own, which goes at the end."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from bridge.cluster import CORE_EVENTS
from bridge.cluster.answers import status_error
from bridge.cluster.client import ClusterClient
from bridge.cluster.session.session import ApiSession
from bridge.cluster.session.sockets import NETWORK_ERRORS, unreachable
from bridge.cluster.session.sources import SERVICE_ACCOUNT, find_source
from bridge.cluster.wire import decode_head, decode_line
from bridge.demo.ledger import Revision
from bridge.demo.recorder import RecordedWrite
from bridge.errors import ClusterError, ExpiredError, NotServedError

ANSWER_SECONDS = 30.0
WATCH_SECONDS = 300
AGAIN_SECONDS = 1.0


class GuestCluster:
    """Takes the workload's writes and keeps the record of every revision.

    The API server tells of each revision twice: in its answer to the write, and to a
    watch of our own, which also sees what others write. Its history is left alone.
    """

    def __init__(
        self,
        connection: ApiSession,
        *,
        namespace: str,
        kubeconfig: Path,
        context: str | None,
    ) -> None:
        """Use a connection and a namespace that exist."""
        self.url = connection.server
        self.kubeconfig = kubeconfig
        self.context = context
        self.namespace = namespace
        self.watched: Sequence[str] = (namespace,)
        self._connection = connection
        self._client = ClusterClient(connection)
        self._revisions: dict[str, Revision] = {}

    @classmethod
    @asynccontextmanager
    async def open(
        cls, kubeconfig: Path, *, context: str | None
    ) -> AsyncIterator["GuestCluster"]:
        """Create the namespace, keep the record, and remove the namespace at the end.

        Raises:
            ClusterError: It cannot be reached, or it refuses.
        """
        source = find_source(
            kubeconfig=kubeconfig,
            context=context,
            service_account=SERVICE_ACCOUNT,
            environ=os.environ,
        )
        connection = await ApiSession.open(source)
        namespace = f"kubebridge-demo-{secrets.token_hex(3)}"
        cluster = cls(
            connection, namespace=namespace, kubeconfig=kubeconfig, context=context
        )
        try:
            async with cluster._namespace(), asyncio.TaskGroup() as tasks:
                record = tasks.create_task(cluster._keep_record(), name="record")
                yield cluster
                record.cancel()
        finally:
            await connection.aclose()

    def revisions(self) -> Sequence[Revision]:
        """Return every revision that the API server sent, oldest first."""
        return sorted(self._revisions.values(), key=lambda one: one.number)

    async def write(self, write: RecordedWrite) -> None:
        """Make one write of the workload.

        Raises:
            ClusterError: The API server did not take it.
        """
        root = "apis" if "/" in write.api_version else "api"
        path = f"/{root}/{write.api_version}/namespaces/{write.namespace}/events"
        if write.creates:
            self._note(await self._send("POST", path, write.body))
            return
        with suppress(NotServedError):  # somebody deleted it meanwhile
            self._note(await self._send("PATCH", f"{path}/{write.name}", write.body))

    async def expire(self, writes: Sequence[RecordedWrite], *, read: int) -> bool:  # noqa: ARG002
        """Make the writes: somebody's history is not ours to compact."""
        for write in writes:
            await self.write(write)
        return False

    @asynccontextmanager
    async def _namespace(self) -> AsyncIterator[None]:
        path = "/api/v1/namespaces"
        body = {"kind": "Namespace", "metadata": {"name": self.namespace}}
        await self._send("POST", path, body)
        try:
            yield
        finally:
            await self._send("DELETE", f"{path}/{self.namespace}")

    async def _keep_record(self) -> None:
        """Watch for ever."""
        since = ""
        while True:
            try:
                since = await self._watch(since or await self._present())
            except ExpiredError:
                since = ""
            except ClusterError:
                pass  # from the same version again
            await asyncio.sleep(AGAIN_SECONDS)

    async def _present(self) -> str:
        page = await self._client.list_page(
            CORE_EVENTS, namespace=self.namespace, limit=1
        )
        return page.resource_version

    async def _watch(self, since: str) -> str:
        """Note the events of a watch; return the version to go on from, empty: none."""
        async with self._client.watch(
            CORE_EVENTS,
            resource_version=since,
            timeout_seconds=WATCH_SECONDS,
            namespace=self.namespace,
        ) as stream:
            while lines := await stream.read():
                for line in map(decode_line, lines):
                    if line.type not in {"ADDED", "MODIFIED", "DELETED"}:
                        return ""  # an error: the history is gone
                    since = self._note(line.object, is_end=line.type == "DELETED")
        return since

    def _note(self, body: bytes | msgspec.Raw, *, is_end: bool = False) -> str:
        metadata = decode_head(body).metadata
        version = metadata.resource_version
        revision = Revision(uid=metadata.uid, number=int(version), is_end=is_end)
        self._revisions[revision.event_id] = revision
        return version

    async def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> bytes:
        kind = "merge-patch+json" if method == "PATCH" else "json"
        doing = f"{method} {path}"
        api = (await self._connection.session()).api
        try:
            response = await api.call_api(
                path,
                method,
                header_params={
                    "Accept": "application/json",
                    "Content-Type": f"application/{kind}",
                },
                body=body,
                auth_settings=["BearerToken"],
                _preload_content=False,
                _request_timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
            )
            answer = bytes(await response.read())
        except NETWORK_ERRORS as error:
            raise unreachable(error, doing=doing, phase="answer") from error
        if response.status >= 300:
            raise status_error(answer, doing=doing, status=response.status)
        return answer
