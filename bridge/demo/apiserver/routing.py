"""Read what a request asks for: verb, object or collection, and the query's options.

Kubernetes API concepts, "Resource URIs" and "Resource versions".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bridge.demo.apiserver.objects import details
from bridge.demo.apiserver.resources import (
    BUILT_IN_GROUPS,
    NAMESPACES,
    Catalog,
    ServedResource,
)
from bridge.demo.apiserver.status import StatusError, invalid

EXACT, NOT_OLDER_THAN = "Exact", "NotOlderThan"
_MATCH = "resourceVersionMatch"
_NEEDS_MATCH = f"sendInitialEvents requires setting {_MATCH} to {NOT_OLDER_THAN}"

_COLLECTION = {"GET": "list", "POST": "create"}
_OBJECT = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request, understood."""

    verb: str
    resource: ServedResource
    namespace: str
    """Empty for all namespaces, and for resources without one."""
    name: str
    """Empty for a collection."""

    @property
    def prefix(self) -> str:
        """The beginning of the keys of the collection."""
        return f"{self.namespace}/" if self.namespace else ""


def route(catalog: Catalog, method: str, path: str, *, watch: bool) -> Call | None:
    """Return what a request asks for, ``None`` if the path leads nowhere.

    Raises:
        StatusError: 404 unknown resource, 405 this cannot be done with it.
    """
    match path.strip("/").split("/"):
        case ["api", version, *rest]:
            group = ""
        case ["apis", group, version, *rest]:
            pass
        case _:
            return None
    namespace, rest = _split_namespace(rest)
    plural, name, *more = [*rest, "", ""]
    resource = catalog.find(group, version, plural)
    if resource is None or any(more):
        if group in BUILT_IN_GROUPS:
            raise _not_served()
        return None
    verb = _verb(method, resource, namespace, name)
    return Call(
        verb="watch" if verb == "list" and watch else verb,
        resource=resource,
        namespace=namespace,
        name=name,
    )


def forbidden(call: Call) -> StatusError:
    """Return the refusal that RBAC would give."""
    resource = call.resource
    quoted = f' "{call.name}"' if call.name else ""
    # For RBAC a namespace lies in itself.
    namespace = call.namespace or (call.name if resource.table == NAMESPACES else "")
    scope = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    return StatusError(
        403,
        f'{resource.name}{quoted} is forbidden: User "demo" cannot {call.verb} '
        f'resource "{resource.plural}" in API group "{resource.group}" {scope}',
        details=details(resource, call.name),
    )


def _split_namespace(rest: list[str]) -> tuple[str, list[str]]:
    """Return the namespace of a path, and what follows it."""
    if len(rest) > 2 and rest[0] == NAMESPACES:
        return rest[1], rest[2:]
    return "", rest


def _verb(method: str, resource: ServedResource, namespace: str, name: str) -> str:
    """Return what is to be done with a collection, or with the object ``name``."""
    is_at_home = resource.namespaced == bool(namespace)
    if not is_at_home and (namespace or name):
        raise _not_served()
    verb = (_OBJECT if name else _COLLECTION).get(method)
    # Without a namespace, what has one can be listed but not created.
    if verb is None or (verb == "create" and not is_at_home):
        raise StatusError(
            405, "the server does not allow this method on the requested resource"
        )
    return verb


def _not_served() -> StatusError:
    """Return the refusal of a path at which nothing is."""
    return StatusError(404, "the server could not find the requested resource")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of a request."""

    label_selector: str
    field_selector: str
    limit: int
    """Most items in a page; 0 is no limit."""
    continue_token: str
    resource_version: int
    """0 if unset: for a list or a watch that is the same, the present."""
    match: str
    """``Exact``, ``NotOlderThan`` or empty."""
    watch: bool
    bookmarks: bool
    send_initial_events: bool | None
    """``None`` if unset."""
    timeout_seconds: int
    """How long a watch lasts; 0 is the server's choice."""


def parse_options(query: Mapping[str, str]) -> Options:
    """Return the checked options.

    Raises:
        StatusError: 400 for what is no number, 422 for what does not go together.
    """
    initial = query.get("sendInitialEvents")
    options = Options(
        label_selector=query.get("labelSelector", ""),
        field_selector=query.get("fieldSelector", ""),
        limit=_number(query, "limit"),
        continue_token=query.get("continue", ""),
        resource_version=_number(query, "resourceVersion"),
        match=query.get("resourceVersionMatch", ""),
        watch=is_true(query.get("watch")),
        bookmarks=is_true(query.get("allowWatchBookmarks")),
        send_initial_events=None if initial is None else is_true(initial),
        timeout_seconds=_number(query, "timeoutSeconds"),
    )
    causes = dict(_about_watch(options) if options.watch else _about_list(options))
    if causes:
        raise invalid("ListOptions.meta.k8s.io", "", causes)
    return options


def _about_list(options: Options) -> Iterator[tuple[str, str]]:
    """Find what a list must not ask for."""
    if options.send_initial_events is not None:
        yield "sendInitialEvents", "Forbidden: sendInitialEvents is forbidden for list"
    if options.match and options.continue_token:
        yield _MATCH, f"Forbidden: {_MATCH} is forbidden when continue is provided"
    if options.match and not options.resource_version:
        yield (
            _MATCH,
            f"Forbidden: {_MATCH} is forbidden unless resourceVersion is provided",
        )
    if options.match not in {"", EXACT, NOT_OLDER_THAN}:
        yield _MATCH, f"Unsupported value: {options.match!r}"


def _about_watch(options: Options) -> Iterator[tuple[str, str]]:
    """Find what a watch must not ask for."""
    if options.send_initial_events is None and options.match:
        yield _MATCH, f"Forbidden: {_MATCH} needs sendInitialEvents"
    if options.send_initial_events is not None and options.match != NOT_OLDER_THAN:
        yield _MATCH, f"Forbidden: {_NEEDS_MATCH}"


def _number(query: Mapping[str, str], name: str) -> int:
    """Return a number that is not negative, 0 if it is not given."""
    text = query.get(name) or "0"
    if not (text.isascii() and text.isdigit()):
        raise StatusError(400, f"{name}: expected a number, got {text!r}")
    return int(text)


def is_true(text: str | None) -> bool:
    """Return whether an option is switched on."""
    return text in {"1", "true"}
