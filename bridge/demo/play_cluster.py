"""An API server in this process as the stage, which can be made to forget."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from bridge.cluster.wire import decode_head
from bridge.demo.apiserver import ApiServer
from bridge.demo.apiserver.status import StatusError
from bridge.demo.ledger import Revision, repairable
from bridge.demo.recorder import RecordedWrite

NAMESPACE = "shop"


class PlayCluster:
    """Takes the workload's writes; its record is the API server's own."""

    def __init__(self, server: ApiServer, *, kubeconfig: Path) -> None:
        """Use a server that runs; `kubeconfig` leads to it."""
        self.url = server.url
        self.kubeconfig = kubeconfig
        self.context: str | None = None
        self.namespace = NAMESPACE
        self.watched: Sequence[str] = ()
        self.server = server
        self._revisions: list[Revision] = []

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path) -> AsyncIterator["PlayCluster"]:
        """Run an API server for the block, with the workload's namespace."""
        async with ApiServer() as server:
            server.create("namespaces", "", {"metadata": {"name": NAMESPACE}})
            kubeconfig = folder / "kubeconfig"
            server.kubeconfig(kubeconfig)
            yield cls(server, kubeconfig=kubeconfig)

    def revisions(self) -> Sequence[Revision]:
        """Return every revision of a Kubernetes Event, oldest first."""
        for record in self.server.history("events")[len(self._revisions) :]:
            uid = decode_head(record.body).metadata.uid
            is_end = record.change == "DELETED"
            self._revisions.append(
                Revision(uid=uid, number=record.revision, is_end=is_end)
            )
        return self._revisions

    async def write(self, write: RecordedWrite) -> None:
        """Make one write of the workload."""
        self._write(write)

    async def expire(self, writes: Sequence[RecordedWrite], *, read: int) -> bool:
        """Write, forget the history and end every watch, all in one breath.

        Nothing is awaited, so that no watch gets to see these writes: its reader comes
        back with a version whose history is gone. What is forgotten can still be told
        from the newest states, if everything up to revision `read` was read.
        """
        for write in writes:
            self._write(write)
        self.server.compact(repairable(self.revisions(), after=read))
        self.server.faults.close_watches()
        return True

    def _write(self, write: RecordedWrite) -> None:
        group = write.api_version.rpartition("/")[0]
        resource = f"events.{group}" if group else "events"
        # Somebody who plays with kubectl may have deleted the Event or the namespace.
        with suppress(StatusError):
            if write.creates:
                self.server.create(resource, write.namespace, write.body)
            else:
                self.server.patch(resource, write.namespace, write.name, write.body)
