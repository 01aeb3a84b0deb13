"""What docs/filters.md shows means what it says (issue 10, items 14, 15 and 26)."""

import re
from pathlib import Path

import pytest

from bridge.config import parse_config
from bridge.events.vocabulary import OF_CHANGES, OF_OCCURRENCES
from bridge.filters.reading import is_place, place_of
from bridge.filters.subscriptions import compile_filters

PAGE = (Path(__file__).parents[3] / "docs" / "filters.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
CONFIGURATIONS = [block for block in BLOCKS if "sinks:" in block]


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_configurations_are_usable(text):
    """And nothing in them is idle."""
    config = parse_config(text, name="bridge.yaml", env={})

    assert config.warnings == ()


def test_merged_sinks_are_what_the_page_says():
    """The first one wins, and what is written beside it."""
    a, b = parse_config(CONFIGURATIONS[-1], name="bridge.yaml", env={}).sinks

    assert (a.max_backlog, b.max_backlog, b.name) == (100_000, 500, "team-b")


def test_places_are_places():
    """Each line of the list."""
    [places] = [block.split() for block in BLOCKS if block.startswith("data.")]

    assert all(map(is_place, places))
    assert place_of(places[-1]) == ("metadata", "labels", "app.kubernetes.io/name")


def test_every_attribute_is_named():
    """None is missing on the page, but one that is always the same."""
    named = set(re.findall(r"[a-z]+", PAGE))

    assert (OF_OCCURRENCES | OF_CHANGES) - {"specversion", "datacontenttype"} <= named


def test_every_dialect_is_named():
    """As a key of the table."""
    for dialect in (
        "exact",
        "prefix",
        "suffix",
        "regex",
        "min",
        "max",
        "all",
        "any",
        "when",
    ):
        assert f"`{dialect}`" in PAGE

    assert compile_filters([{"not": {"exact": {"a": "b"}}}])
