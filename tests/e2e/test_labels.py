"""Our label selectors mean what they mean to a real API server."""

import httpx
import pytest

from tests.controlplane.cluster import ControlPlane
from tests.unit.filters.selectors import BROKEN, OBJECTS, SELECTORS

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture
def api(control_plane: ControlPlane, namespace: str):
    """Return a client of the ConfigMaps of a namespace with labelled ones."""
    server = control_plane.apiserver
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    for name, labels in OBJECTS.items():
        server.request("POST", path, {"metadata": {"name": name, "labels": labels}})
    with httpx.Client(
        base_url=server.url + path,
        headers={"Authorization": f"Bearer {server.token()}"},
        verify=server.ssl_context(),
        trust_env=False,
    ) as client:
        yield client


def test_labels_select_what_the_api_server_selects(api: httpx.Client) -> None:
    """Selector by selector, the same objects; the unit tests compare ours to these."""
    found = {}
    for selector in SELECTORS:
        items = api.get("", params={"labelSelector": selector}).json()["items"]
        names = {item["metadata"]["name"] for item in items}
        found[selector] = names & set(OBJECTS)  # a controller makes ConfigMaps too

    assert found == SELECTORS


def test_labels_refuse_what_the_api_server_refuses(api: httpx.Client) -> None:
    """A broken selector is a bad request there, and a configuration error here."""
    statuses = {
        selector: api.get("", params={"labelSelector": selector}).status_code
        for selector in BROKEN
    }

    assert statuses == dict.fromkeys(BROKEN, 400)
