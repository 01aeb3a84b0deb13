"""Sources: what each reader does, and the cursors that reading goes on from."""

import hashlib
from dataclasses import astuple
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, status
from pydantic import Field

from bridge.api.context import ApiContext
from bridge.api.models import NOT_FOUND, ApiModel, AskedModel, Items, PartsGiven
from bridge.errors import NotFoundError
from bridge.health import ReaderState, ReaderStatus
from bridge.queue import Scope, StoredCursor

router = APIRouter(tags=["cursors"])

_IDENTITY = "@cluster"


class ReaderView(ApiModel):
    """The status of a watch."""

    sources: list[str]
    """Names of the sources it reads for."""

    resource: str
    """What it watches, e.g. `events`."""

    namespace: str
    """Where; `*`: everywhere."""

    field_selector: str
    label_selector: str

    state: ReaderState
    """`absent`: not served (yet); `silent`: the API server says nothing any more;
    `blocked`: the queue is full; `waiting`: between two tries; `failed`: refused, see
    `error`."""

    started: bool
    """Whether it got as far as watching since the process started."""

    resource_version: str | None
    """The stored cursor; null: never read."""

    error: str
    """Last failure; empty once it is over."""

    last_progress: datetime | None
    """When the cursor last moved."""

    last_read: datetime | None
    """When the API server last said something; null: never."""

    objects: int | None
    """How many are known; null: not counted."""

    gaps: int
    """How many gaps were announced since the process started."""


class Cursor(ApiModel):
    """Where the reader of one scope goes on."""

    id: str
    """Short digest of the scope; stays the same as long as the scope does."""

    cluster: str
    """uid of the cluster; for resource `@cluster` the configured name."""

    resource: str
    """What is read; `@cluster`: which cluster stands behind a configured name, and
    the version is its uid."""

    namespace: str
    field_selector: str
    label_selector: str
    resource_version: str

    moved: datetime
    """When it last moved."""

    in_use: bool
    """Whether a source of the running configuration reads this scope."""


class CursorPosition(AskedModel):
    """Where to go on."""

    resource_version: Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]
    """Version after which changes are read again."""


@router.get("/sources", summary="What is read")
async def list_sources(parts: PartsGiven) -> Items[ReaderView]:
    """Return what each reader does; sources with the same scope share one."""
    return Items(items=[_reader(one) for one in parts.store.health.readers])


@router.get("/cursors", summary="Where reading goes on")
async def list_cursors(parts: PartsGiven) -> Items[Cursor]:
    """Return all cursors, also those that no source uses any more."""
    cursors = await parts.store.queue.cursors()
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
    await parts.store.queue.set_cursor(cursor.scope, position.resource_version)
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
    await parts.store.queue.set_cursor(cursor.scope, None)


def cursor_id(scope: Scope) -> str:
    """Return the short name of a scope: the same in every process."""
    text = "\0".join(astuple(scope))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


async def _find(parts: ApiContext, wanted: str) -> StoredCursor:
    for cursor in await parts.store.queue.cursors():
        if cursor_id(cursor.scope) == wanted:
            return cursor
    raise NotFoundError(f"no such cursor: {wanted}")


def _reader(reader: ReaderStatus) -> ReaderView:
    """Return a reader in the form of the API."""
    return ReaderView(
        sources=list(reader.sources),
        resource=reader.resource,
        namespace=reader.namespace,
        field_selector=reader.field_selector,
        label_selector=reader.label_selector,
        state=reader.state,
        started=reader.started,
        resource_version=reader.resource_version,
        error=reader.error,
        last_progress=reader.last_progress,
        last_read=reader.last_read,
        objects=reader.objects,
        gaps=reader.gaps,
    )


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
        in_use=any(_reads(reader, scope) for reader in parts.store.health.readers),
    )


def _reads(reader: ReaderStatus, scope: Scope) -> bool:
    selection = (reader.namespace, reader.field_selector, reader.label_selector)
    return reader.resource == scope.resource and selection == (
        scope.namespace,
        scope.field_selector,
        scope.label_selector,
    )
