"""Label and field selectors, in lists and in watches."""

import pytest

from tests.contract.client import Client, gist, revision_of
from tests.contract.samples import event, new_event

LABELS = {
    "bare": {},
    "red": {"color": "red", "size": "big"},
    "blue": {"color": "blue"},
    "green": {"color": "green", "size": ""},
}


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("color=red", {"red"}),
        ("color==red", {"red"}),
        ("color!=red", {"bare", "blue", "green"}),
        ("color in (red, blue)", {"red", "blue"}),
        ("color notin (red,blue)", {"bare", "green"}),
        ("color", {"red", "blue", "green"}),
        ("!color", {"bare"}),
        ("size=", {"green"}),
        ("color in (red,green),size", {"red", "green"}),
        ("color, !size", {"blue"}),
        ("color=red,color=blue", set()),
        ("example.com/team=a", set()),
    ],
)
async def test_labels_select(api: Client, selector, names):
    """Equality, sets and presence, joined by commas that mean "and"."""
    for name, labels in LABELS.items():
        value = {"metadata": {"name": name, "labels": labels}}
        await api.create("v1/configmaps", value)

    path = api.path("v1/configmaps")
    answer = await api.call("GET", path, labelSelector=selector)

    assert set(answer.names) == names


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("type=Warning", {"killing"}),
        ("type!=Warning", {"started", "bound"}),
        ("reason==Killing", {"killing"}),
        ("involvedObject.kind=Pod", {"started", "killing", "bound"}),
        ("involvedObject.name=web,reason=Started", {"started"}),
        ("involvedObject.uid=u-1", {"killing"}),
        ("involvedObject.fieldPath=", {"started", "killing", "bound"}),
        ("source=kubelet", {"killing"}),
        ("source=default-scheduler", {"bound"}),
        ("reportingComponent=default-scheduler", {"bound"}),
        ("metadata.name=killing", {"killing"}),
        ("metadata.name!=killing,metadata.namespace=nowhere", set()),
    ],
)
async def test_fields_select_events(api: Client, selector, names):
    """Events can be selected by what they are about."""
    await make_events(api)

    answer = await api.call("GET", api.path(), fieldSelector=selector)

    assert set(answer.names) == names


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("regarding.kind=Pod,type=Warning", {"killing"}),
        ("regarding.uid=u-1", {"killing"}),
        ("reason=Scheduled", {"bound"}),
        ("reportingController=default-scheduler", {"bound"}),
        ("metadata.name=bound", {"bound"}),
    ],
)
async def test_fields_select_new_events(api: Client, selector, names):
    """In the new API the fields have their new names."""
    await make_events(api)

    path = api.path("events.k8s.io/v1/events")
    answer = await api.call("GET", path, fieldSelector=selector)

    assert set(answer.names) == names


async def make_events(api: Client) -> None:
    """Create three Events that differ in everything."""
    await api.event("started")
    about = {"kind": "Pod", "namespace": api.namespace, "name": "db", "uid": "u-1"}
    await api.event(
        "killing",
        type="Warning",
        reason="Killing",
        involvedObject=about,
        source={"component": "kubelet"},
    )
    await api.create("events.k8s.io/v1/events", new_event(api.namespace, "bound"))


async def test_other_kinds_are_selected_by_name(api: Client):
    """Name and namespace can be selected everywhere."""
    for name in ("one", "two"):
        await api.create("v1/configmaps", {"metadata": {"name": name}})

    answer = await api.call(
        "GET", "/api/v1/configmaps", fieldSelector=_in(api, "metadata.name=two")
    )

    assert answer.names == ["two"]


def _in(api: Client, selector: str) -> str:
    return f"{selector},metadata.namespace={api.namespace}"


@pytest.mark.parametrize(
    ("resource", "query"),
    [
        ("v1/events", {"fieldSelector": "color=red"}),
        ("v1/events", {"fieldSelector": "regarding.kind=Pod"}),
        ("events.k8s.io/v1/events", {"fieldSelector": "involvedObject.kind=Pod"}),
        ("v1/configmaps", {"fieldSelector": "type=Warning"}),
        ("v1/events", {"fieldSelector": "type"}),
        ("v1/events", {"labelSelector": "a b c"}),
        ("v1/events", {"labelSelector": "a in b"}),
    ],
)
async def test_what_cannot_be_selected_is_a_bad_request(api: Client, resource, query):
    """Unknown fields and broken selectors are refused, never ignored."""
    answer = await api.call("GET", api.path(resource), **query)

    assert (answer.status, answer.json["reason"]) == (400, "BadRequest")


async def test_pages_of_a_selection_are_full(api: Client):
    """The limit counts what is selected."""
    for name in ("a", "b", "c", "d", "e"):
        await api.event(name, type="Warning" if name in "ace" else "Normal")

    query = {"fieldSelector": "type=Warning", "limit": 2}
    first = await api.call("GET", api.path(), **query)
    token = {"continue": first.json["metadata"]["continue"]}
    second = await api.call("GET", api.path(), **query, **token)

    assert (first.names, second.names) == (["a", "c"], ["e"])


async def test_a_watch_shows_entering_and_leaving_a_selection(api: Client):
    """An object that is selected no more looks deleted, with its old state."""
    start = await api.revision()
    await api.event("one")
    await api.patch("one", {"type": "Warning"})
    await api.patch("one", {"count": 2})
    left = await api.patch("one", {"type": "Normal"})

    query = {"fieldSelector": "type=Warning", "resourceVersion": start}
    async with api.watch(**query) as stream:
        lines = await stream.take(3)

    assert gist(lines) == [("ADDED", "one"), ("MODIFIED", "one"), ("DELETED", "one")]
    last = lines[-1]["object"]
    assert (last["type"], last["count"]) == ("Warning", 2)
    assert revision_of(last) == revision_of(left)


async def test_a_watch_begins_with_what_is_selected(api: Client):
    """Initial events are selected too."""
    for name, team in (("a", "x"), ("b", "y"), ("c", "x")):
        metadata = {"metadata": {"name": name, "labels": {"team": team}}}
        await api.create("v1/events", event(api.namespace, name) | metadata)

    async with api.watch(labelSelector="team=x") as stream:
        lines = await stream.take(2)

    assert gist(lines) == [("ADDED", "a"), ("ADDED", "c")]
