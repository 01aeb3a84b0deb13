"""The account has to find what is missing, and nothing else."""

import json

from hypothesis import given
from hypothesis import strategies as st

from bridge.demo.ledger import (
    HeldDeliveries,
    Ledger,
    Revision,
    SinkAccount,
    balance,
    expected_ids,
    repairable,
)


def revision(number, uid, *, is_end=False):
    """Return one revision of an object."""
    return Revision(uid=uid, number=number, is_end=is_end)


def account(**changes):
    """Return an account that is empty but for `changes`."""
    empty = balance([], taken={}, held=HeldDeliveries())
    return SinkAccount(
        **{name: getattr(empty, name) for name in empty.__slots__} | changes
    )


def test_expected_ids_are_of_all_states_but_not_of_the_end():
    """Each state is expected; that an Event expired is no news."""
    record = [
        revision(2, "a"),
        revision(3, "a"),
        revision(4, "a", is_end=True),
    ]

    assert expected_ids(record) == ["a-2", "a-3"]


def test_repairable_is_the_last_revision_while_each_object_changes_once():
    """What changed once is told by its newest state."""
    record = [revision(2, "a"), revision(3, "b"), revision(4, "c")]

    assert repairable(record, after=2) == 4


def test_repairable_stops_before_an_object_changes_twice():
    """The first of two states would be gone."""
    record = [revision(2, "a"), revision(3, "b"), revision(5, "a"), revision(6, "c")]

    assert repairable(record, after=1) == 3


def test_repairable_ignores_what_was_read():
    """States that were read may be forgotten."""
    record = [revision(2, "a"), revision(3, "a"), revision(4, "a")]

    assert repairable(record, after=3) == 4


def test_repairable_is_what_was_read_when_nothing_followed():
    """There is nothing newer to forget."""
    assert repairable([revision(2, "a")], after=2) == 2


@given(
    uids=st.lists(st.tuples(st.sampled_from("abcde"), st.booleans()), max_size=30),
    after=st.integers(0, 31),
)
def test_repairable_leaves_every_unread_state_readable(uids, after):
    """A snapshot at that revision and the history from there on tell all of it."""
    record, number = [], 0
    for uid, is_same_write in uids:
        number += not is_same_write or not record
        record.append(revision(number, uid))

    newest = repairable(record, after=after)

    snapshot = {one.uid: one for one in record if one.number <= newest}
    readable = {*snapshot.values(), *(one for one in record if one.number > newest)}
    # Two states of one object never share a revision on a real server.
    states = {(one.uid, one.number): one for one in record if one.number > after}
    assert set(states.values()) <= readable


def test_balance_finds_what_is_nowhere():
    """What neither arrived nor is held is lost, and named in order."""
    held = HeldDeliveries(waiting=frozenset({"c"}), dead=frozenset({"d"}))

    result = balance(["z", "a", "c", "d", "b"], taken={"a": 1}, held=held)

    assert result == account(arrived=1, waiting=1, dead=1, lost=2, missing=["z", "b"])


def test_balance_counts_an_arrived_event_once():
    """An event that arrived and is still held was answered, but nobody heard it."""
    held = HeldDeliveries(waiting=frozenset({"a"}))

    result = balance(["a"], taken={"a": 3}, held=held, gaps=2)

    assert result == account(arrived=1, duplicates=2, gaps=2)


def test_balance_prefers_waiting_to_dead():
    """What was given up and then replayed waits."""
    held = HeldDeliveries(waiting=frozenset({"a"}), dead=frozenset({"a"}))

    assert balance(["a"], taken={}, held=held) == account(waiting=1)


def test_ledger_adds_up_what_is_lost():
    """Losses of all receivers count."""
    ledger = Ledger(
        written=3, receivers={"one": account(lost=1), "two": account(lost=2)}
    )

    assert ledger.lost == 3


def test_ledger_as_json_holds_everything():
    """A program finds all numbers and all missing ids."""
    ledger = Ledger(
        written=1,
        receivers={"one": account(lost=1, missing=["a-2"])},
        restarts=1,
        watches_expired=2,
        seconds=9.87,
    )

    document = json.loads(ledger.as_json())

    assert document["lost"] == 1
    assert document["receivers"]["one"]["missing"] == ["a-2"]
    assert (document["restarts"], document["watches_expired"]) == (1, 2)


def test_ledger_as_text_names_some_of_the_missing():
    """A person sees who never got what, without a flood."""
    missing = [f"a-{number}" for number in range(50)]
    receivers = {"one": account(lost=50, missing=missing)}

    lines = Ledger(written=50, receivers=receivers).as_text().splitlines()

    assert lines[1].split() == ["one", "0", "0", "0", "0", "50"]
    assert "one never got a-0" in lines
    assert len(lines) == 3 + 20
