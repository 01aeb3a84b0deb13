"""Formats: rooms for receivers that are no webhooks of CloudEvents.

`Bulk` is written as a new one would be: newline-delimited JSON, and an answer that has
a status for each event.
"""

import json
from dataclasses import dataclass
from typing import ClassVar

import pytest

from bridge.errors import PermanentSinkError, SinkError, TemporarySinkError
from bridge.sinks import Accepted
from bridge.sinks.formats import SinkRequest
from bridge.sinks.http.classify import ResponseClassifier
from tests.unit.sinks.receiver import Receiver, answer
from tests.unit.sinks.samples import event


@dataclass(frozen=True, kw_only=True)
class Bulk:
    """Takes lines at a place of its own, and says of each what became of it."""

    classifier: ResponseClassifier
    content_type: ClassVar = "application/x-ndjson"
    max_batch: ClassVar = 50
    answer_bytes: ClassVar = 65536

    def render(self, url, events):
        """See `Format`."""
        lines = b"".join(one.body + b"\n" for one in events)
        place = url.with_path("/_bulk", keep_query=True)
        return SinkRequest(url=place, body=lines, method="PUT", fields=[(b"x-a", b"b")])

    def judge(self, response, events):
        """See `Format`: by the items of an answer, if it was taken at all."""
        self.classifier.accepted(response, events=len(events))
        items = json.loads(response.body)["items"]
        answers = [
            type(response)(one["status"], {}, one["error"].encode(), 0.0)
            for one in items
        ]
        return [self.classifier.result(one) for one in answers]


@pytest.fixture
def make_bulk(make_sink):
    """Build a sink of that format."""

    def make(url, **changes):
        sink = make_sink(url, **changes)
        sink._format = sink._request_builder._format = Bulk(classifier=sink._classifier)
        return sink

    return make


def items(*statuses, error=""):
    """Answer 200 with a status for each event."""
    body = {"items": [{"status": one, "error": error} for one in statuses]}
    return answer(200, json.dumps(body).encode())


async def test_format_says_how_and_where_events_are_sent(make_bulk):
    """Method, path, header fields and body; the host and credentials are the sink's."""
    async with Receiver(items(201, 201)) as receiver:
        url = receiver.url.replace("//", "//me:word@")
        await make_bulk(f"{url}?a=b").send([event(1), event(2)])

    request = receiver.requests[0]
    assert (request.method, request.target) == ("PUT", "/_bulk?a=b")
    assert request.body == event(1).body + b"\n" + event(2).body + b"\n"
    assert request.headers["x-a"] == "b"
    assert request.headers["authorization"].startswith("Basic ")


async def test_three_of_fifty_are_refused_each_as_its_status_says(make_bulk):
    """The rest was taken: one result for each event, in order."""
    statuses = [201] * 50
    statuses[3], statuses[20], statuses[49] = 400, 503, 413
    async with Receiver(items(*statuses)) as receiver:
        got = await make_bulk(receiver.url).send([event(n) for n in range(50)])

    assert [type(one) for one in got if not isinstance(one, Accepted)] == [
        PermanentSinkError,
        TemporarySinkError,
        PermanentSinkError,
    ]
    assert [n for n, one in enumerate(got) if isinstance(one, SinkError)] == [3, 20, 49]
    assert got[0].status == 201


async def test_status_of_the_whole_answer_is_raised(make_bulk):
    """Nothing was taken."""
    async with Receiver(answer(503)) as receiver:
        with pytest.raises(TemporarySinkError, match="answered 503"):
            await make_bulk(receiver.url).send([event(1), event(2)])


async def test_secret_in_an_item_is_hidden(make_bulk):
    """A format sees no secrets, so it can tell none."""
    async with Receiver(items(400, error="you sent hidden-word")) as receiver:
        url = receiver.url.replace("//", "//me:hidden-word@")
        (got,) = await make_bulk(url).send([event()])

    assert (str(got), got.excerpt) == (
        "sink hook answered 400 Bad Request: you sent ***",
        b"you sent ***",
    )
