"""Whoever reaches the port cannot stop delivery, nor take the files that it needs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from bridge.demo.apiserver import ApiServer
from tests.e2e.bridge import Bridge
from tests.e2e.frugal import FILES
from tests.e2e.receiver import Receiver

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /api/v1/config/validate HTTP/1.1\r\nHost: localhost\r\n"
BODY = b"Content-Type: application/yaml\r\nContent-Length: 1000000\r\n\r\n"
MANY = 1000
MOST_GROWN_KB = 64 * 1024


class Scene:
    """An API server, a bridge, and a receiver that is well."""

    def __init__(self, server: ApiServer, bridge: Bridge, receiver: Receiver) -> None:
        self.server, self.bridge, self.receiver = server, bridge, receiver
        self._written = 0

    async def delivers(self) -> None:
        """See that events of now arrive."""
        for _ in range(20):
            self._written += 1
            name = f"e{self._written}"
            self.server.create("events", "default", event(name))
        for _ in range(600):
            if len(self.receiver.ledger.ids()) >= self._written:
                return
            await asyncio.sleep(0.1)
        pytest.fail("events do not arrive")

    async def livez(self) -> int:
        """Ask as the kubelet does, on a connection of its own."""
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            url = f"http://127.0.0.1:{self.bridge.port}/livez"
            return (await client.get(url)).status_code

    async def connect(self) -> asyncio.StreamWriter:
        """Open a connection that nobody answers."""
        _, writer = await asyncio.open_connection("127.0.0.1", self.bridge.port)
        return writer

    def memory_kb(self) -> int:
        """Return what the process takes."""
        return int(self._proc("status").partition("VmRSS:")[2].split()[0])

    def files(self) -> int:
        """Return how many files it has open."""
        assert self.bridge.process is not None
        return len(list(Path(f"/proc/{self.bridge.process.pid}/fd").iterdir()))

    def _proc(self, name: str) -> str:
        assert self.bridge.process is not None
        return Path(f"/proc/{self.bridge.process.pid}/{name}").read_text()


def event(name: str) -> dict[str, object]:
    """Return an Event."""
    return {
        "metadata": {"name": name},
        "involvedObject": {"kind": "Pod", "name": "web", "namespace": "default"},
        "reason": "Killing",
        "type": "Normal",
    }


async def half_open(scene: Scene) -> list[asyncio.StreamWriter]:
    """Begin many requests and end none."""
    held = [await scene.connect() for _ in range(MANY)]
    for writer in held:
        writer.write(GET)
    return held


async def large(scene: Scene) -> list[asyncio.StreamWriter]:
    """Send 100 MB of header in one request."""
    writer = await scene.connect()
    writer.write(GET)
    with contextlib.suppress(ConnectionError):
        for _ in range(100):
            writer.write(b"X-A: " + b"a" * 2**20 + b"\r\n")
            await writer.drain()
    return [writer]


async def slow(scene: Scene) -> list[asyncio.StreamWriter]:
    """Begin many bodies and end none."""
    held = [await scene.connect() for _ in range(MANY)]
    for writer in held:
        writer.write(POST + BODY + b"a" * 1000)
    return held


async def many(scene: Scene) -> list[asyncio.StreamWriter]:
    """Ask for the metrics a thousand times at once, and read nothing."""
    held = [await scene.connect() for _ in range(100)]
    for writer in held:
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 10)
    return held


@pytest.fixture
async def open_scene(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Scene]]]:
    """Return what starts a bridge."""
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(ApiServer())
        receiver = stack.enter_context(Receiver())
        kubeconfig = tmp_path / "kubeconfig"
        server.kubeconfig(kubeconfig)

        async def start(*sinks: dict[str, object], module: str = "bridge") -> Scene:
            hook = {"name": "hook", "url": receiver.url}
            bridge = Bridge(
                folder=tmp_path,
                kubeconfig=kubeconfig,
                module=module,
                sinks=[hook, *sinks],
            )
            stack.enter_context(bridge)
            await asyncio.to_thread(bridge.start_and_wait)
            return Scene(server, bridge, receiver)

        yield start


@pytest.mark.parametrize("attack", [half_open, large, slow, many])
async def test_delivery_and_probes_go_on(open_scene, attack) -> None:
    """Slow, large, many: nobody needs a token for it (issue 10, item 29)."""
    scene = await open_scene()
    await scene.delivers()
    before = scene.memory_kb()

    held = await attack(scene)
    await scene.delivers()

    assert [await scene.livez() for _ in range(5)] == [200] * 5
    assert scene.memory_kb() - before < MOST_GROWN_KB
    assert scene.bridge.log.read_text().count("\n") < 20
    for writer in held:
        writer.transport.abort()


async def test_slow_sinks_leave_files_for_probes_and_for_a_healthy_sink(
    open_scene,
) -> None:
    """Twenty that answer nothing, under a low limit (issue 10, item 37)."""
    with Receiver(delay_seconds=600) as silent:
        slow = [{"name": f"slow-{number}", "url": silent.url} for number in range(20)]
        scene = await open_scene(*slow, module="tests.e2e.frugal")
        for _ in range(10):
            await scene.delivers()
        held = await half_open(scene)
        await scene.delivers()

        assert [await scene.livez() for _ in range(5)] == [200] * 5
        assert FILES // 4 < scene.files() < FILES
        log = scene.bridge.log.read_text()
        assert "Too few open files" in log
        assert "Too many open files" not in log
        for writer in held:
            writer.transport.abort()
