"""Every fault of a real socket, told apart, both ways in."""

import socket
from dataclasses import dataclass

import httpx
import pytest

from bridge.sinks.transports.errors import CutAnswerError, DnsError
from tests.unit.sinks.receiver import (
    Receiver,
    answer,
    close,
    deaf_port,
    drip,
    hang,
    reset,
    send,
)
from tests.unit.sinks.ways import BODY, post

LARGE = b"x" * 8_000_000
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"


@dataclass
class Fault:
    """A receiver that misbehaves, and what is to be said about it."""

    receiver: Receiver
    error: type[httpx.TransportError]
    message: str
    body: bytes = BODY


def faults():
    """Return every fault that a peer can produce after the connection stands."""
    lost = "may have been read"
    return {
        "resets on connect": Fault(
            Receiver(reset, at="connect"), httpx.ReadError, lost
        ),
        "closes on connect": Fault(
            Receiver(close, at="connect"), httpx.ReadError, lost
        ),
        "resets in the body": Fault(
            Receiver(reset, at="head"), httpx.ReadError, lost, LARGE
        ),
        "resets after the body": Fault(Receiver(reset), httpx.ReadError, lost),
        "closes after the body": Fault(Receiver(close), httpx.ReadError, lost),
        "hangs": Fault(Receiver(hang), httpx.ReadTimeout, "within 0.5 s"),
        "does not read": Fault(
            Receiver(hang, at="head"), httpx.ReadTimeout, "within 0.5 s", LARGE
        ),
        "drips its head": Fault(
            Receiver(drip(b"HTTP/1.1 200 OK\r\nX: ", b"x")),
            httpx.ReadTimeout,
            "within 0.5 s",
        ),
        "drips its body": Fault(
            Receiver(drip(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", b"x")),
            httpx.ReadTimeout,
            "within 0.5 s",
        ),
        "says wait for ever": Fault(
            Receiver(drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n")),
            httpx.ReadTimeout,
            "within 0.5 s",
        ),
        "answers garbage": Fault(
            Receiver(send(b"\x00\x01 what?\r\n\r\n")),
            httpx.RemoteProtocolError,
            "not HTTP",
        ),
        "answers in SSH": Fault(
            Receiver(send(b"SSH-2.0-OpenSSH_9.2\r\n", then="close")),
            httpx.RemoteProtocolError,
            "not HTTP",
        ),
        "has endless header fields": Fault(
            Receiver(drip(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 500)),
            httpx.RemoteProtocolError,
            "not HTTP",
        ),
        "has an endless header field": Fault(
            Receiver(drip(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 20000)),
            httpx.RemoteProtocolError,
            "not HTTP",
        ),
        "cuts its head": Fault(
            Receiver(send(b"HTTP/1.1 200 OK\r\nContent-Le", then="close")),
            CutAnswerError,
            "cut short",
        ),
        "cuts its body": Fault(
            Receiver(send(OK + b"ab", then="close")), CutAnswerError, "cut short"
        ),
        "resets in its body": Fault(
            Receiver(send(OK + b"ab", then="reset")), httpx.TransportError, ""
        ),
        "lies about chunks": Fault(
            Receiver(
                send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
            ),
            httpx.RemoteProtocolError,
            "",
        ),
    }


@pytest.mark.parametrize("name", faults())
async def test_fault_is_told_apart(name, make_transport):
    """Each way in which a peer misbehaves has its own error and message."""
    fault = faults()[name]
    # Long enough to connect on a busy machine.
    seconds = 0.5 if fault.error is httpx.ReadTimeout else 5.0
    transport = make_transport(timeout_seconds=seconds)

    async with fault.receiver as receiver:
        with pytest.raises(fault.error) as caught:
            await post(transport, receiver.url, fault.body)

    assert fault.message in str(caught.value)


async def test_refused_connection_names_the_machine(make_transport):
    """Nobody listens there: nothing was sent."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        transport = make_transport()

        with pytest.raises(httpx.ConnectError) as caught:
            await post(transport, f"http://127.0.0.1:{port}/hook?token=hidden")

    assert str(caught.value) == (
        f"cannot connect to http://127.0.0.1:{port}: Connection refused"
    )


async def test_unknown_name_is_a_dns_error(make_transport):
    """A name of the reserved domain has no address (RFC 6761, 6.4)."""
    transport = make_transport()

    with pytest.raises(DnsError, match=r"cannot resolve nowhere\.invalid: "):
        await post(transport, "http://nowhere.invalid/hook")


async def test_silent_machine_is_a_connect_timeout(make_transport):
    """A connection that does not come about in two thirds of the time is given up."""
    transport = make_transport(timeout_seconds=1.5)

    with deaf_port() as port, pytest.raises(httpx.ConnectTimeout) as caught:
        await post(transport, f"http://127.0.0.1:{port}/hook?token=hidden")

    assert str(caught.value) == f"no connection to http://127.0.0.1:{port} in time"


async def test_reused_connection_that_is_cut_is_not_retried(make_transport):
    """A POST may have been read, so nobody but the queue sends it again."""
    transport = make_transport(concurrency=1)
    async with Receiver(answer(), reset, answer()) as receiver:
        await post(transport, receiver.url)

        with pytest.raises(httpx.ReadError):
            await post(transport, receiver.url)

    assert (len(receiver.requests), receiver.connections) == (2, 1)
