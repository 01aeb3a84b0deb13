"""Creating, reading, changing and deleting objects by the rules of the API.

Objects come in as clients send them and go out as clients see them; what lies in
`ObjectStorage` has no kind and no API version, and Events have their core/v1 field
names.
"""

from typing import Any

import msgspec

from bridge.demo.apiserver import admission
from bridge.demo.apiserver.resources import (
    BUILT_IN,
    DEFINITIONS,
    NAMESPACES,
    Catalog,
    ServedResource,
)
from bridge.demo.apiserver.status import StatusError, success
from bridge.demo.apiserver.storage import ObjectStorage
from bridge.demo.apiserver.wire import typed

Object = dict[str, Any]

_NAMESPACE = BUILT_IN[0]
_GIVEN_AT_BIRTH = ("name", "namespace", "uid", "creationTimestamp", "managedFields")


class Objects:
    """The objects of all resources."""

    def __init__(self, storage: ObjectStorage, catalog: Catalog) -> None:
        """Work on ``storage``; ``catalog`` follows the definitions that lie there."""
        self._storage = storage
        self._catalog = catalog

    def create(
        self, resource: ServedResource, namespace: str, sent: Object, *, manager: str
    ) -> bytes:
        """Create an object and return it as it became.

        Args:
            resource: what it is.
            namespace: where; empty for what has no namespace.
            sent: the object; kind and API version may be left out.
            manager: who does it, for ``managedFields``.

        Raises:
            StatusError: 400, 404 (no such namespace), 409 (it exists) or 422.
        """
        value = admission.to_store(resource, namespace, sent)
        name = admission.settle_name(resource, value["metadata"])
        if namespace and not self._storage.get(NAMESPACES, namespace):
            raise _refusal(404, _NAMESPACE, namespace, "not found")
        value = admission.completed(resource, value)
        admission.check(resource, value)
        if self._storage.get(resource.table, _key(namespace, name)):
            raise _refusal(409, resource, name, "already exists", "AlreadyExists")
        value["metadata"] |= admission.birth(resource, value, manager)
        return self._put(resource, namespace, name, value)

    def replace(
        self, resource: ServedResource, namespace: str, name: str, sent: Object
    ) -> bytes:
        """Replace an object and return it as it became.

        Raises:
            StatusError: 400, 404 or 409 (it was changed or created anew meanwhile).
        """
        value = admission.to_store(resource, namespace, sent)
        if value["metadata"].setdefault("name", name) != name:
            raise StatusError(
                400, "the name of the object does not match the name on the URL"
            )
        before = self.body(resource, namespace, name)
        return self._change(resource, namespace, name, before, value)

    def patch(
        self, resource: ServedResource, namespace: str, name: str, patch: Object
    ) -> bytes:
        """Apply a JSON merge patch (RFC 7386) and return the object as it became.

        Raises:
            StatusError: 400, 404 or 409.
        """
        before = self.body(resource, namespace, name)
        served = msgspec.json.decode(typed(resource, before))
        value = admission.to_store(resource, namespace, merged(served, patch))
        return self._change(resource, namespace, name, before, value)

    def delete(self, resource: ServedResource, namespace: str, name: str) -> bytes:
        """Delete an object, and what cannot be without it; return the Status.

        Raises:
            StatusError: 404.
        """
        body = self.body(resource, namespace, name)
        if resource.table == DEFINITIONS:
            self._remove_all(name, prefix="")
        if resource.table == NAMESPACES:
            for table in {each.table for each in self._catalog.resources}:
                self._remove_all(table, prefix=f"{name}/")
        self._storage.remove(resource.table, _key(namespace, name))
        self._follow_definitions(resource)
        uid = msgspec.json.decode(body)["metadata"]["uid"]
        return success(details(resource, name) | {"uid": uid})

    def follow_definitions(self) -> None:
        """Serve the custom resources whose definitions are stored."""
        records = self._storage.page(DEFINITIONS)
        self._catalog.define(record.object for record in records)

    def body(self, resource: ServedResource, namespace: str, name: str) -> bytes:
        """Return one object as it is stored.

        Raises:
            StatusError: 404.
        """
        body = self._storage.get(resource.table, _key(namespace, name))
        if body is None:
            raise _refusal(404, resource, name, "not found")
        return body

    def _change(
        self,
        resource: ServedResource,
        namespace: str,
        name: str,
        body: bytes,
        after: Object,
    ) -> bytes:
        """Write what an object is to become, unless it is that already."""
        before = msgspec.json.decode(body)
        for field in ("resourceVersion", "uid"):
            # A client may insist on what it has seen; silence insists on nothing.
            known = before["metadata"][field]
            if after["metadata"].setdefault(field, known) != known:
                raise _refusal(409, resource, name, "has been modified")
        kept = before["metadata"].items()
        after["metadata"] |= {key: part for key, part in kept if key in _GIVEN_AT_BIRTH}
        after = admission.completed(resource, after)
        if after == before:
            return typed(resource, body)
        return self._put(resource, namespace, name, after)

    def _put(
        self, resource: ServedResource, namespace: str, name: str, value: Object
    ) -> bytes:
        """Write an object and return it as clients see it."""
        body = self._storage.put(resource.table, _key(namespace, name), value)
        self._follow_definitions(resource)
        return typed(resource, body)

    def _remove_all(self, table: str, *, prefix: str) -> None:
        """Delete what lies under a prefix, one revision each."""
        for record in list(self._storage.page(table, prefix=prefix)):
            self._storage.remove(table, record.key)

    def _follow_definitions(self, resource: ServedResource) -> None:
        """Follow the definitions if it was one of them that changed."""
        if resource.table == DEFINITIONS:
            self.follow_definitions()


def merged(value: Object, patch: Object) -> Object:
    """Return ``value`` changed by a JSON merge patch (RFC 7386)."""
    result = dict(value)
    for key, part in patch.items():
        if part is None:
            result.pop(key, None)
        elif isinstance(part, dict):
            known = result.get(key)
            result[key] = merged(known if isinstance(known, dict) else {}, part)
        else:
            result[key] = part
    return result


def _key(namespace: str, name: str) -> str:
    """Return where an object lies in its table."""
    return f"{namespace}/{name}" if namespace else name


def details(resource: ServedResource, name: str) -> Object:
    """Return how a Status names an object."""
    parts = {"name": name, "group": resource.group, "kind": resource.plural}
    return {key: part for key, part in parts.items() if part}


def _refusal(
    code: int, resource: ServedResource, name: str, what: str, reason: str | None = None
) -> StatusError:
    """Return the refusal of something that was asked of one object."""
    return StatusError(
        code,
        f'{resource.name} "{name}" {what}',
        reason=reason,
        details=details(resource, name),
    )
