"""Kubernetes Events: one object behind two APIs."""

from dataclasses import replace

import pytest

from tests.contract.client import MERGE_PATCH, Client
from tests.contract.samples import event, new_event

CORE, NEW = "v1/events", "events.k8s.io/v1/events"
SINCE = "2026-11-21T09:30:00Z"
OLD_ONE_SEEN_ANEW = {
    "kind": "Event",
    "apiVersion": "events.k8s.io/v1",
    "eventTime": None,
    "reason": "Started",
    "note": "Started container web",
    "type": "Normal",
    "deprecatedSource": {"component": "kubelet"},
    "deprecatedFirstTimestamp": None,
    "deprecatedLastTimestamp": SINCE,
    "deprecatedCount": 3,
}
NEW_ONE_SEEN_AS_OLD = {
    "kind": "Event",
    "apiVersion": "v1",
    "reason": "Scheduled",
    "message": "Assigned web to node-1",
    "source": {},
    "firstTimestamp": None,
    "lastTimestamp": None,
    "type": "Normal",
    "eventTime": "2026-11-21T09:30:00.123456Z",
    "action": "Binding",
    "reportingComponent": "default-scheduler",
    "reportingInstance": "default-scheduler-1",
}


async def test_a_legacy_event_has_null_times(api: Client):
    """What nobody set is null, empty or an empty object, but it is there."""
    created = await api.event("one")

    always = {
        "source": {},
        "firstTimestamp": None,
        "lastTimestamp": None,
        "eventTime": None,
        "reportingComponent": "",
        "reportingInstance": "",
    }
    assert created == created | always


async def test_a_core_event_is_seen_in_the_new_form(api: Client):
    """The other API shows the same object, uid and version under other names."""
    created = await api.event(
        "one", source={"component": "kubelet"}, lastTimestamp=SINCE, count=3
    )

    seen = (await api.call("GET", api.path(NEW, "one"))).json

    about = created["involvedObject"]
    assert seen == OLD_ONE_SEEN_ANEW | {
        "metadata": created["metadata"],
        "regarding": about,
    }


async def test_a_new_event_is_seen_in_the_core_form(api: Client):
    """What a new recorder writes has no legacy times and no count."""
    sent = new_event(api.namespace, "one")
    created = await api.create(NEW, sent)

    seen = (await api.call("GET", api.path(CORE, "one"))).json

    assert seen == NEW_ONE_SEEN_AS_OLD | {
        "metadata": created["metadata"],
        "involvedObject": sent["regarding"],
    }


async def test_a_series_is_counted_by_a_patch(api: Client):
    """A new recorder counts repeats in ``series``; both forms show it."""
    await api.create(NEW, new_event(api.namespace, "one"))
    series = {"count": 2, "lastObservedTime": "2026-11-21T09:31:00.000001Z"}

    answer = await api.call(
        "PATCH", api.path(NEW, "one"), {"series": series}, content_type=MERGE_PATCH
    )
    core = await api.call("GET", api.path(CORE, "one"))

    assert answer.status == 200
    assert (answer.json["series"], core.json["series"]) == (series, series)
    assert answer.json["note"] == core.json["message"]


async def test_a_list_in_the_new_form_has_the_same_versions(api: Client):
    """Both APIs list the same objects."""
    await api.events("one", "two")

    core = (await api.call("GET", api.path(CORE))).json
    new = (await api.call("GET", api.path(NEW))).json

    assert (new["kind"], new["apiVersion"]) == ("EventList", "events.k8s.io/v1")
    assert [each["metadata"] for each in new["items"]] == [
        each["metadata"] for each in core["items"]
    ]
    assert [each["note"] for each in new["items"]] == 2 * ["Started container web"]


async def test_an_event_lies_where_its_object_lies(api: Client):
    """An Event about something in another namespace is invalid."""
    answer = await api.call("POST", api.path(), event("elsewhere", "one"))

    assert (answer.status, answer.json["reason"]) == (422, "Invalid")
    assert answer.causes == {"involvedObject.namespace"}


@pytest.mark.parametrize(
    ("resource", "make", "homes"),
    [
        (CORE, event, {"default"}),
        (NEW, new_event, {"default", "kube-system"}),
    ],
)
async def test_events_about_the_cluster_have_their_homes(
    api: Client, resource, make, homes
):
    """An Event about a node lies in a namespace that is always there."""
    part = "involvedObject" if make is event else "regarding"
    about = {part: {"kind": "Node", "name": "node-1"}}
    value = make("", f"{api.namespace}-node", **about)

    answers = {}
    for home in ("default", "kube-system", api.namespace):
        path = replace(api, namespace=home).path(resource)
        answers[home] = (await api.call("POST", path, value)).status

    assert {home for home, status in answers.items() if status == 201} == homes
    assert set(answers.values()) == {201, 422}


@pytest.mark.parametrize(
    "field", ["reason", "action", "reportingController", "reportingInstance", "type"]
)
async def test_the_new_api_insists_on_its_fields(api: Client, field):
    """What events.k8s.io/v1 requires cannot be left out."""
    value = new_event(api.namespace, "one") | {field: ""}

    answer = await api.call("POST", api.path(NEW), value)

    assert (answer.status, answer.json["reason"]) == (422, "Invalid")
    assert answer.causes == {field}


async def test_the_new_api_insists_on_a_time(api: Client):
    """An Event of events.k8s.io/v1 has an ``eventTime``."""
    value = new_event(api.namespace, "one") | {"eventTime": None}

    answer = await api.call("POST", api.path(NEW), value)

    assert (answer.status, answer.causes) == (422, {"eventTime"})
