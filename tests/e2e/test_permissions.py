"""Questions to a real API server, whatever becomes of credentials and connections."""

import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
import yaml

from bridge.cluster import CORE_EVENTS
from bridge.cluster.client import ClusterClient
from bridge.cluster.permissions import is_allowed
from bridge.errors import UnauthorizedError
from tests.controlplane.cluster import ControlPlane
from tests.e2e.account import wait_until_heard
from tests.e2e.bridge import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ACCOUNT = "asker"
PLUGIN = """
import json, pathlib, sys
print(json.dumps({
    "apiVersion": "client.authentication.k8s.io/v1",
    "kind": "ExecCredential",
    "status": {"token": pathlib.Path(sys.argv[1]).read_text()},
}))
"""


class Pod:
    """A folder with a service account's token, and the account behind it."""

    def __init__(self, plane: ControlPlane, namespace: str, folder: Path) -> None:
        """Create the account and mount it."""
        self.folder, self._plane, self._namespace = folder, plane, namespace
        self._accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        self._create()
        self.mount()
        wait_until_heard(plane, (folder / "token").read_text())

    def revoke(self) -> None:
        """Make the mounted token worthless: its account is another one now."""
        self._plane.apiserver.request("DELETE", f"{self._accounts}/{ACCOUNT}")
        self._create()
        wait_until(self._is_refused)  # the API server believes in it for 10 s more

    def _is_refused(self) -> bool:
        try:
            token = (self.folder / "token").read_text()
            self._plane.apiserver.request("GET", "/api/v1", token=token)
        except httpx.HTTPStatusError as error:
            return error.response.status_code == httpx.codes.UNAUTHORIZED
        return False

    def mount(self) -> None:
        """Put a good token into the folder, as the kubelet does."""
        self._plane.apiserver.mount_service_account(
            self.folder, self._namespace, ACCOUNT
        )

    def _create(self) -> None:
        account = {"metadata": {"name": ACCOUNT}}
        self._plane.apiserver.request("POST", self._accounts, account)


@pytest.fixture
def pod(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Pod]:
    """Return the folder of a pod whose service account may do nothing."""
    return Pod(control_plane, namespace, tmp_path)


async def may_list(client: ClusterClient) -> bool:
    """Ask, which anybody may who is known."""
    return await is_allowed(client, verb="list", resource=CORE_EVENTS)


async def test_c4_a_question_is_asked_again_with_the_token_of_now(
    control_plane: ControlPlane, pod: Pod
) -> None:
    """401 makes the token be read again, once; without a new one it is an error."""
    environ = control_plane.apiserver.pod_environment()
    async with ClusterClient.open(service_account=pod.folder, environ=environ) as asker:
        before = await may_list(asker)
        pod.revoke()
        with pytest.raises(UnauthorizedError):
            await may_list(asker)
        pod.mount()
        after = await may_list(asker)

    assert (before, after) == (False, False)


async def test_c5_a_question_lets_the_plugin_run_again(
    control_plane: ControlPlane, pod: Pod
) -> None:
    """As for everything that is read."""
    kubeconfig = pod.folder / "kubeconfig"
    document = yaml.safe_load(control_plane.apiserver.kubeconfig().read_text())
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": ["-c", PLUGIN, str(pod.folder / "token")],
        "interactiveMode": "Never",
    }
    document["users"][0]["user"] = {"exec": plugin}
    kubeconfig.write_text(yaml.safe_dump(document))
    async with ClusterClient.open(kubeconfig=kubeconfig, environ={}) as asker:
        before = await may_list(asker)
        pod.revoke()
        pod.mount()

        assert (before, await may_list(asker)) == (False, False)


async def test_c6_a_question_finds_a_replaced_authority(
    control_plane: ControlPlane, pod: Pod
) -> None:
    """The CA file is read again when nobody can be trusted by it any more."""
    environ = control_plane.apiserver.pod_environment()
    other = Path(__file__).parents[1] / "unit" / "sinks" / "certificates" / "ca.pem"
    good = (pod.folder / "ca.crt").read_bytes()
    (pod.folder / "ca.crt").write_bytes(other.read_bytes())
    async with ClusterClient.open(service_account=pod.folder, environ=environ) as asker:
        (pod.folder / "ca.crt").write_bytes(good)

        assert await may_list(asker) is False


async def test_c7_a_hundred_and_twenty_watches_leave_room_for_a_question(
    control_plane: ControlPlane,
) -> None:
    """Each watch holds a connection of its own."""
    kubeconfig = control_plane.apiserver.kubeconfig()
    async with (
        ClusterClient.open(kubeconfig=kubeconfig, environ={}) as client,
        AsyncExitStack() as watches,
    ):
        for _ in range(120):
            watch = client.watch(CORE_EVENTS, resource_version="", timeout_seconds=60)
            await watches.enter_async_context(watch)

        assert await may_list(client) is True
