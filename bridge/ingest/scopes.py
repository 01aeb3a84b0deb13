"""Which cursor a reader starts from."""

from collections.abc import Sequence

from bridge.errors import ConfigError
from bridge.logs import get_logger
from bridge.queue import Queue, Scope, StoredCursor

IDENTITY = "@cluster"
"""Stands for the resource in the scope whose cursor is a cluster's uid."""


def identity_scope(name: str) -> Scope:
    """Return where the uid of the cluster with a configured name is kept."""
    return Scope(cluster=name, resource=IDENTITY)


async def check_identity(queue: Queue, *, name: str, uid: str) -> None:
    """Be sure that a configured cluster name still means the same cluster.

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
