"""What a failed attempt keeps of its events: nothing (issue 10, item 36)."""

import asyncio
import gc
import sys
from collections.abc import Iterator

import pytest

from bridge.errors import PermanentSinkError
from tests.unit.deliver.scripted import Bench, ScriptedSink, error

ERRORS = {
    "refused": lambda: PermanentSinkError("413", reason="status", status=413),
    "later": lambda: error(500),
    "bug": lambda: ZeroDivisionError("oops"),
}


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    """Let only reference counts free anything."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.looptime
@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize("batch", [1, 3])
async def test_failed_attempts_let_go_of_their_events(kind: str, batch: int) -> None:
    """When the queue has, too, nobody has them any more (issue 10, item 36)."""

    def fail(_ids: list[str]) -> None:
        make = ERRORS[kind]
        raise make()

    bench = Bench(sink=ScriptedSink(answer=fail, max_batch=batch))
    bench.put(*"abcdef")
    events = [row.lease.event for row in bench.queue.rows.values()]

    async with bench.running():
        await asyncio.sleep(0.5)
    for kept in (bench.queue.rows, bench.queue.dead_letters):
        kept.clear()  # type: ignore[attr-defined]

    assert len(bench.sink.sent) >= 2
    unknown = [object()]
    own = sys.getrefcount(unknown[0])
    assert [sys.getrefcount(events[index]) for index in range(6)] == [own] * 6
