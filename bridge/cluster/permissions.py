"""Ask the API server what the bridge may do."""

import msgspec

from bridge.cluster import Resource
from bridge.cluster.answers import check_answer
from bridge.cluster.client import ClusterClient
from bridge.cluster.wire import reading
from bridge.errors import UnreadableError

_PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class _Status(msgspec.Struct):
    """The answer of an authorizer; a failure counts as a refusal."""

    allowed: bool


class _Review(msgspec.Struct):
    """A SelfSubjectAccessReview, as far as it is read."""

    status: _Status


_decode = reading(_Review)


async def is_allowed(
    client: ClusterClient,
    *,
    verb: str,
    resource: Resource,
    namespace: str | None = None,
    name: str = "",
) -> bool:
    """Return whether the bridge may do something (SelfSubjectAccessReview).

    Every user that is logged in may ask this (ClusterRole ``system:basic-user``).

    Args:
        client: The cluster.
        verb: ``get``, ``list`` or ``watch``.
        resource: What to read.
        namespace: Where; None: everywhere.
        name: Of one object; empty: of all.

    Raises:
        ClusterError: As `ClusterClient.post` raises it.
    """
    attributes = {
        "verb": verb,
        "group": resource.group,
        "version": resource.version,
        "resource": resource.plural,
        "namespace": namespace or "",
        "name": name,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    body = await client.post(_PATH, review)
    check_answer(body, kind="SelfSubjectAccessReview", doing=f"post {_PATH}")
    try:
        return _decode(body).status.allowed
    except msgspec.DecodeError as error:
        raise UnreadableError(f"post {_PATH}: expected a review with status") from error
