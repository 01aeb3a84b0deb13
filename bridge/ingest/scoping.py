"""Scopes: of which cluster, which parts of a resource are read, from which cursor.

The uid of the cluster is part of each scope, so nothing is read before it is known. A
scope that is new continues from a cursor that no source uses any more; the cursor of
a namespace that is gone is forgotten after a week.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from bridge.cluster import Resource
from bridge.cluster.client import ClusterClient
from bridge.cluster.informer import Informer
from bridge.errors import ClusterError, ConfigError, NotServedError
from bridge.filters.labels import LabelSelector
from bridge.ingest.source import Selects, Source
from bridge.logs import RepeatedFailure, get_logger
from bridge.queue import Queue, Scope, StoredCursor
from bridge.retry import Backoff

EVERYWHERE: Final = "*"
"""All namespaces, in a scope."""

IDENTITY: Final = "@cluster"
"""Resource of the scopes whose cursor is the uid of a cluster."""

ABSENT_SECONDS: Final = 15.0
"""How long namespace kube-system may be absent before that is believed: a new API
server makes it within seconds of its start."""

_REASONS = {
    "": "",
    "refused": "get on namespace kube-system is refused",
    "absent": "there is no namespace kube-system",
}

FORGOTTEN_AFTER: Final = timedelta(days=7)
"""How long after its last move the cursor of a namespace that is gone is kept. By then
it leads nowhere, for the API server's history is minutes long."""

FORGET_SECONDS: Final = 3600.0
"""How often cursors of namespaces that are gone are looked for."""


UNKNOWN_SECONDS: Final = 10.0
"""How long a namespace may be unknown while namespaces are watched without errors.
After that it is not selected: it was deleted before it was ever seen."""

GONE_LIMIT: Final = 10_000
"""Most namespaces that are remembered though they are gone, or never came."""

T = TypeVar("T")


