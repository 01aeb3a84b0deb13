"""A thousand namespaces times five kinds cost five watches, not five thousand."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import Bridge, wait_until
from tests.e2e.receiver import Receiver
from tests.faultproxy import HttpProxy, http_proxy, proxied_kubeconfig

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

COUNT = 1_000
IN_FLIGHT = 24
NAMES = [f"many-{number:04d}" for number in range(COUNT)]
KINDS: list[dict[str, Any]] = [
    {"kind": "Pod"},
    {"kind": "ConfigMap"},
    {"kind": "Service"},
    {"apiVersion": "apps/v1", "kind": "Deployment"},
    {"kind": "Event"},
]
REQUESTS = 60
"""Discovery, access reviews, lists and watches together."""

CONFIG_MAPS = "/api/v1/namespaces/{}/configmaps"


@pytest.fixture
def many(fresh_control_plane: ControlPlane) -> ControlPlane:
    """Make a thousand namespaces with a label."""
    asyncio.run(make_namespaces(fresh_control_plane))
    return fresh_control_plane


@pytest.fixture
def proxy(many: ControlPlane) -> Iterator[HttpProxy]:
    """Count what is asked."""
    with http_proxy(many.apiserver) as one:
        yield one


async def make_namespaces(plane: ControlPlane) -> None:
    """Create them, some at a time."""
    names = iter(NAMES)
    url = f"{plane.apiserver.url}/api/v1/namespaces"
    headers = {"Authorization": f"Bearer {plane.apiserver.token()}"}
    connector = aiohttp.TCPConnector(ssl=plane.apiserver.ssl_context())

    async def work(session: aiohttp.ClientSession) -> None:
        for name in names:
            body = {"metadata": {"name": name, "labels": {"scale": "many"}}}
            async with session.post(url, json=body) as answer:
                answer.raise_for_status()

    async with (
        aiohttp.ClientSession(connector=connector, headers=headers) as session,
        asyncio.TaskGroup() as tasks,
    ):
        for number in range(IN_FLIGHT):
            tasks.create_task(work(session), name=f"make {number}")


@pytest.mark.parametrize(
    ("where", "beside"),
    [({"namespaces": NAMES}, 0), ({"namespaceSelector": "scale=many"}, 1)],
    ids=["by name", "by label"],
)
def test_many_namespaces_share_a_watch_for_each_kind(
    where: dict[str, Any],
    beside: int,
    many: ControlPlane,
    proxy: HttpProxy,
    receiver: Receiver,
    tmp_path: Path,
) -> None:
    """Five watches, one more where namespaces are selected; others are left out."""
    server = many.apiserver
    with Bridge(
        folder=tmp_path,
        kubeconfig=proxied_kubeconfig(server, proxy, tmp_path / "kubeconfig"),
        sources=[{**kind, **where} for kind in KINDS],
        sinks=[{"name": "hook", "url": receiver.url}],
    ) as bridge:
        begun = time.monotonic()
        bridge.start_and_wait()
        print(f"ready after {time.monotonic() - begun:.1f} s")  # noqa: T201

        for name in (NAMES[0], "default", NAMES[-1]):
            body = {"metadata": {"generateName": "seen-"}}
            server.request("POST", CONFIG_MAPS.format(name), body)
        wait_until(lambda: len(receiver.ledger.bodies) >= 2)
        bridge.settle()

        told = {event["namespace"] for event in receiver.ledger.events("resource")}
        watches = [one.path for one in proxy.open_requests if one.is_watch]
        assert told == {NAMES[0], NAMES[-1]}
        assert len(watches) == len(KINDS) + beside
        assert len(proxy.requests) <= REQUESTS
