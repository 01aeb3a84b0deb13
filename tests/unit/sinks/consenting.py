"""Receivers that know the handshake, and what a sink is told about it."""

import asyncio

import httpx
import pytest

from bridge.errors import SinkError
from tests.unit.sinks.building import handshake
from tests.unit.sinks.receiver import answer
from tests.unit.sinks.samples import event

ORIGIN = "bridge.example.com"
CALLBACK = "https://api.example.com/base/"


def rules(mode="require", **changes):
    """Return what is asked for; keywords change it."""
    return handshake(**{"mode": mode, "origin": ORIGIN} | changes)


def allowing(origin=ORIGIN, rate="*", status=200):
    """Answer OPTIONS with consent; None: without that field."""
    fields = {"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": rate}
    given = {name: value for name, value in fields.items() if value is not None}
    return answer(status, headers=given)


def methods(receiver):
    """Return what was asked, in order."""
    return [request.method for request in receiver.requests]


def callback_of(receiver, number=0):
    """Return the URL that a receiver was told to call back."""
    return receiver.requests[number].headers["webhook-request-callback"]


def key_of(receiver):
    """Return the key in that URL."""
    return callback_of(receiver).rpartition("/")[2]


def fields(**given):
    """Return header fields of a call back; underscores stand for dashes."""
    return httpx.Headers({name.replace("_", "-"): text for name, text in given.items()})


async def fault_of(sink, number=1):
    """Send an event that is not delivered; return why."""
    with pytest.raises(SinkError) as caught:
        await sink.send([event(number)])
    return caught.value


async def all_at_once(sink, count):
    """Send so many events side by side; return what came of each."""

    async def send(number):
        try:
            return await sink.send([event(number)])
        except SinkError as error:
            return error

    async with asyncio.TaskGroup() as sending:
        tasks = [sending.create_task(send(number)) for number in range(count)]
    return [task.result() for task in tasks]


class Time:
    """A clock that stands still until it is moved."""

    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        """Return the seconds."""
        return self.seconds
