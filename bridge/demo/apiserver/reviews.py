"""What a client may do, answered to itself (authorization.k8s.io/v1)."""

from collections.abc import Callable, Mapping
from typing import Any

PATH = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def review(
    sent: Mapping[str, Any], *, is_forbidden: Callable[[str, str], bool]
) -> dict[str, Any]:
    """Return a SelfSubjectAccessReview with its status.

    Args:
        sent: The review that a client sent.
        is_forbidden: Tells of a verb and a plural name whether a fault forbids it.
    """
    asked = sent["spec"]["resourceAttributes"]
    allowed = not is_forbidden(asked["verb"], asked["resource"])
    return {**sent, "status": {"allowed": allowed}}
