"""The listener and the lines of the libraries behind it."""

import asyncio
import logging
import os
import resource
import socket
from contextlib import contextmanager, suppress

import httpx
import pytest
import structlog
import uvicorn
import uvloop
from fastapi import FastAPI

from bridge.api import server as module
from bridge.api.server import SAY_SECONDS, Refusals, bind, serving, structured_lines
from bridge.metrics import Metrics


@pytest.fixture
def lines():
    """What is logged."""
    with structlog.testing.capture_logs() as lines:
        yield lines


async def asked(url):
    """Return what is answered there."""
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(url)


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("::", ["127.0.0.1", "[::1]"]),
        ("0.0.0.0", ["127.0.0.1"]),
        ("::1", ["[::1]"]),
        ("localhost", ["127.0.0.1"]),
    ],
)
async def test_a_host_of_either_family_is_listened_on(host, names):
    """`::` takes both (issue 10, item 24)."""
    api, metrics = FastAPI(), Metrics(version="1")
    api.get("/")(lambda: "here")
    listener = bind(host, 0)
    port = listener.getsockname()[1]
    async with serving(api, listener, metrics=metrics):
        answers = [await asked(f"http://{name}:{port}/") for name in names]

    assert [answer.json() for answer in answers] == ["here"] * len(names)


def test_both_families_are_taken_whatever_the_machine_says(monkeypatch):
    """`net.ipv6.bindv6only` may be 1 (issue 10, item 24)."""
    with bind("::", 0) as listener:
        only = listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)

    assert only == 0


def test_a_machine_without_ipv6_listens_on_ipv4(monkeypatch):
    """`::` means every address that there is (issue 10, item 24)."""
    make = socket.socket

    def without(family, kind):
        if family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return make(family, kind)

    monkeypatch.setattr(socket, "socket", without)
    with bind("::", 0) as listener:
        assert listener.getsockname()[0] == "0.0.0.0"


def test_refused_connections_are_a_line_a_minute(lines):
    """All are counted; anybody can cause one (issue 10, item 47)."""
    now, metrics = 0.0, Metrics(version="1")
    refuse = Refusals(metrics, now=lambda: now)
    for _ in range(100):
        refuse("malformed")
    now = SAY_SECONDS
    refuse("slow")

    said = [(line["malformed"], line.get("slow")) for line in lines]
    assert said == [(1, None), (99, 1)]
    assert metrics.api_refused.labels("malformed")._value.get() == 100


@pytest.mark.parametrize("name", ["uvicorn.error", "asyncio"])
def test_a_line_of_a_library_is_structured_and_said_once(lines, name, capfd):
    """However often it is repeated (issue 10, item 47)."""
    with structured_lines():
        for _ in range(3):
            logging.getLogger(name).error("Bad %s\ntraceback follows", "thing")
        logging.getLogger(name).error("Other.")

    assert [line["error"] for line in lines] == ["Bad thing", "Other."]
    assert lines[1]["previous_repeated"] == 2
    assert {line["library"] for line in lines} == {name.partition(".")[0]}
    assert capfd.readouterr().err == ""


async def test_a_bad_request_is_no_line_of_uvicorn(lines, capfd):
    """It is counted (issue 10, item 47)."""
    api, metrics = FastAPI(), Metrics(version="1")
    listener = bind("127.0.0.1", 0)
    async with serving(api, listener, metrics=metrics):
        for _ in range(20):
            with socket.create_connection(listener.getsockname()) as client:
                client.sendall(b"no http\r\n\r\n")
        url = "http://{}:{}/".format(*listener.getsockname())
        upgrade = {"Connection": "upgrade", "Upgrade": "websocket"}
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.get(url, headers=upgrade)

    assert [line["event"] for line in lines] == ["API connections refused."]
    assert metrics.api_refused.labels("malformed")._value.get() == 20
    assert capfd.readouterr().err == ""


async def test_a_fault_of_ours_is_a_line_with_its_traceback(lines):
    """And 500 to whoever asked."""
    api, metrics = FastAPI(), Metrics(version="1")
    api.get("/")(lambda: 1 / 0)
    listener = bind("127.0.0.1", 0)
    async with serving(api, listener, metrics=metrics):
        answer = await asked("http://{}:{}/".format(*listener.getsockname()))

    assert answer.status_code == 500
    assert lines[0]["error"] == "Exception in ASGI application: ZeroDivisionError"
    assert isinstance(lines[0]["exc_info"], ZeroDivisionError)


@contextmanager
def no_files():
    """Leave no file to open until the block is left."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    taken = []
    with suppress(OSError):
        while True:
            taken.append(os.open(os.devnull, os.O_RDONLY))
    try:
        yield
    finally:
        for number in taken:
            os.close(number)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def answers_after_a_shortage():
    """Return what is answered once there are files again."""
    api, listener = FastAPI(), bind("127.0.0.1", 0)
    api.get("/")(lambda: "here")
    place = listener.getsockname()
    async with serving(api, listener, metrics=Metrics(version="1")):
        await asyncio.sleep(0.2)  # uvicorn listens
        with socket.socket() as early:
            with no_files():
                early.setblocking(False)
                early.connect_ex(place)
                await asyncio.sleep(0.2)
            return (await asked("http://{}:{}/".format(*place))).json()


@pytest.mark.parametrize(
    "make_loop",
    [asyncio.new_event_loop, uvloop.new_event_loop],
    ids=["asyncio", "uvloop"],
)
def test_the_port_outlives_a_shortage_of_files(lines, make_loop, capfd):
    """It accepts again, and has not filled the log (issue 10, item 37)."""
    with asyncio.Runner(loop_factory=make_loop) as runner:
        found = runner.run(answers_after_a_shortage())

    assert found == "here"
    assert sum("accept" in line["error"] for line in lines) <= 1
    assert capfd.readouterr().err == ""


@pytest.mark.looptime
async def test_the_server_wakes_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """And ends at once when it is told to (issue 11, section 3)."""
    server = module._Server(uvicorn.Config(lambda *_: None))
    times: list[float] = []
    on_tick, now = server.on_tick, asyncio.get_running_loop().time

    async def noting(counter: int) -> bool:
        times.append(now())
        return await on_tick(counter)

    monkeypatch.setattr(server, "on_tick", noting)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.main_loop(), name="api")
        await asyncio.sleep(2.5)
        server.leave()

    assert times == pytest.approx([0, 1, 2, 2.5], abs=0.01)
