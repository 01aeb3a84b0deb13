"""Three webhooks: one answers well, one badly, one not at all.

Each keeps its own account of what it took. An event is noted when it is taken, before
the answer goes out: an answer that is lost on the way is how duplicates come about.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from aiohttp import web
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from cloudevents.core.exceptions import BaseCloudEventException

GAP_SUFFIX = ".gap.v1"
LATE_SECONDS = 0.3

Take = Callable[[], None]
Behaviour = Callable[[web.Request, Take], Awaitable[web.Response]]
"""Answers one delivery; it calls `Take` if it takes the event."""


@dataclass(slots=True, kw_only=True)
class Receiver:
    """The counts of a webhook.

    Attributes:
        name: Also the sink's.
        url: Where it is posted to.
        note: How it behaves, for people.
        mode: How events are put into requests.
        hopeless: Whether it will never take anything.
        taken: How often each id was taken; gap announcements not counted.
        gaps: How many gap announcements came.
        refused: How many deliveries were not answered 2xx.
        unreadable: How many of them were not CloudEvents.
    """

    name: str
    url: str
    note: str
    mode: Literal["structured", "binary"]
    hopeless: bool = False
    taken: Counter[str] = field(default_factory=Counter)
    gaps: int = 0
    refused: int = 0
    unreadable: int = 0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def duplicates(self) -> int:
        """How many deliveries brought an id that had come before."""
        return self.taken.total() - len(self.taken)

    def take(self, event_id: str, event_type: str) -> None:
        """Note one event."""
        if event_type.endswith(GAP_SUFFIX):
            self.gaps += 1
        else:
            self.taken[event_id] += 1
        self._news.set()

    async def wait_until_has(self, ids: Iterable[str]) -> None:
        """Wait until every one of these events was taken."""
        for event_id in ids:
            while event_id not in self.taken:
                self._news.clear()
                await self._news.wait()


async def answer_well(_request: web.Request, take: Take) -> web.Response:
    """Take every event."""
    take()
    return web.Response(status=204)


class Moods:
    """Answers badly, in every way that is worth another try, until stopped."""

    def __init__(self, *, seed: int = 7) -> None:
        """Begin in a bad mood; `seed` decides the order of answers."""
        self.bad = True
        self.answers: Sequence[Behaviour] = (
            fail,
            fail,
            close_for_a_while,
            throttle,
            reset,
            forget,
            answer_late,
        )
        self._random = Random(seed)  # noqa: S311  # a play, no secrets

    async def __call__(self, request: web.Request, take: Take) -> web.Response:
        """Answer by mood."""
        answer = self._random.choice(self.answers) if self.bad else answer_well
        return await answer(request, take)


async def fail(_request: web.Request, _take: Take) -> web.Response:
    """Be out of order."""
    return web.Response(status=500)


async def close_for_a_while(_request: web.Request, _take: Take) -> web.Response:
    """Be closed."""
    return web.Response(status=503)


async def throttle(_request: web.Request, _take: Take) -> web.Response:
    """Ask for a rest."""
    return web.Response(status=429, headers={"Retry-After": "1"})


async def reset(request: web.Request, _take: Take) -> web.Response:
    """Break the connection instead of answering."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)  # nobody gets it


async def forget(request: web.Request, take: Take) -> web.Response:
    """Take the event and break the connection: the sender cannot know."""
    take()
    return await reset(request, take)


async def answer_late(_request: web.Request, take: Take) -> web.Response:
    """Take the event, and take your time."""
    await asyncio.sleep(LATE_SECONDS)
    take()
    return web.Response(status=202)


@asynccontextmanager
async def receive(
    name: str,
    behaviour: Behaviour,
    *,
    note: str,
    mode: Literal["structured", "binary"] = "structured",
) -> AsyncIterator[Receiver]:
    """Serve a webhook on a free port of loopback."""
    receiver = Receiver(name=name, url="", note=note, mode=mode)

    async def handle(request: web.Request) -> web.StreamResponse:
        return await _handle(receiver, behaviour, request)

    application = web.Application()
    application.router.add_post("/", handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        yield receiver
    finally:
        await runner.cleanup()


@asynccontextmanager
async def hang_up(name: str) -> AsyncIterator[Receiver]:
    """Take every call on a free port of loopback, and never say a word."""
    receiver = Receiver(
        name=name, url="", note="never answers", mode="structured", hopeless=True
    )

    def end(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        receiver.refused += 1
        writer.close()

    async with await asyncio.start_server(end, "127.0.0.1", 0) as server:
        receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        yield receiver


async def _handle(
    receiver: Receiver, behaviour: Behaviour, request: web.Request
) -> web.Response:
    body = await request.read()
    headers = {name.lower(): text for name, text in request.headers.items()}
    try:
        event = from_http_event(HTTPMessage(headers=headers, body=body))
    except (BaseCloudEventException, AttributeError, TypeError, ValueError) as error:
        # The SDK raises whatever it stumbles over in what is not a CloudEvent.
        receiver.unreadable += 1
        receiver.refused += 1
        return web.Response(status=400, text=str(error))

    response = await behaviour(
        request, lambda: receiver.take(event.get_id(), event.get_type())
    )
    receiver.refused += response.status >= 300
    return response
