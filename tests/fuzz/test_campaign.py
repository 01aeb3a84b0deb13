"""`make fuzz`: ten minutes of made-up input.

`FUZZ_SECONDS` says how long, `FUZZ_SEED` which.
"""

import os
import time
from pathlib import Path

import pytest

from tests.fuzz.campaign import Campaign
from tests.fuzz.targets import TARGETS

SECONDS = float(os.environ.get("FUZZ_SECONDS", "600"))
SEED = int(os.environ.get("FUZZ_SEED") or time.time_ns() % 10**9)

pytestmark = [pytest.mark.fuzz, pytest.mark.timeout(SECONDS + 300)]


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
async def test_nothing_is_found(target, tmp_path: Path, capsys) -> None:
    """Each target has its share of the time; what fails is kept in `found`."""
    campaign = Campaign(target, seed=SEED)
    async with target.open(tmp_path) as run:
        await campaign.run(run, seconds=SECONDS / len(TARGETS))

    with capsys.disabled():
        print(f" {target.name}: seed {SEED}, {campaign.tried} inputs")  # noqa: T201
    assert campaign.findings == {}
