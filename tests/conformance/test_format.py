"""The 43 rules of CloudEvents' format tests: our reader knows them, our events obey.

`reader` is what judges the bridge in the other files of this folder, so it is tested
here first; then that nothing which breaks a rule can become an event of ours.
"""

import json
from collections import defaultdict
from datetime import UTC, datetime

import pytest

from bridge.errors import InvalidEventError
from bridge.events import CloudEvent
from bridge.events.encode import decode, encode
from tests.conformance import originals
from tests.conformance.cases import (
    BEYOND,
    BEYOND_MEMBERS,
    INVALID,
    INVALID_BATCHES,
    LEAST,
    VALID,
    VALID_BATCHES,
)
from tests.conformance.reader import (
    NotAnEventError,
    read_batch,
    read_event,
    read_time,
)
from tests.conformance.schema import validator

CORE = ("id", "source", "type", "subject", "time", "datacontenttype", "dataschema")

BEYOND_SCHEMAS = {
    "source is a colon",
    "blank in source",
    "day that there is not",
    "hour 24",
    "control character",
    "control character of Latin-1",
    "noncharacter",
    "last of a plane",
    "base64 that is none",
    "object under text",
}
"""Rules that the schema does not express."""

NOT_OURS = {"every core attribute", "text as data"}
"""Valid, but the data of our events are JSON and nothing else."""

each = pytest.mark.parametrize


def text(members):
    """Return it as JSON."""
    return json.dumps(members).encode()


def ours(members):
    """Return the event that the bridge makes of these members.

    Raises:
        InvalidEventError: A value is refused.
        TypeError: A required attribute is missing, or is no text.
    """
    found = {name: value for name, value in members.items() if value is not None}
    if found.pop("specversion", None) != "1.0":
        raise InvalidEventError("attribute 'specversion'")
    data = {"data": text(found.pop("data"))} if "data" in found else {}
    core = {name: found.pop(name) for name in CORE if name in found}
    core.setdefault("datacontenttype", None)
    return CloudEvent(**core, extensions=found, **data)


def test_there_are_as_many_cases_as_there():
    """10 and 25 events, 5 and 3 batches."""
    tables = (VALID, INVALID, VALID_BATCHES, INVALID_BATCHES)

    assert [len(table) for table in tables] == [10, 25, 5, 3]


@each(("members", "meaning"), VALID.values(), ids=VALID)
def test_reader_reads_a_valid_event(members, meaning):
    """And finds in it what it means."""
    assert read_event(text(members)) == meaning


@each("members", INVALID.values(), ids=INVALID)
def test_reader_refuses_an_invalid_event(members):
    """Each breaks one rule."""
    with pytest.raises(NotAnEventError):
        read_event(text(members))


@each(("batch", "meaning"), VALID_BATCHES.values(), ids=VALID_BATCHES)
def test_reader_reads_a_valid_batch(batch, meaning):
    """In order."""
    assert read_batch(text(batch)) == meaning


@each("batch", INVALID_BATCHES.values(), ids=INVALID_BATCHES)
def test_reader_refuses_an_invalid_batch(batch):
    """One bad member spoils it."""
    with pytest.raises(NotAnEventError):
        read_batch(text(batch))


@each("found", BEYOND.values(), ids=BEYOND)
def test_reader_refuses_a_bad_text(found):
    """Not every text is JSON, nor an object."""
    with pytest.raises(NotAnEventError):
        read_event(found)


@each("members", BEYOND_MEMBERS.values(), ids=BEYOND_MEMBERS)
def test_reader_refuses_more_than_the_format_tests_ask(members):
    """Types, characters and URIs are not in them."""
    with pytest.raises(NotAnEventError):
        read_event(text(members))


def test_reader_refuses_a_member_that_stands_twice():
    """Of two ids, which is it?"""
    with pytest.raises(NotAnEventError, match="twice"):
        read_event(text(LEAST)[:-1] + b',"id":"other"}')


def test_reader_takes_a_leap_second():
    """RFC 3339, 5.7."""
    assert read_time("1990-12-31T23:59:60Z") == datetime(1991, 1, 1, tzinfo=UTC)


@each("members", [one for one, _ in VALID.values()], ids=VALID)
def test_schema_takes_a_valid_event(members):
    """The second opinion agrees."""
    assert [*validator.iter_errors(members)] == []


@each(
    "members",
    [m for n, m in (INVALID | BEYOND_MEMBERS).items() if n not in BEYOND_SCHEMAS],
    ids=[name for name in INVALID | BEYOND_MEMBERS if name not in BEYOND_SCHEMAS],
)
def test_schema_refuses_an_invalid_event(members):
    """As far as a schema can tell."""
    assert not validator.is_valid(members)


@each("name", [name for name in VALID if name not in NOT_OURS], ids="of {}".format)
def test_bridge_makes_a_valid_event(name):
    """Made, written and read by a stranger, it means what it meant."""
    members, meaning = VALID[name]

    encoded = encode(ours(members))

    assert read_event(encoded.body) == meaning
    assert decode(encoded) == ours(members)


@each("name", sorted(NOT_OURS))
def test_bridge_makes_no_event_whose_data_are_not_json(name):
    """It is narrower than the specification, and says so."""
    with pytest.raises(InvalidEventError, match="datacontenttype"):
        ours(VALID[name][0])


@each(
    "members",
    [*INVALID.values(), *BEYOND_MEMBERS.values()],
    ids=[*INVALID, *BEYOND_MEMBERS],
)
def test_bridge_makes_no_invalid_event(members):
    """There is no way to one that breaks a rule."""
    with pytest.raises((InvalidEventError, TypeError)):
        ours(members)


def test_reader_agrees_with_the_published_format_tests():
    """All 43; of those that mean the same, the same is read."""
    folder = originals.find_folder()
    if folder is None:
        pytest.skip(f"no format tests: set {originals.VARIABLE} to their format/json")
    meanings, wrong = defaultdict(list), []

    for one in (every := originals.load(folder)):
        try:
            found = (read_batch if one.is_batch else read_event)(one.text)
        except NotAnEventError:
            found = None
        wrong += [one.name] if (found is not None) != one.is_valid else []
        meanings[one.is_batch, one.sample].append(found)

    assert (len(every), wrong) == (43, [])
    assert all(one == same[0] for same in meanings.values() for one in same)