class Namespaces:
    """Answers from an informer; never a request for a namespace."""

    def __init__(
        self, informer: Informer, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Ask an informer that somebody else runs.

        Args:
            informer: Of namespaces, with their labels.
            clock: Seconds.
        """
        self._informer = informer
        self._clock = clock
        self._asked: dict[str, float] = {}
        self._seen: dict[str, Mapping[str, str]] = {}

    async def wait_for_change(self) -> None:
        """Return once a namespace came, went, or changed."""
        await self._informer.wait_for_change()

    @property
    def is_synced(self) -> bool:
        """Whether all namespaces are known."""
        return self._informer.synced.is_set()

    @property
    def error(self) -> str:
        """Why namespaces cannot be watched now; empty: they can."""
        return self._informer.error

    @property
    def is_refused(self) -> bool:
        """Whether that is because namespaces may not be watched."""
        return self._informer.is_refused

    def matching(self, selector: LabelSelector) -> list[str]:
        """Return the names of the namespaces that are selected now."""
        return sorted(
            known.name for known in self._informer.store if selector(known.labels)
        )

    def names(self) -> frozenset[str]:
        """Return the names of all namespaces that are there now."""
        return frozenset(known.name for known in self._informer.store)

    def selects(self, selector: LabelSelector) -> Selects:
        """Return the function that says whether a namespace is selected, if known.

        A namespace that is gone keeps the labels that it had when it was last asked
        for: what is deleted with it may come later.
        """

        def answer(namespace: str) -> bool | None:
            known = self._informer.store.get(f"/{namespace}")
            if known is not None:
                self._asked.pop(namespace, None)
                _remember(self._seen, namespace, known.labels)
            labels = self._seen.get(namespace)
            return self._unknown(namespace) if labels is None else selector(labels)

        return answer

    def _unknown(self, namespace: str) -> bool | None:
        now = self._clock()
        if self._informer.error or namespace not in self._asked:
            _remember(self._asked, namespace, now)
        if now - self._asked[namespace] < UNKNOWN_SECONDS:
            return None
        return False


def _remember(known: dict[str, T], namespace: str, value: T) -> None:
    """Remember a value; what was remembered first is forgotten first."""
    known[namespace] = value
    if len(known) > GONE_LIMIT:
        del known[next(iter(known))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scopes:
    """Decides which scopes are read for the sources of one resource.

    Attributes:
        cluster: uid of the cluster.
        resource: What is read.
        sources: The sources.
        is_everywhere: Whether it may be read in all namespaces at once.
        namespaces: Knows which namespaces a selector means; None: no source has one.
    """

    cluster: str
    resource: Resource
    sources: Sequence[Source]
    is_everywhere: bool
    namespaces: Namespaces | None

    def now(self) -> dict[Scope, tuple[Source, ...]]:
        """Return the scopes to read now, and their sources: sources share scopes."""
        found: dict[Scope, tuple[Source, ...]] = {}
        for one in self.sources:
            for namespace in self._namespaces_of(one):
                scope = self._scope(one, namespace)
                found[scope] = (*found.get(scope, ()), self._bound(one, namespace))
        return found

    def _namespaces_of(self, source: Source) -> Sequence[str]:
        settings = source.settings
        if not self.resource.namespaced or not settings.is_namespaced:
            return (EVERYWHERE,)
        if settings.chooses and self.is_everywhere:
            return (EVERYWHERE,)
        if source.namespace_selector is None:
            return sorted(settings.namespaces)
        assert self.namespaces is not None  # noqa: S101  # there, for there is a selector
        return self.namespaces.matching(source.namespace_selector)

    def _scope(self, source: Source, namespace: str) -> Scope:
        return Scope(
            cluster=self.cluster,
            resource=self.resource.name,
            namespace=namespace,
            field_selector=source.settings.field_selector,
            label_selector=source.settings.label_selector,
        )

    def _bound(self, source: Source, namespace: str) -> Source:
        """Return the source as the reader of this scope sees it."""
        if namespace != EVERYWHERE or not source.settings.chooses:
            return source
        if source.namespace_selector is None:
            names = frozenset(source.settings.namespaces)
            return replace(source, selects=names.__contains__)
        assert self.namespaces is not None  # noqa: S101  # there, for there is a selector
        selects = self.namespaces.selects(source.namespace_selector)
        return replace(source, selects=selects)


def inherited(scope: Scope, unused: Sequence[StoredCursor]) -> StoredCursor | None:
    """Return the lowest cursor that a new scope continues from; None: none fits.

    Args:
        scope: The new scope.
        unused: Cursors that no source uses any more.
    """
    heirs = [
        cursor
        for cursor in unused
        if (cursor.scope.cluster, cursor.scope.resource)
        == (scope.cluster, scope.resource)
    ]
    return min(heirs, key=lambda cursor: int(cursor.resource_version), default=None)


async def adopt_scopes(queue: Queue, scopes: Sequence[Scope]) -> None:
    """Let new scopes continue where scopes of the same resource left off.

    A changed selector or namespace never starts silently from now: it goes on from
    the lowest cursor on the same cluster and resource that no source uses any more.
    Cursors that were inherited are forgotten once all new scopes have theirs.

    Args:
        queue: Where cursors are kept.
        scopes: Every scope that is read from now on.
    """
    cursors = await queue.cursors()
    known = {cursor.scope for cursor in cursors}
    unused = [cursor for cursor in cursors if cursor.scope not in scopes]
    spent: set[Scope] = set()
    for scope in scopes:
        cursor = None if scope in known else inherited(scope, unused)
        if cursor is not None:
            version = cursor.resource_version
            await queue.put([], scope=scope, since=None, to=version)
            spent.update(
                other.scope for other in unused if inherited(scope, [other]) is not None
            )
            get_logger().info(
                "New scope continues.", scope=str(scope), resource_version=version
            )
    for scope in spent:
        await queue.set_cursor(scope, None)


async def forget_gone(
    read_now: Callable[[], Scopes | None],
    queue: Queue,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Forget cursors of namespaces that are gone, now and then, until cancelled.

    With a cursor goes what was known of the objects there, which would grow with every
    namespace that ever was. Only while other namespaces of the resource are read: an
    API server that is away, or a kind that is not served, costs nothing.

    Args:
        read_now: Returns what is read of the resource; None: nothing is yet.
        queue: Where cursors are kept.
        now: The time.
    """
    while True:
        await asyncio.sleep(FORGET_SECONDS)
        scopes = read_now()
        read = scopes.now().keys() if scopes is not None else ()
        for cursor in await queue.cursors():
            if scopes is not None and read and _is_gone(cursor, scopes, read, now()):
                await queue.set_cursor(cursor.scope, None)
                get_logger().info(
                    "Cursor of a namespace that is gone forgotten.",
                    resource=cursor.scope.resource,
                    namespace=cursor.scope.namespace,
                    last_moved=cursor.moved,
                )


def _is_gone(
    cursor: StoredCursor, scopes: Scopes, read: Collection[Scope], now: datetime
) -> bool:
    scope = cursor.scope
    is_ours = (scope.cluster, scope.resource) == (scopes.cluster, scopes.resource.name)
    if not is_ours or scope.namespace == EVERYWHERE or scope in read:
        return False
    return now - cursor.moved > FORGOTTEN_AFTER


def identity_scope(name: str) -> Scope:
    """Return the scope that keeps the uid of the cluster with a configured name."""
    return Scope(cluster=name, resource=IDENTITY)


async def check_identity(queue: Queue, *, name: str, uid: str) -> None:
    """Check that a configured cluster name still means the same cluster.

    Raises:
        ConfigError: Another cluster stands behind the name; nothing of it is read
            until an operator resets the cursor of the name.
    """
    scope = identity_scope(name)
    known = await queue.cursor(scope)
    if known is None:
        await queue.put([], scope=scope, since=None, to=uid)
    elif known != uid:
        problem = (
            f"cluster.name: expected {name} to be the cluster with uid {known}, got "
            f"{uid}; if that is intended: kubebridge cursors list, then reset"
        )
        raise ConfigError([problem])


async def identify(
    client: ClusterClient,
    *,
    queue: Queue,
    name: str | None,
    report: Callable[[str], None],
) -> str:
    """Return the cluster's uid, however long it takes until one is acceptable.

    Args:
        client: The cluster.
        queue: Keeps the uid of each configured name.
        name: The configured name; None: there is none.
        report: Called with the reason of each try that failed.
    """
    backoff = Backoff()
    failures = RepeatedFailure(get_logger(server=client.server), "No cluster yet.")
    deadline = asyncio.get_running_loop().time() + ABSENT_SECONDS
    while True:
        try:
            cluster = await client.cluster_uid()
            if cluster.reason == "absent":
                _wait_until(deadline)
            if name is not None:
                await check_identity(queue, name=name, uid=cluster.uid)
        except (ClusterError, ConfigError) as error:
            failures.failed(str(error))
            report(str(error))
            await asyncio.sleep(backoff.next_delay())
        else:
            if cluster.derived:
                get_logger().warning(
                    "Cluster identified by CA and URL, so a new CA will look like a "
                    "new cluster.",
                    reason=_REASONS[cluster.reason],
                )
            return cluster.uid


def _wait_until(deadline: float) -> None:
    if asyncio.get_running_loop().time() < deadline:
        raise NotServedError(
            "get namespace kube-system: expected it to be there soon, got 404",
            status=404,
        )
