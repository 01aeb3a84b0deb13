"""All inputs that are known: seeds, and those on which something once failed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fuzz.campaign import Campaign, Finding, found
from tests.fuzz.targets import TARGETS

CASES = [
    pytest.param(target, data, id=f"{target.name}-{name}")
    for target in TARGETS
    for name, data in {**target.seeds(), **found(target)}.items()
]


@pytest.mark.parametrize(("target", "data"), CASES)
async def test_known_input_is_handled(target, data: bytes, tmp_path: Path) -> None:
    """It stays mended."""
    async with target.open(tmp_path) as run:
        await run.try_one(data)


class Inputs:
    """A part that fails in a new way each time, and so ends a campaign."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    async def try_one(self, data: bytes) -> None:
        """See `Run`."""
        self.seen.append(data)
        raise Finding(str(len(self.seen)))


@pytest.fixture
def folders(tmp_path: Path, monkeypatch) -> Callable[[str], Path]:
    """Return what makes an empty folder for what is found from here on."""

    def use(name: str) -> Path:
        monkeypatch.setattr("tests.fuzz.campaign.FOUND", tmp_path / name)
        return tmp_path / name

    return use


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
async def test_the_same_seed_makes_the_same_inputs(target, folders) -> None:
    """So that what was found once is found again."""
    runs = {"first": Inputs(), "second": Inputs()}
    for name, run in runs.items():
        folders(name)
        await Campaign(target, seed=1).run(run, seconds=60)

    assert runs["first"].seen == runs["second"].seen


async def test_findings_are_kept_with_their_inputs(folders) -> None:
    """In files, to be replayed (issue 10)."""
    folder, run = folders("found"), Inputs()
    campaign = Campaign(TARGETS[0], seed=1)
    await campaign.run(run, seconds=60)

    kept = found(TARGETS[0])
    assert list(kept) == sorted(campaign.findings)
    assert set(kept.values()) <= set(run.seen)
    assert (folder / TARGETS[0].name / next(iter(kept))).is_file()
