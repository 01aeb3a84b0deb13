"""What filters may name is what events have (issue 10, item 14)."""

import json

from msgspec.structs import replace

from bridge.cluster import Owner
from bridge.events.context import ChangeContext, InvolvedObject
from bridge.events.convert import convert
from bridge.events.validation import canonical
from bridge.events.vocabulary import (
    FIELDS,
    OF_CHANGES,
    OF_OCCURRENCES,
    SAME_FIELD,
    TEXTS,
    types_of,
)
from tests.unit.events.samples import PROD, RECORDED_TIME, listed, watched

OWNER = Owner(api_version="apps/v1", kind="Deployment", name="web", uid="u")
ALL = ChangeContext(
    changed_paths=("spec",),
    concerned=InvolvedObject(owner=OWNER),
    resync=1,
    previous=b"{}",
)


def events(*files):
    """Yield an event of each recorded change, with all that can be known beside it."""
    for file in files:
        for change in (*watched(file).values(), *listed(file).values()):
            for kind in ("added", "modified"):
                yield convert(
                    replace(change, change=kind),
                    origin=PROD,
                    recorded=RECORDED_TIME,
                    context=ALL,
                )


def attributes(*files):
    """Return the names of all attributes that are set."""
    return {name for event in events(*files) for name in event.attributes()}


def test_all_attributes_of_kubernetes_events_are_known():
    """None is missing, and none is never set (item 14)."""
    found = attributes("events-core", "events-new")

    assert found | {"action"} == OF_OCCURRENCES


def test_all_attributes_of_changes_are_known():
    """Of whatever object (item 14)."""
    assert attributes("pods", "nodes", "deployments", "widgets") == OF_CHANGES


def test_all_values_are_known_where_that_is_said():
    """And all types (item 14)."""
    changes = ["added", "modified"]
    for event in events("events-core", "events-new", "pods"):
        is_occurrence = ".event." in event.type
        types = types_of(changes, prefix="io.kubebridge", occurrences=is_occurrence)

        assert event.type in types
        for name, value in event.attributes().items():
            assert canonical(value) in TEXTS.get(name, {canonical(value)})


def test_all_fields_of_kubernetes_events_are_known():
    """In both API groups; what differs in name is one field (item 14)."""
    for file, group in (("events-core", ""), ("events-new", "events.k8s.io")):
        for change in watched(file).values():
            assert json.loads(change.object).keys() <= FIELDS[group]

    assert SAME_FIELD.keys() <= FIELDS[""]
    assert set(SAME_FIELD.values()) <= FIELDS["events.k8s.io"]
