"""The workload writes what components of a cluster write."""

from datetime import UTC, datetime
from itertools import islice
from random import Random

import pytest

from bridge.demo.recorder import SCHEDULER, Involved, Line, WriteRecorder
from bridge.demo.workload import Afternoon

NOON = datetime(2026, 11, 21, 12, 0, 0, 250_000, tzinfo=UTC)
BACK_OFF = Line("BackOff", "text", warning=True)
FAILED_SCHEDULING = Line("FailedScheduling", "text", SCHEDULER, warning=True)
POD = Involved(kind="Pod", name="web-0", uid="u", namespace="shop")


@pytest.fixture
def recorder():
    """Return a recorder for which it is always noon."""
    return WriteRecorder(random=Random(1), now=lambda: NOON)


def acts(**changes):
    """Return the acts of one round."""
    settings = {"namespace": "shop", "with_nodes": True, "now": lambda: NOON}
    return list(islice(Afternoon(**settings | changes).acts(), 3))


def test_afternoon_is_the_same_for_the_same_seed():
    """A run can be repeated."""
    assert acts(seed=3) == acts(seed=3)
    assert acts(seed=3) != acts(seed=4)


@pytest.mark.parametrize(
    "reason",
    [
        "ScalingReplicaSet",
        "SuccessfulCreate",
        "Scheduled",
        "Pulling",
        "Pulled",
        "Created",
        "Started",
        "FailedScheduling",
        "Failed",
        "BackOff",
        "OOMKilled",
        "Killing",
        "Unhealthy",
        "NodeNotReady",
    ],
)
def test_afternoon_has_everything_that_goes_wrong(reason):
    """Each reason of a bad afternoon is there."""
    reasons = {write.body["reason"] for act in acts() for write in act.openings}

    assert reason in reasons


def test_act_opens_each_event_once():
    """No two openings are one object: each is one revision."""
    openings = [write for act in acts() for write in act.openings]

    assert all(write.creates for write in openings)
    assert len({(one.namespace, one.name) for one in openings}) == len(openings)


def test_act_repeats_only_what_it_opened():
    """Each repeat is a change to an Event of the same act."""
    for act in acts():
        opened = {(write.namespace, write.name) for write in act.openings}

        assert not any(write.creates for write in act.repeats)
        assert {(write.namespace, write.name) for write in act.repeats} <= opened


def test_afternoon_without_nodes_stays_in_its_namespace():
    """A guest in somebody's cluster writes nowhere else."""
    writes = [
        write
        for act in acts(with_nodes=False)
        for write in (*act.openings, *act.repeats)
    ]

    assert {write.namespace for write in writes} == {"shop"}


def test_afternoon_with_nodes_writes_about_a_node():
    """Events about a node lie in namespace default and refer to none."""
    (about_node,) = [
        write for act in acts() for write in act.openings if write.namespace != "shop"
    ]

    assert about_node.namespace == "default"
    assert about_node.body["involvedObject"]["kind"] == "Node"
    assert "namespace" not in about_node.body["involvedObject"]


def test_recorder_writes_older_events_with_count(recorder):
    """The kubelet's Events have legacy timestamps of whole seconds."""
    write = recorder.say(POD, BACK_OFF)

    assert write.api_version == "v1"
    assert write.body["count"] == 1
    assert write.body["firstTimestamp"] == "2026-11-21T12:00:00Z"
    assert "eventTime" not in write.body


def test_recorder_writes_newer_events_without_legacy_times(recorder):
    """The scheduler's Events have an eventTime with six digits, and an action."""
    write = recorder.say(POD, FAILED_SCHEDULING)

    assert write.api_version == "events.k8s.io/v1"
    assert write.body["eventTime"] == "2026-11-21T12:00:00.250000Z"
    assert write.body["action"] == "Scheduling"
    assert not any("imestamp" in name for name in write.body)


def test_recorder_repeats_older_events_by_count(recorder):
    """A repeat raises the count."""
    write = recorder.repeat(recorder.say(POD, BACK_OFF), 3)

    assert not write.creates
    assert write.body == {"count": 3, "lastTimestamp": "2026-11-21T12:00:00Z"}
    assert write.what == "BackOff pod/web-0 (x3)"


def test_recorder_repeats_newer_events_by_series(recorder):
    """A repeat has a series."""
    first = recorder.say(POD, FAILED_SCHEDULING)

    write = recorder.repeat(first, 2)

    assert write.body["series"]["count"] == 2
    assert write.name == first.name
