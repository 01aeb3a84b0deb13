"""Gates in the files of earlier versions, and the words that files have for them."""

import time
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from bridge.queue import Gate, GateKind
from bridge.queue.sqlite import schema
from tests.unit.queue.samples import QueueFile

LANDED = Path(__file__).parent / "landed"
GATES: dict[str, GateKind] = {
    "waiting": "resting",
    "paused": "paused",
    "tripped": "circuit-open",
    "stopped": "stopped",
}
"""Kinds of gates, as files name them and as they are called."""


def landed(path: Path, version: int) -> apsw.Connection:
    """Make the file of an earlier version."""
    old = apsw.Connection(str(path))
    schema.create(old)
    old.execute((LANDED / f"v{version}.sql").read_text())
    old.pragma("user_version", version)
    return old


@pytest.mark.parametrize("stored", GATES)
@pytest.mark.parametrize("version", [2, 3])
async def test_a_gate_of_an_earlier_version_stays_closed(
    tmp_path: Path, version: int, stored: str
) -> None:
    """Its kind is told in today's word, and kept in the old one (issue 11)."""
    path = tmp_path / "queue.db"
    with closing(landed(path, version)) as old:
        old.execute(
            "INSERT INTO sink (name, gate_kind, gate_reason) VALUES ('hook', ?, '503')",
            (stored,),
        )

    async with QueueFile(path=path).open() as queue:
        await queue.open_sink("hook")
        gate = await queue.gated("hook")
        await queue.gate("hook", gate)
        kept = queue._store.connection.execute("SELECT gate_kind FROM sink").get

    assert gate == Gate(until=None, kind=GATES[stored], reason="503")
    assert kept == stored


@pytest.mark.parametrize(("word", "kind"), [("waiting", "resting"), ("paused",) * 2])
async def test_a_gate_of_version_1_stays_closed(
    tmp_path: Path, word: str, kind: GateKind
) -> None:
    """Its kind stood in the reason (issue 11)."""
    path = tmp_path / "queue.db"
    until = (int(time.time()) + 60) * 10**6
    with closing(landed(path, 1)) as old:
        row = (until, f"{word}: 503")
        old.execute(
            "INSERT INTO sink (name, gate_until, gate_reason) VALUES ('hook', ?, ?)",
            row,
        )

    async with QueueFile(path=path).open() as queue:
        await queue.open_sink("hook")
        gate = await queue.gated("hook")

    assert gate == Gate(until=until / 10**6, kind=kind, reason="503")
