"""The receiver of these tests answers as a real Broker and a real event_display did.

Row by row of the table that was measured on the real ones.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.conformance.broker import PATH, Broker, Display, Subscriber

LEAST = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}
STRUCTURED = {"Content-Type": "application/cloudevents+json"}
BATCH = {"Content-Type": "application/cloudevents-batch+json"}
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A request and what both answer to it."""

    ingress: int
    display: int
    method: str = "POST"
    target: str = PATH
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_chunked: bool = False


def structured(ingress: int, display: int, **changes: Any) -> Row:
    """Return a row whose event has these members; ... as a value leaves one out."""
    members = {name: one for name, one in (LEAST | changes).items() if one is not ...}
    body = json.dumps(members).encode()
    return Row(ingress=ingress, display=display, headers=STRUCTURED, body=body)


def binary(ingress: int, display: int, **changes: Any) -> Row:
    """Return the same in binary mode."""
    kind = changes.pop("datacontenttype", "application/json")
    found = {name: one for name, one in (LEAST | changes).items() if one is not ...}
    headers = {f"ce-{name}": value for name, value in found.items()}
    headers["Content-Type"] = kind
    return Row(ingress=ingress, display=display, headers=headers, body=b"{}")


def raw(ingress: int, display: int, body: bytes, headers: dict[str, str]) -> Row:
    """Return a row with just this body."""
    return Row(ingress=ingress, display=display, headers=headers, body=body)


def good(ingress: int, display: int, **how: Any) -> Row:
    """Return a row with a good event, sent in another way."""
    body, headers = json.dumps(LEAST).encode(), how.pop("headers", {})
    return Row(
        ingress=ingress,
        display=display,
        **{"headers": STRUCTURED | headers, "body": body, **how},
    )


ROWS = {
    "binary": binary(202, 200),
    "structured": structured(202, 200, data={"a": 1}),
    "chunked": good(202, 200, is_chunked=True),
    "trailing slash": good(202, 200, target=f"{PATH}/"),
    "batch of 2": raw(400, 500, json.dumps([LEAST, LEAST]).encode(), BATCH),
    "batch of 1": raw(400, 500, json.dumps([LEAST]).encode(), BATCH),
    "batch of 0": raw(400, 500, b"[]", BATCH),
    "no specversion, binary": binary(400, 415, specversion=...),
    "no specversion, structured": structured(400, 400, specversion=...),
    "no id": structured(400, 400, id=...),
    "no source": structured(400, 400, source=...),
    "no type": structured(400, 400, type=...),
    "no id, binary": binary(400, 400, id=...),
    "no source, binary": binary(400, 400, source=...),
    "no type, binary": binary(400, 400, type=...),
    "relative dataschema": structured(400, 400, dataschema="/a"),
    "bad content type": structured(400, 400, datacontenttype="json"),
    "bad content type, binary": binary(400, 400, datacontenttype="json"),
    "empty binary id": binary(400, 500, id=""),
    "id is a number": structured(400, 500, id=1),
    "bad time": structured(400, 500, time="noon"),
    "zoneless time": structured(400, 500, time="2026-01-01T00:00:00"),
    "empty time": structured(400, 500, time=""),
    "bad time, binary": binary(400, 500, time="noon"),
    "source is a colon": structured(400, 500, source=":"),
    "broken JSON": raw(400, 500, b'{"id":', STRUCTURED),
    "no JSON": raw(400, 500, b"", STRUCTURED),
    "hyphen in a name": structured(400, 500, **{"a-b": "c"}),
    "underscore in a name": structured(400, 500, a_b="c"),
    "integer of 33 bits": structured(400, 500, count=2**31),
    "object as a value": structured(400, 500, a={}),
    "newline in an extension": structured(500, 200, reason="Back\nOff"),
    "plain JSON": raw(400, 415, b"{}", JSON),
    "structured as plain JSON": good(400, 415, headers=JSON),
    "relative source": structured(202, 200, source="a"),
    "specversion 0.3": structured(202, 200, specversion="0.3"),
    "name of 30 letters": structured(202, 200, **{"a" * 30: "b"}),
    "null attribute": structured(202, 200, subject=None),
    "root": good(404, 200, target="/"),
    "unknown broker": good(404, 200, target="/shop/other"),
    "unknown namespace": good(404, 200, target="/bank/default"),
    "query": good(404, 200, target=f"{PATH}?a=b"),
    "no namespace": good(400, 200, target="/default"),
    "GET": good(405, 405, method="GET"),
    "PUT": good(405, 200, method="PUT"),
    "OPTIONS": good(200, 405, method="OPTIONS"),
    "body of 2 MiB": structured(202, 200, data="x" * (2 << 20)),
    "header of 64 KiB": good(202, 200, headers={"X-Large": "x" * (64 << 10)}),
    "header of 1.1 MiB": good(431, 431, headers={"X-Large": "x" * 1_153_434}),
}


