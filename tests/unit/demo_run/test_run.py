"""The demo's exit code says what came of it."""

import asyncio
import json
import os
import signal

import pytest

from bridge.demo import run
from bridge.demo.ledger import HeldDeliveries, Ledger, balance
from bridge.demo.process import BridgeProcessError
from bridge.demo.receivers import Moods


def ledger(*missing):
    """Return the account of one receiver that misses something."""
    account = balance(missing, taken={}, held=HeldDeliveries())
    return Ledger(written=len(missing), receivers={"steady": account})


def play(monkeypatch, outcome, **options):
    """Return the exit code of a demo that ends like this."""

    async def end(*args, **kwargs):
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(run, "_run", end)
    settings = {"once": True, "as_json": False, "kubeconfig": None}
    return run.main(**settings | options)


def test_main_is_content_when_nothing_is_lost(monkeypatch, capsys):
    """The ledger for people is printed."""
    assert play(monkeypatch, ledger()) == run.OK

    assert capsys.readouterr().out.rstrip().endswith("lost 0")


def test_main_says_what_is_lost_as_json(monkeypatch, capsys):
    """Standard output is one JSON document."""
    assert play(monkeypatch, ledger("a-1"), as_json=True) == run.LOST

    document = json.loads(capsys.readouterr().out)
    assert document["receivers"]["steady"]["missing"] == ["a-1"]


def test_main_names_what_broke(monkeypatch, capsys):
    """A failure inside of task groups is told in one line, without a traceback."""
    error = ExceptionGroup("outer", [ExceptionGroup("", [BridgeProcessError("gone")])])

    assert play(monkeypatch, error) == run.FAILED

    assert capsys.readouterr().err == "kubebridge demo: gone\n"


def test_main_hides_no_bug_of_its_own(monkeypatch):
    """What is not ours keeps its traceback."""
    with pytest.raises(ExceptionGroup):
        play(monkeypatch, ExceptionGroup("", [ZeroDivisionError()]))


async def test_stop_is_set_by_the_first_signal_only():
    """The second Ctrl-C interrupts, for whoever does not want to wait."""
    interrupts = []
    before = signal.signal(signal.SIGINT, lambda *_: interrupts.append(1))
    with run._stop_at_signal() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        async with asyncio.timeout(5):
            await stop.wait()

        default = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, before)

    assert default is signal.default_int_handler


async def test_stage_has_a_cluster_and_three_receivers(tmp_path):
    """Without a kubeconfig the cluster is in this process."""
    async with (
        run._cluster(tmp_path, None, None) as cluster,
        run._receivers(Moods()) as receivers,
    ):
        assert cluster.kubeconfig == tmp_path / "kubeconfig"
        assert [one.name for one in receivers] == ["steady", "flaky", "dead"]
        assert [one.hopeless for one in receivers] == [False, False, True]
