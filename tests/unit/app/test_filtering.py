"""From a configuration with filters to the sinks that an event reaches."""

import json

import pytest

from bridge.demo.apiserver import ApiServer
from tests.unit.app.running import Running, keep_logs
from tests.unit.sinks.receiver import Receiver


@pytest.fixture
async def running(tmp_path, monkeypatch):
    """Return a bridge that is not started, and its cluster."""
    keep_logs(monkeypatch)
    async with ApiServer() as cluster:
        yield Running(tmp_path, cluster)


def emit(cluster, name, message, count):
    """Make an Event."""
    cluster.create(
        "events",
        "default",
        {
            "metadata": {"name": name, "uid": name},
            "involvedObject": {"kind": "Pod", "namespace": "default", "name": "p"},
            "message": message,
            "count": count,
            "reason": "Tested",
            "type": "Normal",
        },
    )


def named(receiver):
    """Return the names of the objects that arrived."""
    return [
        json.loads(one.body)["data"]["metadata"]["name"] for one in receiver.requests
    ]


FIND = {"regex": {"data.message": "^Back-off .*container"}}
OFTEN = {"min": {"count": 3}}
IMAGE = {"prefix": {"data.spec.containers[0].image": "shop/"}}
LABEL = {"exact": {'data.metadata.labels["example.com/team"]': ["a", "shop"]}}


async def test_events_are_chosen_by_what_is_in_them(running):
    """By message, count and names of fields, whatever form a sink gets (item 15)."""
    async with Receiver() as found, Receiver() as often:
        sinks = [
            {"name": "found", "url": found.url, "profile": "knative"},
            {"name": "often", "url": often.url},
        ]
        routes = [
            {"name": "a", "filters": [FIND], "sinks": ["found"]},
            {"name": "b", "filters": [OFTEN], "sinks": ["often"]},
        ]
        running.write(sinks=sinks, routes=routes)
        async with running.run():
            await running.watches()
            emit(running.cluster, "no", "Pulled", 1)
            emit(running.cluster, "message", "Back-off restarting container", 1)
            emit(running.cluster, "count", "Pulled", 3)
            await found.wait_requests(1)
            await often.wait_requests(1)

    assert (named(found), named(often)) == (["message"], ["count"])


async def test_objects_are_chosen_by_what_is_in_them(running):
    """By labels with a slash in their names, and what lies in lists (item 15)."""
    async with Receiver() as receiver:
        running.write(
            sources=[{"kind": "Pod"}],
            sinks=[{"name": "hook", "url": receiver.url}],
            routes=[{"name": "a", "filters": [LABEL, IMAGE]}],
        )
        async with running.run():
            await running.watches()
            for name, team, image in (
                ("a", "web", "shop/a"),
                ("b", "shop", "a"),
                ("c", "shop", "shop/b"),
            ):
                metadata = {"name": name, "labels": {"example.com/team": team}}
                spec = {"containers": [{"name": "a", "image": image}]}
                running.cluster.create(
                    "pods", "default", {"metadata": metadata, "spec": spec}
                )
            await receiver.wait_requests(1)

    assert named(receiver) == ["c"]


async def test_a_filter_that_never_matches_is_said_at_start_and_reload(running):
    """One line each, for nothing else would ever show it (item 14)."""
    never = {"name": "a", "filters": [{"exact": {"type": "Warning"}}]}
    running.write(routes=[never])

    async with running.run():
        await running.reload()
        await running.watches()
        told = [line for line in running.logs if line["event"].startswith("A filter")]

    assert [line["log_level"] for line in told] == ["warning", "warning"]
    assert f"{running.file}:" in told[0]["problem"]
    assert "routes[0].filters[0].exact.type: never matches" in told[0]["problem"]
