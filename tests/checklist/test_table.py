"""The table in `docs/checklist.md` names what is tested, and nothing else."""

import re
from pathlib import Path

ITEMS = {
    *(f"a{number}" for number in range(1, 9)),
    *(f"b{number}" for number in range(1, 14)),
    *(f"c{number}" for number in range(1, 11)),
    *(f"d{number}" for number in range(1, 14)),
    *(f"e{number}" for number in range(1, 6)),
    *(f"g{number}" for number in range(1, 3)),
}
HERE = Path(__file__).parent
_DEFINED = re.compile(r"^(?:async )?def (test_([a-g]\d+)_\w+)", re.MULTILINE)
_NAMED = re.compile(r"`(test_[a-g]\d+_\w+)`")


def test_each_item_has_a_test_and_each_test_a_row():
    """So that neither the checklist nor its table can fall behind."""
    text = "".join(path.read_text() for path in sorted(HERE.glob("test_*.py")))
    table = HERE.parents[1].joinpath("docs", "checklist.md").read_text()

    defined = dict(_DEFINED.findall(text))

    assert set(defined.values()) == ITEMS
    assert sorted(_NAMED.findall(table)) == sorted(defined)
