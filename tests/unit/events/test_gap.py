"""A gap is announced under an id of its own, the same whoever finds it."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bridge.cluster import CORE_EVENTS, Gap
from bridge.events.convert import gap_event
from bridge.events.origin import Origin
from tests.unit.events.samples import PROD, RECORDED_TIME

GAP = Gap(
    cause="expired",
    cursor="100",
    snapshot="250",
    since=datetime(2026, 1, 1, tzinfo=UTC),
    until=datetime(2026, 1, 1, 0, 30, 0, 5, tzinfo=UTC),
)


def event_of(gap=GAP, *, namespace="*", fields="", labels="", origin=PROD):
    """Return the event of a gap in core/v1 Events."""
    return gap_event(
        gap,
        resource=CORE_EVENTS,
        namespace=namespace,
        field_selector=fields,
        label_selector=labels,
        origin=origin,
        recorded=RECORDED_TIME,
    )


def test_gap_event_says_what_may_be_missing():
    """Resource, scope, versions, times and cause are in its data."""
    event = event_of(namespace="shop", fields="type=Warning")

    assert json.loads(event.data) == {
        "cause": "expired",
        "resource": {"apiVersion": "v1", "kind": "Event", "plural": "events"},
        "scope": {
            "namespace": "shop",
            "fieldSelector": "type=Warning",
            "labelSelector": "",
        },
        "cursor": "100",
        "snapshot": "250",
        "since": "2026-01-01T00:00:00Z",
        "until": "2026-01-01T00:30:00.000005Z",
    }


def test_gap_event_has_attributes_to_filter_by():
    """It is a warning about a kind in a namespace."""
    event = event_of(namespace="shop")

    assert event.type == "io.kubebridge.gap.v1"
    assert event.subject == "shop/Event"
    assert event.time == "2026-01-01T00:30:00.000005Z"
    assert event.extensions == {
        "cluster": "prod",
        "namespace": "shop",
        "kind": "Event",
        "apiversion": "v1",
        "severitytext": "WARN",
        "severitynumber": 13,
        "recordedtime": RECORDED_TIME,
    }


def test_gap_event_of_all_namespaces_names_none():
    """Attributes without a value are left out."""
    event = event_of()

    assert event.subject == "*/Event"
    assert "namespace" not in event.extensions


def test_gap_event_may_not_know_since_when():
    """The cursor may never have been seen alive."""
    event = event_of(replace(GAP, since=None))

    assert json.loads(event.data)["since"] is None


def test_gap_event_has_the_same_id_when_found_again():
    """A crash before the commit finds the same gap later."""
    later = replace(GAP, until=datetime(2026, 1, 2, tzinfo=UTC))

    assert event_of(later).id == event_of().id


@pytest.mark.parametrize(
    "other",
    [
        event_of(namespace="shop"),
        event_of(fields="type=Warning"),
        event_of(labels="a=b"),
        event_of(replace(GAP, cursor="101")),
        event_of(replace(GAP, snapshot="251")),
        event_of(replace(GAP, cause="rolled-back")),
        event_of(origin=replace(PROD, epoch=2)),
    ],
)
def test_gap_event_of_another_gap_has_another_id(other):
    """Two sources may read one resource and miss different things."""
    assert other.id != event_of().id


def test_gap_event_takes_overrides():
    """They are applied to every event."""
    origin = Origin(cluster="prod", extensions={"team": "shop"}, type_prefix="com.a")

    event = event_of(origin=origin)

    assert event.extensions["team"] == "shop"
    assert event.type == "com.a.gap.v1"