async def ask(url: str, row: Row) -> httpx.Response:
    """Send the request of a row; `url` names the server."""

    async def pieces() -> AsyncIterator[bytes]:
        yield row.body[:3]
        yield row.body[3:]

    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.request(
            row.method,
            httpx.URL(url).join(row.target),
            headers=row.headers,
            content=pieces() if row.is_chunked else row.body,
        )


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
async def test_ingress_answers_as_measured(row):
    """The column "Broker ingress"."""
    async with Broker() as broker:
        answer = await ask(broker.url, row)

    assert answer.status_code == row.ingress
    assert len(broker.taken) == (row.ingress == 202)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
async def test_display_answers_as_measured(row):
    """The column "event_display"."""
    async with Display() as display:
        answer = await ask(display.url, row)

    assert answer.status_code == row.display
    assert len(display.taken) == (row.display == 200)


async def test_ingress_consents_to_every_sender():
    """OPTIONS is answered as the webhook specification has it."""
    async with Broker() as broker:
        answer = await ask(broker.url, ROWS["OPTIONS"])

    assert answer.headers["WebHook-Allowed-Origin"] == "*"
    assert answer.headers["WebHook-Allowed-Rate"] == "*"


async def test_ingress_asks_for_its_token():
    """401 without it, and with another."""
    async with Broker(token="t1") as broker:
        answers = [
            await ask(broker.url, good(0, 0, headers={"Authorization": value}))
            for value in ("Bearer t1", "Bearer t2", "")
        ]

    assert [one.status_code for one in answers] == [202, 401, 401]


async def test_ingress_knows_no_plain_http_where_it_is_strict():
    """It is 404, not 403."""
    async with Broker(needs_tls=True) as broker:
        answer = await ask(broker.url, ROWS["structured"])

    assert answer.status_code == 404


async def test_ingress_forwards_in_binary_mode():
    """What came percent-encoded stays so; its own time of arrival is added."""
    row = structured(0, 0, data={"a": 1}, count=3, listed=True, fooBar="x")
    async with Broker() as broker:
        await ask(broker.url, row)
        await ask(broker.url, binary(0, 0, reason="a%20b"))

    first, second = broker.taken
    assert (first.is_binary, json.loads(first.body)) == (True, {"a": 1})
    assert [first.attributes[n] for n in ("count", "listed", "foobar")] == [
        "3",
        "true",
        "x",
    ]
    assert "knativearrivaltime" in first.attributes
    assert second.attributes["reason"] == "a%20b"


async def test_ingress_drops_most_headers():
    """Credentials, signatures and Content-Encoding do not reach a subscriber."""
    kept = {
        "x-request-id": "1",
        "traceparent": "2",
        "knative-a": "3",
        "x-b3-traceid": "4",
    }
    lost = {"Authorization": "Bearer a", "Content-Encoding": "gzip", "X-Other": "b"}
    async with Broker() as broker:
        await ask(broker.url, good(0, 0, headers=kept | lost))

    assert broker.passed == [kept]


async def test_ingress_answers_when_its_subscriber_has():
    """The chain is synchronous, any failure in it is 500, and Retry-After is lost."""
    async with Broker(subscriber=Subscriber(statuses=(503, 404, 200))) as broker:
        answers = [await ask(broker.url, ROWS["binary"]) for _ in range(4)]

    assert [one.status_code for one in answers] == [500, 500, 202, 202]
    assert "Retry-After" not in answers[0].headers


async def test_ingress_waits_for_a_slow_subscriber():
    """The event is there long before the answer is."""
    async with Broker(subscriber=Subscriber(seconds=60)) as broker:
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(ask(broker.url, ROWS["binary"]), name="ask")
            await broker.wait_taken(1)
            is_answered = asking.done()
            asking.cancel()

        assert (broker.ids(), is_answered) == (["1"], False)


async def test_ingress_closes_idle_connections():
    """After 10 seconds, or as the test says."""
    async with Broker(idle_seconds=0.05) as broker:
        reader, writer = await asyncio.open_connection("127.0.0.1", broker.server.port)

        assert await reader.read() == b""
        assert broker.server.idled == 1
        writer.close()


async def test_ingress_gives_up_on_a_slow_body():
    """It is 500, though the sender is at fault."""
    async with Broker(body_seconds=0.05) as broker:
        reader, writer = await asyncio.open_connection("127.0.0.1", broker.server.port)
        writer.write(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\na")

        assert (await reader.read()).startswith(b"HTTP/1.1 500")
        writer.close()


async def test_ingress_that_is_stopped_cuts_what_is_under_way():
    """No answer comes, though the event arrived."""
    async with Broker(subscriber=Subscriber(seconds=60)) as broker:
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(_outcome(broker), name="ask")
            await broker.wait_taken(1)
            broker.server.cut()

        assert isinstance(asking.result(), httpx.TransportError)
        assert broker.ids() == ["1"]


async def _outcome(broker: Broker) -> httpx.Response | httpx.TransportError:
    try:
        return await ask(broker.url, ROWS["binary"])
    except httpx.TransportError as error:
        return error
