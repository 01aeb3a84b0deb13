"""A young API server lets nobody but the admin ask anything, for a second or so."""

import httpx

from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import wait_until

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def wait_until_heard(plane: ControlPlane, token: str) -> None:
    """Wait until the API server has made the roles that every user has."""
    attributes = {"verb": "list", "resource": "events"}
    review = {"spec": {"resourceAttributes": attributes}}

    def is_heard() -> bool:
        try:
            plane.apiserver.request("POST", REVIEWS, review, token=token)
            plane.apiserver.request("GET", "/api/v1", token=token)
        except httpx.HTTPStatusError:
            return False
        return True

    wait_until(is_heard)
