"""Which object or collection a request is about, and what is to be done with it."""

from dataclasses import dataclass

from bridge.demo.apiserver.objects import details
from bridge.demo.apiserver.resources import (
    BUILT_IN_GROUPS,
    NAMESPACES,
    Catalog,
    ServedResource,
)
from bridge.demo.apiserver.status import StatusError

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
