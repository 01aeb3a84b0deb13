"""The objects that the readers and informers of a source know."""

from collections.abc import Iterator
from heapq import nsmallest
from typing import Annotated, Any, cast

from fastapi import APIRouter, HTTPException, Query, status

from bridge.api.context import ApiContext
from bridge.api.models import NOT_FOUND, ApiModel, ListOf, PartsGiven, Problem
from bridge.cluster import ObjectMeta
from bridge.cluster.store import Store
from bridge.errors import NotFoundError, RequestError
from bridge.health import ReaderStatus

router = APIRouter(tags=["sources"])

_CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": Problem, "description": "The source does not keep this."}
}


class OwnerView(ApiModel):
    """The controller of an object."""

    api_version: str
    kind: str
    name: str
    uid: str


class ObjectView(ApiModel):
    """The metadata of an object; never its data."""

    resource: str
    """What it is, e.g. `pods` or `deployments.apps`."""

    namespace: str
    """Where it lives; empty: outside of namespaces."""

    name: str
    uid: str
    resource_version: str

    labels: dict[str, str]
    """Empty also where the source does not keep labels."""

    owner: OwnerView | None
    """Null also where the source does not keep owners."""


Namespace = Annotated[
    str | None, Query(description="Only objects in this namespace; none: all.")
]
OwnerUid = Annotated[
    str | None, Query(description="Only objects whose controller has this uid.")
]
Label = Annotated[
    list[str] | None,
    Query(description="Only objects with this label, `key=value`; all of several."),
]
AfterObject = Annotated[
    str | None,
    Query(description="`next` of the page before; none: from the start."),
]
Limit = Annotated[int, Query(ge=1, le=500, description="Most items to return.")]


@router.get(
    "/sources/{name}/objects",
    summary="What is known of objects",
    responses=NOT_FOUND | _CONFLICT,
)
async def list_objects(
    parts: PartsGiven,
    name: str,
    *,
    namespace: Namespace = None,
    owner: OwnerUid = None,
    label: Label = None,
    after: AfterObject = None,
    limit: Limit = 50,
) -> ListOf[ObjectView]:
    """Return the objects that a source's watch, or its lookups, know at this moment.

    They come by resource, namespace and name. A watch that several sources share knows
    what each of them wants. An index is built when it is first asked.
    """
    stores = _stores(parts, name)
    wanted = _wanted(namespace=namespace, owner=owner, labels=label or ())
    for index in {index for index, _ in wanted}:
        _must_keep(name, stores, index)
    found = _page(stores, wanted, after=after or "", limit=limit + 1)
    page = found[:limit]
    return ListOf(
        items=[_view(resource, known) for resource, known in page],
        next=_place(*page[-1]) if len(found) > limit else None,
    )


def _stores(parts: ApiContext, name: str) -> list[tuple[str, Store]]:
    """Return what is known for a source, each store with its resource.

    Raises:
        NotFoundError: There is no such source.
        HTTPException: 409, it keeps nothing of objects.
    """
    readers = [one for one in parts.store.health.readers if name in one.sources]
    if not readers and name not in parts.sources:
        raise NotFoundError(f"no such source: {name}")
    found = {id(store): (resource, store) for resource, store in _known(readers)}
    if not found:
        message = (
            f"source {name}: expected one that keeps what it knows of objects, got one "
            "that is not read yet, or whose Kubernetes Events looked nothing up so far"
        )
        raise HTTPException(status.HTTP_409_CONFLICT, message)
    return list(found.values())


def _known(readers: list[ReaderStatus]) -> Iterator[tuple[str, Store]]:
    for reader in readers:
        for resource, store in reader.stores.items():
            yield resource, cast("Store", store)  # health does not know the cluster


def _wanted(
    *, namespace: str | None, owner: str | None, labels: list[str] | tuple[()]
) -> list[tuple[str, Any]]:
    wanted: list[tuple[str, Any]] = []
    if namespace is not None:
        wanted.append(("namespace", namespace))
    if owner is not None:
        wanted.append(("owner", owner))
    for label in labels:
        key, equals, value = label.partition("=")
        if not equals:
            raise RequestError(f"label: expected key=value, got {label[:256]!r}")
        wanted.append(("label", (key, value)))
    return wanted


def _must_keep(name: str, stores: list[tuple[str, Store]], index: str) -> None:
    """Refuse a question that no store of a source can answer."""
    keeps = {
        "label": any(store.keeps.labels for _, store in stores),
        "owner": any(store.keeps.owner for _, store in stores),
    }
    if not keeps.get(index, True):
        message = (
            f"source {name}: expected one that keeps the {index} of objects, got one "
            "that does not: no route and no enrich of it asks for that"
        )
        raise HTTPException(status.HTTP_409_CONFLICT, message)


def _page(
    stores: list[tuple[str, Store]],
    wanted: list[tuple[str, Any]],
    *,
    after: str,
    limit: int,
) -> list[tuple[str, ObjectMeta]]:
    """Return the next objects, by resource and key."""
    last, _, key = after.partition("/")
    found = (
        (resource, known)
        for resource, store in stores
        if resource >= last
        for known in store.select(
            wanted, after=key if resource == last else "", limit=limit
        )
    )
    return nsmallest(limit, found, key=lambda one: (one[0], one[1].key))


def _place(resource: str, known: ObjectMeta) -> str:
    return f"{resource}/{known.key}"


def _view(resource: str, known: ObjectMeta) -> ObjectView:
    owner = known.owner
    return ObjectView(
        resource=resource,
        namespace=known.namespace,
        name=known.name,
        uid=known.uid,
        resource_version=known.version,
        labels=dict(known.labels),
        owner=None
        if owner is None
        else OwnerView(
            api_version=owner.api_version,
            kind=owner.kind,
            name=owner.name,
            uid=owner.uid,
        ),
    )
