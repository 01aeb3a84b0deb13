"""What stands between a configuration and its cluster; nothing is started for it.

The answer is plain data, the same for a person and for a program:

    {"cluster": {...}, "sources": [{..., "permissions": [...], "cursors": [...]}],
     "sinks": [{...}], "missing": ["..."], "files": {...}, "problems": ["..."],
     "notes": ["..."]}

A note is what would be a problem if the source were not optional.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Any

from bridge.app.build import build_router
from bridge.app.file_limit import attainable_limit, share_files
from bridge.app.needs import IDENTITY, Need, places, source_needs, unknown_kinds
from bridge.app.reach import reach_sinks
from bridge.cluster import Resource
from bridge.cluster.client import ClusterClient
from bridge.cluster.discovery import find_resource
from bridge.cluster.permissions import is_allowed
from bridge.cluster.reflector.list_watch import ListWatch
from bridge.config import Config, find_missing
from bridge.errors import (
    ApiStatusError,
    ClusterError,
    ForbiddenError,
    NotServedError,
)
from bridge.ingest.source import Source, build_sources

EVERYWHERE = "*"
"""Stands for all namespaces."""

Answer = dict[str, Any]
"""A JSON object."""

_SWITCHED_OFF = frozenset({400, 422})


async def diagnose(
    config: Config, *, cursors: Sequence[Mapping[str, Any]] | None, now: datetime
) -> Answer:
    """Return what the API server serves and permits of a configuration.

    Args:
        config: The configuration.
        cursors: Those of a running bridge, as its API lists them; None: not asked.
        now: The time, for ages.

    Raises:
        ClusterError: It cannot be reached, or not with these credentials.
    """
    async with ClusterClient.open(
        kubeconfig=config.cluster.kubeconfig, context=config.cluster.context
    ) as client:
        cluster = await _cluster(client)
        sources = [
            await _source(client, one, cursors=cursors, uid=cluster["uid"], now=now)
            for one in build_sources(config.sources, build_router(config))
        ]
        cluster |= await _features([one for _, one in sources])
        sinks = await reach_sinks(config, server=client.server)
    answer = {"cluster": cluster, "sources": [one for one, _ in sources]}
    answer |= {"sinks": sinks, "missing": list(find_missing(config, os.environ))}
    answer |= {"files": _files(config)}
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
    """Return what there is to say of a source, and what it could read at once."""
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
    """Return what an error says of a kind; None: nothing."""
    return False if isinstance(error, NotServedError | ForbiddenError) else None


def _misfits(wanted: Source, resource: Resource) -> Iterator[str]:
    """Yield what the configuration says of the source that the cluster belies."""
    if wanted.settings.is_namespaced and not resource.namespaced:
        yield f"expected no namespaces, for {resource.name} live in none"
    for kind in unknown_kinds(wanted):
        yield f"expected one of Kubernetes' own kinds in enrich.kinds, got {kind}"


async def _refused_selector(readable: ListWatch, wanted: Source) -> str:
    """Return what the API server says against the field selector; empty: nothing."""
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
    """Ask for all namespaces at once first: then one watch serves them all."""
    needs = list(source_needs(wanted, resource))
    if len(places(wanted, resource)) > 1:
        wide = dict.fromkeys(replace(need, namespace=None) for need in needs)
        permissions = await _ask(client, list(wide))
        if all(one["allowed"] for one in permissions):
            return permissions
    return await _ask(client, needs)


async def _ask(client: ClusterClient, needs: Sequence[Need]) -> list[Answer]:
    return [
        {
            "for": need.purpose,
            "verb": verb,
            "resource": need.resource.name,
            "namespace": need.namespace or EVERYWHERE,
            "name": need.name,
            "allowed": await _is_allowed(client, need, verb),
        }
        for need in needs
        for verb in need.verbs
    ]


async def _is_allowed(client: ClusterClient, need: Need, verb: str) -> bool | None:
    """Return the API server's word; None: it says neither yes nor no."""
    try:
        return await is_allowed(
            client,
            verb=verb,
            resource=need.resource,
            namespace=need.namespace,
            name=need.name,
        )
    except ClusterError:
        return None


def _is_own(
    cursor: Mapping[str, Any], wanted: Source, resource: Resource, *, uid: str
) -> bool:
    """Tell whether the source, as it is configured, reads on from a cursor."""
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
    where = {place or EVERYWHERE for place in places(wanted, resource)}
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
    """Return where the source may list and watch; None: nowhere."""
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
    """Try what is used where it is there, on the first thing that may be read."""
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


def _files(config: Config) -> Answer:
    """Return whether there may be as many connections as are configured."""
    shares = share_files(config, attainable_limit())
    return {
        "limit": shares.limit,
        "sinksAsk": shares.asked,
        "sinksGet": min(shares.asked, shares.sinks),
    }


def _problems(answer: Answer) -> list[str]:
    """Return a line for each thing that is missing or that nobody can tell."""
    lines = [f"cluster: {one}" for one in _refusals(answer["cluster"])]
    for source in answer["sources"]:
        lines += _about(source, lambda source, what: not _is_excused(source, what))
    for sink in answer["sinks"]:
        if sink["error"]:
            lines.append(f"sink {sink['name']}: {sink['error']}")
    lines += answer["missing"]
    return lines


def _notes(answer: Answer) -> list[str]:
    """Return a line for each thing that is missing and need not be there."""
    lines: list[str] = []
    for source in answer["sources"]:
        lines += _about(source, _is_excused)
    return lines


def _about(
    source: Answer, is_told: Callable[[Answer, bool | None], bool]
) -> Iterator[str]:
    """Yield what is to be told of a source, by whether it is served and permitted."""
    name = f"source {source['name']}"
    if source["error"] and is_told(source, source["found"]):
        yield f"{name}: {source['error']}"
    told = [one for one in source["permissions"] if is_told(source, one["allowed"])]
    yield from (f"{name}: {one}" for one in _refusals({"permissions": told}))


def _is_excused(source: Answer, word: bool | None) -> bool:  # a word
    """Return whether a clear no is no harm: that nobody can tell is one, always."""
    return bool(source["optional"]) and word is False


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
