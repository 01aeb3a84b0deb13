"""Readers, and the cursors that they go on from."""

import hashlib
from dataclasses import astuple

from fastapi import APIRouter, HTTPException, status

from bridge.api.context import NOT_FOUND, ApiContext, PartsGiven
from bridge.api.models import Cursor, CursorPosition, Items
from bridge.api.readers import ReaderView, describe
from bridge.health import ReaderStatus
from bridge.queue import Scope, StoredCursor

router = APIRouter(tags=["cursors"])

_IDENTITY = "@cluster"


@router.get("/sources", summary="What is read")
async def list_sources(parts: PartsGiven) -> Items[ReaderView]:
    """Return what each reader does; sources with the same scope share one."""
    return Items(items=[describe(one) for one in parts.health.readers])


@router.get("/cursors", summary="Where reading goes on")
async def list_cursors(parts: PartsGiven) -> Items[Cursor]:
    """Return all cursors, also those that no source uses any more."""
    cursors = await parts.queue.cursors()
    return Items(items=[_cursor(one, parts) for one in cursors])


@router.put("/cursors/{cursor_id}", summary="Go on from elsewhere", responses=NOT_FOUND)
async def set_cursor(
    parts: PartsGiven, cursor_id: str, position: CursorPosition
) -> Cursor:
    """Set a cursor: changes after that version are read, again or not at all."""
    cursor = await _find(parts, cursor_id)
    if cursor.scope.resource == _IDENTITY:
        message = f"cursor {cursor_id} is a cluster's identity: it can only be reset"
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, message)
    await parts.queue.set_cursor(cursor.scope, position.resource_version)
    return _cursor(await _find(parts, cursor_id), parts)


@router.delete(
    "/cursors/{cursor_id}",
    summary="Forget where reading was",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=NOT_FOUND,
)
async def reset_cursor(parts: PartsGiven, cursor_id: str) -> None:
    """Forget a cursor and what was known at it: the source's `initial` holds again."""
    cursor = await _find(parts, cursor_id)
    await parts.queue.set_cursor(cursor.scope, None)


def cursor_id(scope: Scope) -> str:
    """Return the short name of a scope: the same in every process."""
    text = "\0".join(astuple(scope))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


async def _find(parts: ApiContext, wanted: str) -> StoredCursor:
    for cursor in await parts.queue.cursors():
        if cursor_id(cursor.scope) == wanted:
            return cursor
    raise HTTPException(status.HTTP_404_NOT_FOUND, f"no such cursor: {wanted}")


def _cursor(cursor: StoredCursor, parts: ApiContext) -> Cursor:
    scope = cursor.scope
    return Cursor(
        id=cursor_id(scope),
        cluster=scope.cluster,
        resource=scope.resource,
        namespace=scope.namespace,
        field_selector=scope.field_selector,
        label_selector=scope.label_selector,
        resource_version=cursor.resource_version,
        moved=cursor.moved,
        in_use=any(_reads(reader, scope) for reader in parts.health.readers),
    )


def _reads(reader: ReaderStatus, scope: Scope) -> bool:
    selection = (reader.namespace, reader.field_selector, reader.label_selector)
    return reader.resource == scope.resource and selection == (
        scope.namespace,
        scope.field_selector,
        scope.label_selector,
    )
