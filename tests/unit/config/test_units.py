"""Durations and sizes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from bridge.settings.units import (
    format_duration,
    format_size,
    parse_duration,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("15s", 15),
        ("1.5s", 1.5),
        ("1h30m", 5400),
        ("2d", 172_800),
        ("0s", 0),
        ("1m500ms", 60.5),
    ],
)
def test_parse_duration_reads_what_people_write(text, seconds):
    """A duration is a sum of numbers with units."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["15", "", "s", "-1s", "1 s", "1S", "1w", 16, None])
def test_parse_duration_refuses_anything_else(text):
    """A number without a unit is no duration, and neither is a number."""
    with pytest.raises(PydanticCustomError, match="expected a duration such as"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (0.25, "250ms"),
        (5400, "1h30m"),
        (259_200, "72h"),
        (61.5, "1m1s500ms"),
    ],
)
def test_format_duration_writes_hours_to_milliseconds(seconds, text):
    """A duration is shown in the units that people use."""
    assert format_duration(seconds) == text


@given(st.integers(min_value=0, max_value=10**12))
def test_durations_survive_being_written(milliseconds):
    """What is written is read back as the same, to the millisecond."""
    seconds = milliseconds / 1000

    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("0B", 0),
        ("64KiB", 65_536),
        ("10MB", 10_000_000),
        ("1.5GiB", 1_610_612_736),
        ("2kB", 2000),
    ],
)
def test_parse_size_reads_what_people_write(text, size_bytes):
    """A size is a number with a unit, of thousands or of 1,024."""
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize("text", ["64", "", "KiB", "1 KiB", "1kib", "-1B", 65, None])
def test_parse_size_refuses_anything_else(text):
    """A number without a unit is no size, and neither is a number."""
    with pytest.raises(PydanticCustomError, match="expected a size such as"):
        parse_size(text)


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0B"), (1, "1B"), (1536, "1536B"), (2**30, "1GiB"), (10**7, "10MB")],
)
def test_format_size_takes_the_largest_unit_that_fits(size_bytes, text):
    """A size is shown without a rest."""
    assert format_size(size_bytes) == text


@given(st.integers(min_value=0, max_value=2**50))
def test_sizes_survive_being_written(size_bytes):
    """What is written is read back as the same."""
    assert parse_size(format_size(size_bytes)) == size_bytes
