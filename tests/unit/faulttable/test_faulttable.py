"""Every row of the table, in every content mode, through both engines.

Over a real socket, from a real queue: what becomes of the delivery and when it is due,
what the log says, as what it is counted, and whether the sink is tried on.
"""

import asyncio

import pytest

from tests.unit.faulttable.table import TABLE
from tests.unit.faulttable.world import expected, tell

MODES = ("structured", "binary", "batch")


@pytest.mark.parametrize("engine", ["aiohttp", "llhttp"])
@pytest.mark.parametrize("name", TABLE)
async def test_row_comes_to_what_the_table_says(name, engine, tmp_path):
    """In all modes alike; a batch of two events is one attempt."""
    row = TABLE[name]

    async with asyncio.TaskGroup() as tasks:
        telling = {
            mode: tasks.create_task(
                tell(row, engine=engine, mode=mode, folder=tmp_path), name=mode
            )
            for mode in MODES
        }

    told = {mode: one.result() for mode, one in telling.items()}
    assert told == {mode: expected(row, 1 + (mode == "batch")) for mode in MODES}
    assert all(row.says in one.said for one in told.values())
