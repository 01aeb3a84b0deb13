"""Compares sources and sinks with the cluster and the network; starts nothing.

The answer is plain data, the same for a person and for a program:

    {"cluster": {...}, "sources": [{..., "permissions": [...], "cursors": [...]}],
     "sinks": [{...}], "missing": ["..."], "files": {...}, "problems": ["..."],
     "notes": ["..."]}

A note is what would be a problem if the source were not optional.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Any

from bridge.cluster import Resource
from bridge.cluster.client import ClusterClient
from bridge.cluster.discovery import find_resource
from bridge.cluster.permissions import is_allowed
from bridge.cluster.reflector.list_watch import ListWatch
from bridge.cluster.settings import ClusterConfig
from bridge.errors import (
    ApiStatusError,
    ClusterError,
    ForbiddenError,
    NotServedError,
)
from bridge.ingest.scoping import EVERYWHERE
from bridge.ingest.source import Source
from bridge.operate.rbac import (
    IDENTITY,
    Permission,
    namespaces_of,
    source_permissions,
    unknown_kinds,
)
from bridge.operate.reach import reach_sinks
from bridge.sinks.http.settings import HttpConfig
from bridge.sinks.transports.egress import Egress

Answer = dict[str, Any]
"""A JSON object."""

_SWITCHED_OFF = frozenset({400, 422})


async def diagnose(
    cluster: ClusterConfig,
    sources: Sequence[Source],
    *,
    sinks: Sequence[HttpConfig],
    egress: Egress,
    missing: Sequence[str],
    files: Answer,
    cursors: Sequence[Mapping[str, Any]] | None,
    now: datetime,
) -> Answer:
    """Return what the API server serves and permits, and which sinks can be reached.

    Args:
        cluster: How to reach the API server.
        sources: The configured sources.
        sinks: Settings of the sinks to connect to.
        egress: Where connections of sinks may lead.
        missing: A line for each file or variable that the configuration names and that
            does not exist.
        files: Open files that the process may have, and how many the sinks get.
        cursors: Cursors of a running bridge, as its API lists them; None: not asked.
        now: The time, for ages.

    Raises:
        ClusterError: It cannot be reached, or not with these credentials.
    """
    opening = ClusterClient.open(kubeconfig=cluster.kubeconfig, context=cluster.context)
    async with opening as client:
        found = await _cluster(client)
        told = [
            await _source(client, one, cursors=cursors, uid=found["uid"], now=now)
            for one in sources
        ]
        found |= await _features([readable for _, readable in told])
        reached = await reach_sinks(sinks, egress=egress, server=client.server)
    answer = {"cluster": found, "sources": [one for one, _ in told]}
    answer |= {"sinks": reached, "missing": list(missing), "files": files}
    return answer | {"problems": _problems(answer), "notes": _notes(answer)}


async def _cluster(client: ClusterClient) -> Answer:
    uid = await client.cluster_uid()
    return {
        "server": client.server,
        "version": await client.server_version(),
        "uid": uid.uid,
        "uidDerived": uid.derived,
        "permissions": await _ask(client, [IDENTITY]),
    }


async def _source(
    client: ClusterClient,
    wanted: Source,
    *,
    cursors: Sequence[Mapping[str, Any]] | None,
    uid: str,
    now: datetime,
) -> tuple[Answer, ListWatch | None]:
    """Return what is known of a source, and a place where it may list and watch."""
    answer: Answer = {
        "name": wanted.name,
        "target": str(wanted.settings.target),
        "optional": wanted.settings.optional,
        "found": True,
    }
    try:
        resource = await find_resource(client, wanted.settings.target)
    except ClusterError as error:
        unknown: Answer = {"resource": None, "apiVersion": None, "permissions": []}
        unknown |= {"cursors": None, "error": str(error)}
        return answer | unknown | {"found": _is_found(error)}, None
    answer |= {
        "resource": resource.name,
        "apiVersion": resource.api_version,
        "permissions": await _permissions(client, wanted, resource),
        "cursors": None,
        "error": "; ".join(_misfits(wanted, resource)),
    }
    readable = _readable_part(client, answer["permissions"], resource)
    if readable is not None and (refused := await _refused_selector(readable, wanted)):
        answer["error"] = "; ".join(filter(None, (answer["error"], refused)))
    if cursors is not None:
        own = [one for one in cursors if _is_own(one, wanted, resource, uid=uid)]
        answer["cursors"] = [
            await _cursor(client, one, resource=resource, now=now) for one in own
        ]
    return answer, readable


def _is_found(error: ClusterError) -> bool | None:
    """Return whether an error says that a kind exists; None: it does not say."""
    return False if isinstance(error, NotServedError | ForbiddenError) else None


def _misfits(wanted: Source, resource: Resource) -> Iterator[str]:
    """Yield settings of a source that do not fit the cluster."""
    if wanted.settings.is_namespaced and not resource.namespaced:
        yield f"expected no namespaces, for {resource.name} live in none"
    for kind in unknown_kinds(wanted):
        yield f"expected one of Kubernetes' own kinds in enrich.kinds, got {kind}"


async def _refused_selector(readable: ListWatch, wanted: Source) -> str:
    """Return why the API server refuses the field selector; empty: it does not."""
    if not wanted.settings.field_selector:
        return ""
    try:
        await readable.client.list_page(
            readable.resource,
            namespace=readable.namespace,
            limit=1,
            field_selector=wanted.settings.field_selector,
            metadata_only=True,
        )
    except ApiStatusError as error:
        if error.status == HTTPStatus.BAD_REQUEST:
            return f"fieldSelector '{wanted.settings.field_selector}': {error}"
    except ClusterError:
        pass  # that it cannot be listed is told elsewhere
    return ""


async def _permissions(
    client: ClusterClient, wanted: Source, resource: Resource
) -> list[Answer]:
    """Return the permissions of a source, those for all namespaces if all are granted.

    Then one watch serves all namespaces.
    """
    needed = list(source_permissions(wanted, resource))
    if len(namespaces_of(wanted, resource)) > 1:
        wide = dict.fromkeys(replace(one, namespace=None) for one in needed)
        permissions = await _ask(client, list(wide))
        if all(one["allowed"] for one in permissions):
            return permissions
    return await _ask(client, needed)


async def _ask(
    client: ClusterClient, permissions: Sequence[Permission]
) -> list[Answer]:
    return [
        {
            "for": one.purpose,
            "verb": verb,
            "resource": one.resource.name,
            "namespace": one.namespace or EVERYWHERE,
            "name": one.name,
            "allowed": await _is_allowed(client, one, verb),
        }
        for one in permissions
        for verb in one.verbs
    ]


async def _is_allowed(
    client: ClusterClient, permission: Permission, verb: str
) -> bool | None:
    """Return whether the API server allows it; None: it does not say."""
    try:
        return await is_allowed(
            client,
            verb=verb,
            resource=permission.resource,
            namespace=permission.namespace,
            name=permission.name,
        )
    except ClusterError:
        return None


def _is_own(
    cursor: Mapping[str, Any], wanted: Source, resource: Resource, *, uid: str
) -> bool:
    """Return whether a source, as configured, goes on from a cursor."""
    selection = (
        uid,
        resource.name,
        wanted.settings.field_selector,
        wanted.settings.label_selector,
    )
    keys = ("cluster", "resource", "fieldSelector", "labelSelector")
    if tuple(cursor[key] for key in keys) != selection:
        return False
    namespace = cursor["namespace"]
    if wanted.namespace_selector is not None:
        return True  # those that it means may change
    where = {place or EVERYWHERE for place in namespaces_of(wanted, resource)}
    return namespace in where or (wanted.settings.chooses and namespace == EVERYWHERE)


async def _cursor(
    client: ClusterClient,
    cursor: Mapping[str, Any],
    *,
    resource: Resource,
    now: datetime,
) -> Answer:
    namespace = cursor["namespace"]
    collection = ListWatch(
        client=client,
        resource=resource,
        namespace=None if namespace == EVERYWHERE else namespace,
    )
    moved = datetime.fromisoformat(cursor["moved"])
    return {
        **{key: cursor[key] for key in ("id", "namespace", "resourceVersion", "moved")},
        "ageSeconds": round((now - moved).total_seconds(), 1),
        "state": await _state(collection, cursor["resourceVersion"]),
    }


async def _state(collection: ListWatch, version: str) -> str:
    try:
        return await collection.probe(version)
    except ClusterError:
        return "unknown"


def _readable_part(
    client: ClusterClient, permissions: Sequence[Answer], resource: Resource
) -> ListWatch | None:
    """Return a scope that the source may list and watch; None: there is none."""
    allowed: dict[str, set[str]] = {}
    for one in permissions:
        if one["for"] == "read" and one["allowed"]:
            allowed.setdefault(one["namespace"], set()).add(one["verb"])
    for namespace, verbs in allowed.items():
        if verbs == {"list", "watch"}:
            where = None if namespace == EVERYWHERE else namespace
            return ListWatch(client=client, resource=resource, namespace=where)
    return None


async def _features(readable: Sequence[ListWatch | None]) -> Answer:
    """Return which optional features the API server has, tried on a readable scope."""
    collection = next(filter(None, readable), None)
    if collection is None:
        return {"watchList": None, "listExact": None}
    return {
        "watchList": await _has_watch_list(collection),
        "listExact": await _has_exact_list(collection),
    }


async def _has_watch_list(collection: ListWatch) -> bool | None:
    watch = collection.client.watch(
        collection.resource,
        namespace=collection.namespace,
        resource_version="",
        timeout_seconds=1,
        initial=True,
    )
    try:
        async with watch:
            return True
    except ApiStatusError as error:
        return False if error.status in _SWITCHED_OFF else None
    except ClusterError:
        return None


async def _has_exact_list(collection: ListWatch) -> bool | None:
    try:
        state = await collection.probe(await collection.newest_version())
    except ClusterError:
        return None
    return {"readable": True, "unknown": False}.get(state)


def _problems(answer: Answer) -> list[str]:
    """Return a line for each problem: missing, refused or unknown."""
    lines = [f"cluster: {one}" for one in _refusals(answer["cluster"])]
    for source in answer["sources"]:
        lines += _about(source, lambda source, what: not _is_excused(source, what))
    for sink in answer["sinks"]:
        if sink["error"]:
            lines.append(f"sink {sink['name']}: {sink['error']}")
    lines += answer["missing"]
    return lines


def _notes(answer: Answer) -> list[str]:
    """Return a line for each problem of an optional source."""
    lines: list[str] = []
    for source in answer["sources"]:
        lines += _about(source, _is_excused)
    return lines


def _about(
    source: Answer, is_told: Callable[[Answer, bool | None], bool]
) -> Iterator[str]:
    """Yield the problems of a source for which `is_told` returns True."""
    name = f"source {source['name']}"
    if source["error"] and is_told(source, source["found"]):
        yield f"{name}: {source['error']}"
    told = [one for one in source["permissions"] if is_told(source, one["allowed"])]
    yield from (f"{name}: {one}" for one in _refusals({"permissions": told}))


def _is_excused(source: Answer, answer: bool | None) -> bool:
    """Return whether a refusal does no harm; an unknown answer always does."""
    return bool(source["optional"]) and answer is False


def _refusals(part: Answer) -> list[str]:
    words = {False: "not allowed", None: "cannot tell whether it is allowed"}
    return [
        f"{words[one['allowed']]} to {one['verb']} {one['resource']} {_place(one)}"
        for one in part["permissions"]
        if not one["allowed"]
    ]


def _place(permission: Answer) -> str:
    if permission["name"]:
        return str(permission["name"])
    namespace = permission["namespace"]
    return "in all namespaces" if namespace == EVERYWHERE else f"in {namespace}"
