"""``kubebridge demo``: sets the stage, plays, and says what came of it."""

import asyncio
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
from rich.console import Console

from bridge.demo.display import Display
from bridge.demo.ledger import Ledger
from bridge.demo.play_cluster import PlayCluster
from bridge.demo.process import BridgeProcess, reserved_port
from bridge.demo.receivers import Moods, Receiver, answer_well, hang_up, receive
from bridge.demo.story import DemoCluster, Story
from bridge.errors import KubebridgeError

OK, FAILED, LOST = 0, 1, 4
"""Exit codes."""

HURRIED, CALM = 30.0, 8.0
"""Writes per second: of a run that shall be over soon, and for eyes to follow."""

ASK_SECONDS = 10.0


def main(
    *,
    once: bool,
    as_json: bool,
    kubeconfig: Path | None,
    context: str | None = None,
) -> int:
    """Run the demo; return 0 if nothing was lost, 4 if something was, 1 if it broke.

    Args:
        once: One round, some 10 s; else round after round until Ctrl-C.
        as_json: Whether the ledger is printed as JSON. Progress then goes to standard
            error, and only to a terminal.
        kubeconfig: Somebody's cluster; None: an API server in this process.
        context: Context in the kubeconfig; None: its current one.
    """
    display = Display(Console(stderr=as_json), is_quiet=as_json)
    with tempfile.TemporaryDirectory(prefix="kubebridge-demo-") as folder:
        demo = _run(
            Path(folder), display, once=once, kubeconfig=kubeconfig, context=context
        )
        try:
            ledger = asyncio.run(demo)
        except (KubebridgeError, ExceptionGroup) as error:
            return _explain(error)
    sys.stdout.write((ledger.as_json() if as_json else ledger.as_text()) + "\n")
    return LOST if ledger.lost else OK


def _explain(error: Exception) -> int:
    """Name what broke; a bug of the demo's own keeps its traceback."""
    cause = error
    while isinstance(cause, ExceptionGroup):
        cause = cause.exceptions[0]
    if not isinstance(cause, KubebridgeError):
        raise error
    sys.stderr.write(f"kubebridge demo: {cause}\n")
    return FAILED


async def _run(
    folder: Path,
    display: Display,
    *,
    once: bool,
    kubeconfig: Path | None,
    context: str | None,
) -> Ledger:
    moods = Moods()
    async with (
        _cluster(folder, kubeconfig, context) as cluster,
        _receivers(moods) as receivers,
        _bridge(folder, cluster, receivers) as bridge,
    ):
        with _stop_at_signal() as stop, display.shown():
            story = Story(
                cluster=cluster,
                receivers=receivers,
                moods=moods,
                bridge=bridge,
                display=display,
                stop=stop,
                writes_per_second=HURRIED if once else CALM,
            )
            return await story.run(once=once)


@asynccontextmanager
async def _cluster(
    folder: Path, kubeconfig: Path | None, context: str | None
) -> AsyncIterator[DemoCluster]:
    if kubeconfig is None:
        async with PlayCluster.open(folder) as play:
            yield play
    else:
        # Only this way needs a client of a real cluster.
        from bridge.demo.guest_cluster import GuestCluster  # noqa: PLC0415

        async with GuestCluster.open(kubeconfig, context=context) as guest:
            yield guest


@asynccontextmanager
async def _receivers(moods: Moods) -> AsyncIterator[Sequence[Receiver]]:
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(one)
            for one in (
                receive("steady", answer_well, note="answers well"),
                receive("flaky", moods, note="answers badly", mode="binary"),
                hang_up("dead"),
            )
        ]


@asynccontextmanager
async def _bridge(
    folder: Path, cluster: DemoCluster, receivers: Sequence[Receiver]
) -> AsyncIterator[BridgeProcess]:
    """Start a bridge that watches the cluster; stop it at the end."""
    timeout = aiohttp.ClientTimeout(total=ASK_SECONDS)
    with reserved_port() as port:
        async with aiohttp.ClientSession(timeout=timeout) as session:
            bridge = BridgeProcess.prepare(
                folder=folder,
                port=port,
                session=session,
                kubeconfig=cluster.kubeconfig,
                context=cluster.context,
                namespaces=cluster.watched,
                receivers=receivers,
            )
            try:
                await bridge.start()
                yield bridge
            finally:
                await bridge.stop()


@contextmanager
def _stop_at_signal() -> Iterator[asyncio.Event]:
    """Yield what the first SIGINT or SIGTERM sets; a second SIGINT interrupts."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def told() -> None:
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)

    loop.add_signal_handler(signal.SIGINT, told)
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    try:
        yield stop
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        loop.remove_signal_handler(signal.SIGTERM)
