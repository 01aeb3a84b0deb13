"""The bridge is started, asked, killed and stopped as a process of its own."""

import asyncio
import sys
from pathlib import Path

import aiohttp
import pytest
import yaml

from bridge.config.load import load_config
from bridge.demo import process
from bridge.demo.display import Backlog
from bridge.demo.ledger import HeldDeliveries
from bridge.demo.process import (
    BridgeProcess,
    BridgeProcessError,
    environment,
    reserved_port,
)
from bridge.demo.receivers import Receiver
from tests.ports import free_port

STUB = Path(__file__).with_name("stub_bridge.py")


@pytest.fixture
async def session():
    """Return a session that is closed at the end."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def stub(session, tmp_path):
    """Return a bridge that is a stub: fast, and as stubborn as `extra` says."""
    started = []

    def make(*extra):
        port = free_port()
        bridge = BridgeProcess(
            command=(sys.executable, str(STUB), str(port), *extra),
            folder=tmp_path,
            url=f"http://127.0.0.1:{port}",
            session=session,
        )
        started.append(bridge)
        return bridge

    yield make
    for bridge in started:
        await bridge.stop()


async def test_prepare_writes_a_configuration_that_the_bridge_takes(session, tmp_path):
    """The generated file has every receiver as a sink and one route to all."""
    receivers = [
        Receiver(name="steady", url="http://127.0.0.1:1/", note="", mode="structured"),
        Receiver(
            name="dead",
            url="http://127.0.0.1:2/",
            note="",
            mode="binary",
            hopeless=True,
        ),
    ]

    BridgeProcess.prepare(
        folder=tmp_path,
        session=session,
        port=1,
        kubeconfig=tmp_path / "kubeconfig",
        context="prod",
        namespaces=("shop",),
        receivers=receivers,
    )

    config = load_config(tmp_path / "demo.yaml", {})
    assert [sink.name for sink in config.sinks] == ["steady", "dead"]
    assert config.routes[0].sinks == ("steady", "dead")
    assert config.cluster.context == "prod"
    assert config.sources[0].namespaces == ("shop",)


async def test_prepare_leaves_the_context_to_the_kubeconfig(session, tmp_path):
    """Without a context the file names none."""
    BridgeProcess.prepare(
        folder=tmp_path,
        session=session,
        port=1,
        kubeconfig=tmp_path / "kubeconfig",
        context=None,
        namespaces=(),
        receivers=[],
    )

    document = yaml.safe_load((tmp_path / "demo.yaml").read_text())
    assert "context" not in document["cluster"]


async def test_reserved_port_is_for_the_bridge_alone():
    """It can listen on it again and again; while it is down, nobody answers."""
    with reserved_port() as port:
        for _ in range(2):
            async with await asyncio.start_server(print, "127.0.0.1", port):
                pass

        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        others = [free_port() for _ in range(100)]
    assert port not in others


def test_environment_leaves_out_what_would_change_the_bridge():
    """Debugging and settings of ours are not inherited, loopback has no proxy."""
    theirs = environment(
        {"PYTHONASYNCIODEBUG": "1", "K_SINK": "x", "PATH": "p", "NO_PROXY": "local"}
    )

    assert theirs == {
        "PATH": "p",
        "NO_PROXY": "local,127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


async def test_bridge_lives_from_start_to_stop(stub):
    """It becomes ready, and ends when told to."""
    bridge = stub()
    assert not bridge.is_running

    await bridge.start()
    await bridge.wait_ready()
    bridge.check()
    assert bridge.is_running
    await bridge.stop()

    assert not bridge.is_running


async def test_bridge_survives_a_kill_by_a_new_start(stub):
    """After SIGKILL it can be started again on the same port."""
    bridge = stub()
    await bridge.start()
    await bridge.wait_ready()

    await bridge.kill()
    assert not bridge.is_running
    await bridge.start()

    await bridge.wait_ready()


async def test_kill_of_a_bridge_that_is_down_does_nothing(stub):
    """There is nothing to kill."""
    await stub().kill()


async def test_stop_ends_a_stubborn_bridge_by_force(stub, monkeypatch):
    """A bridge that does not listen is killed after a while."""
    monkeypatch.setattr(process, "GRACE_SECONDS", 0.1)
    bridge = stub("ignore-sigterm")
    await bridge.start()
    await bridge.wait_ready()

    await bridge.stop()

    assert not bridge.is_running


async def test_check_tells_of_a_bridge_that_ended_by_itself(stub):
    """The error has the exit code and what the bridge said last."""
    bridge = stub("fail")
    await bridge.start()

    with pytest.raises(BridgeProcessError, match=r"code 3.*\n.*no such thing"):
        await bridge.wait_ready()


async def test_wait_ready_loses_patience(stub, monkeypatch):
    """A bridge that is never ready is an error."""
    monkeypatch.setattr(process, "READY_SECONDS", 0.5)
    bridge = stub("never-ready")
    await bridge.start()

    with pytest.raises(BridgeProcessError, match="expected it to be ready"):
        await bridge.wait_ready()


async def test_bridge_says_what_it_holds(stub):
    """Lists are read to their last page, however many there are."""
    bridge = stub()
    await bridge.start()
    await bridge.wait_ready()

    assert await bridge.backlogs() == {"dead": Backlog(waiting=2, dead=1)}
    assert await bridge.held("dead") == HeldDeliveries(
        waiting=frozenset({"a-1", "a-2"}), dead=frozenset({"b-1"})
    )


@pytest.mark.parametrize("is_down", [True, False])
async def test_bridge_that_gives_no_answer_is_an_error(stub, is_down):
    """Refusals and refused connections have one name."""
    bridge = stub("sick")
    if not is_down:
        await bridge.start()
        await bridge.wait_ready()

    with pytest.raises(BridgeProcessError, match="expected 200"):
        await bridge.backlogs()
