"""Kills a bridge at random moments and compares what arrived with what was written."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from tests.e2e.bridge import Bridge, wait_until
from tests.e2e.receiver import Receiver
from tests.e2e.writer import Writer

RETAINED = 4_000
"""Events that lie there before the first start: the first sync reads them."""

FIRST_SYNCS = 5
"""Rounds in which the kill falls into, or near, the first sync."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of it.

    Attributes:
        lost: Revisions that never arrived.
        invented: Ids that arrived and were never written.
        duplicates: Arrivals beyond the first of each id.
        kills: How often the process was killed.
    """

    lost: int
    invented: int
    duplicates: int
    kills: int


def torment(
    bridge: Bridge, writer: Writer, receiver: Receiver, *, rounds: int, seed: int
) -> Result:
    """Kill the bridge in its first sync, while it reads and while it delivers."""
    chance = random.Random(seed)
    writer.fill(RETAINED, prefix="retained", repeats=0)
    for _ in range(min(FIRST_SYNCS, rounds)):
        bridge.start()
        _wait_for_progress(bridge, receiver)
        time.sleep(chance.uniform(0.0, 0.25))
        bridge.kill()
    bridge.start_and_wait()
    wait_until(lambda: bridge.backlog("hook") == 0, seconds=120)
    for number in range(rounds - FIRST_SYNCS):
        with _writing(writer, f"round-{number:03d}"):
            time.sleep(chance.uniform(0.0, 0.2))
            bridge.kill()
            bridge.start()
            _wait_for_progress(bridge, receiver)
            time.sleep(chance.uniform(0.0, 0.4))
    return _settle(bridge, writer, receiver, kills=rounds)


def _wait_for_progress(bridge: Bridge, receiver: Receiver) -> None:
    """Return once the started bridge delivers, or has nothing left to deliver."""
    before = receiver.ledger.requests
    wait_until(lambda: receiver.ledger.requests != before or bridge.is_ready())


@contextmanager
def _writing(writer: Writer, prefix: str) -> Iterator[None]:
    thread = threading.Thread(
        target=writer.fill, args=(400,), kwargs={"prefix": prefix}
    )
    before = len(writer.ids)
    thread.start()
    wait_until(lambda: len(writer.ids) > before)
    try:
        yield
    finally:
        thread.join(60)


def _settle(
    bridge: Bridge, writer: Writer, receiver: Receiver, *, kills: int
) -> Result:
    """Return the result once an event that was read after all others has arrived."""
    bridge.wait_ready()
    writer.fill(1, prefix="last", repeats=0)
    expected = set(writer.ids)
    with suppress(AssertionError):  # the result says what is missing
        wait_until(lambda: writer.ids[-1] in receiver.ledger.ids())
        wait_until(lambda: bridge.backlog("hook") == 0)
    got = receiver.ledger.ids()
    return Result(
        lost=len(expected - set(got)),
        invented=len(set(got) - expected),
        duplicates=sum(got.values()) - len(got),
        kills=kills,
    )
