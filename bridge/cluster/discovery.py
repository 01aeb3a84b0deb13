"""Find the resource of a kind or a name by API discovery (API concepts).

Nothing is remembered: one document for each question, asked when a reader starts or
finds its resource gone, so that a CustomResourceDefinition is seen as it is now.
"""

from collections.abc import AsyncIterator, Collection, Iterable
from difflib import get_close_matches

import msgspec

from bridge.cluster import Resource
from bridge.cluster.answers import check_answer
from bridge.cluster.builtin import BUILTIN
from bridge.cluster.client import ClusterClient
from bridge.cluster.settings import Target
from bridge.cluster.wire import reading
from bridge.errors import NotServedError, UnreadableError

_UNCACHED = {("", "events"), ("events.k8s.io", "events")}


class _Served(msgspec.Struct):
    """An APIResource, as far as it is read."""

    name: str
    kind: str
    namespaced: bool
    verbs: list[str] = []


class _Resources(msgspec.Struct):
    """An APIResourceList; Go writes a nil slice as null."""

    resources: list[_Served] | None


class _Version(msgspec.Struct):
    """A GroupVersionForDiscovery."""

    version: str


class _Group(msgspec.Struct, rename="camel"):
    """An APIGroup; its versions come in the server's order of preference."""

    versions: list[_Version]
    preferred_version: _Version


_decode_resources = reading(_Resources)
_decode_group = reading(_Group)


async def find_resource(client: ClusterClient, target: Target) -> Resource:
    """Return what the API server serves under a name.

    When the version that is asked for does not have it (any more) it is the preferred
    one of the group that has: compare `Resource.api_version`.

    Raises:
        NotServedError: It is unknown, or it can only be written or asked, not watched;
            says what was looked for, and what may have been meant.
        ClusterError: As `ClusterClient.get` raises it.
    """
    seen: list[_Served] = []
    async for version in _versions(client, target):
        served = await _read_resources(client, target.group, version)
        seen += served
        if found := _choose(served, target):
            return _resource(found, group=target.group, version=version)
    raise NotServedError(_explain(target, seen), status=404)


async def _versions(client: ClusterClient, target: Target) -> AsyncIterator[str]:
    """Yield the versions to look in: the one asked for, then as the server prefers."""
    if target.version:
        yield target.version
    elif not target.group:
        yield "v1"
    if not target.group:
        return
    for version in await _read_versions(client, target.group):
        if version != target.version:
            yield version


async def _read_versions(client: ClusterClient, group: str) -> list[str]:
    try:
        body = await client.get(f"/apis/{group}")
    except NotServedError:
        return []
    check_answer(body, kind="APIGroup", doing=f"get /apis/{group}")
    try:
        form = _decode_group(body)
    except msgspec.DecodeError as error:
        raise UnreadableError(f"get /apis/{group}: expected an APIGroup") from error
    ordered = [form.preferred_version, *form.versions]
    return list(dict.fromkeys(one.version for one in ordered))


async def _read_resources(
    client: ClusterClient, group: str, version: str
) -> list[_Served]:
    path = f"/apis/{group}/{version}" if group else f"/api/{version}"
    try:
        body = await client.get(path)
    except NotServedError:  # unknown groups answer 404 in plain text
        return []
    check_answer(body, kind="APIResourceList", doing=f"get {path}")
    try:
        served = _decode_resources(body).resources or []
    except msgspec.DecodeError as error:
        raise UnreadableError(f"get {path}: expected an APIResourceList") from error
    return [one for one in served if "/" not in one.name]  # no subresources


def _choose(served: Iterable[_Served], target: Target) -> _Served | None:
    return next((one for one in served if _is_meant(one, target)), None)


def _is_meant(served: _Served, target: Target) -> bool:
    name = served.kind if target.kind else served.name
    return name == target.name


def _resource(served: _Served, *, group: str, version: str) -> Resource:
    resource = Resource(
        group=group,
        version=version,
        plural=served.name,
        kind=served.kind,
        namespaced=served.namespaced,
        has_bookmarks=(group, served.name) not in _UNCACHED,
    )
    if missing := [verb for verb in ("list", "watch") if verb not in served.verbs]:
        raise NotServedError(
            f"{resource.api_version} {resource.kind} cannot be watched: the API server "
            f"does not serve {' and '.join(missing)} of {resource.name}",
            status=405,
        )
    return resource


def _explain(target: Target, seen: Collection[_Served]) -> str:
    problem = f"the API server does not serve {target}"
    if suggestion := _suggest(target, seen):
        return f"{problem}; did you mean {suggestion}?"
    return problem


def _suggest(target: Target, seen: Collection[_Served]) -> str | None:
    """Return a suggestion: the name in another group, or a similar name in this one."""
    for one in BUILTIN.values():
        if target.name in {one.kind, one.plural} and one.group != target.group:
            return f"{one.api_version} {one.kind}" if target.kind else one.name
    names = [one.kind if target.kind else one.name for one in seen]
    folded = {name.casefold(): name for name in names}
    close = get_close_matches(target.name.casefold(), folded, n=1)
    return folded[close[0]] if close else None
