"""SIGHUP under load, with a real API server (issue 10, items 2 and 3)."""

import signal
import threading
from pathlib import Path

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import Bridge, wait_until
from tests.e2e.receiver import Receiver
from tests.e2e.writer import Writer
from tests.faultproxy import http_proxy, proxied_kubeconfig

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

REVISIONS = 4_000


def test_reloads_under_load_lose_and_repeat_nothing(
    control_plane: ControlPlane,
    writer: Writer,
    receiver: Receiver,
    bridge: Bridge,
    tmp_path: Path,
) -> None:
    """20 while events come, beside a sink that never answers.

    Every second one changes the settings of the sink, which then gets a new sender.
    None changes what is read, so there is one watch all the time.
    """
    server = control_plane.apiserver
    with Receiver(delay_seconds=3600) as hanging, http_proxy(server) as proxy:
        kubeconfig = proxied_kubeconfig(server, proxy, tmp_path / "proxied")
        bridge.document["cluster"] = {"kubeconfig": str(kubeconfig)}
        sinks = [*bridge.document["sinks"], {"name": "hangs", "url": hanging.url}]
        bridge.write({**bridge.document, "sinks": sinks, "grace": "1h"})
        bridge.start_and_wait()
        writing = threading.Thread(
            target=writer.fill, args=(REVISIONS,), kwargs={"prefix": "load"}
        )
        writing.start()
        for number in range(1, 21):
            some = min(REVISIONS, number * REVISIONS // 25)
            wait_until(lambda some=some: len(receiver.ledger.bodies) >= some)
            assert bridge.process is not None
            changed = [{**one, "concurrency": 60 + number // 2} for one in sinks]
            bridge.write({**bridge.document, "sinks": changed})
            bridge.process.send_signal(signal.SIGHUP)
        writing.join()
        wait_until(lambda: len(receiver.ledger.bodies) >= REVISIONS)
        bridge.wait_ready()

    assert dict(receiver.ledger.ids()) == dict.fromkeys(writer.ids, 1)
    assert len([one for one in proxy.requests if one.is_watch]) == 1
    assert "kubebridge_config_reload_success 1.0" in bridge.metrics()
    assert "Configuration reloaded." in bridge.log.read_text()


def test_sources_that_change_under_load_lose_and_repeat_nothing(
    writer: Writer, receiver: Receiver, bridge: Bridge
) -> None:
    """Each reload replaces the reader, which goes on from its cursor."""
    [source] = bridge.document["sources"]
    bridge.start_and_wait()
    writing = threading.Thread(
        target=writer.fill, args=(REVISIONS,), kwargs={"prefix": "load"}
    )
    writing.start()
    for number in range(1, 11):
        some = number * REVISIONS // 12
        wait_until(lambda some=some: len(receiver.ledger.bodies) >= some)
        assert bridge.process is not None
        bridge.write({**bridge.document, "sources": [{**source, "name": f"n{number}"}]})
        bridge.process.send_signal(signal.SIGHUP)
    writing.join()
    wait_until(lambda: len(receiver.ledger.bodies) >= REVISIONS)

    assert dict(receiver.ledger.ids()) == dict.fromkeys(writer.ids, 1)


def test_a_kill_right_after_a_reload_loses_nothing(
    writer: Writer, receiver: Receiver, bridge: Bridge
) -> None:
    """Whichever of the two lives had the events."""
    bridge.start_and_wait()
    for number in range(3):
        writer.fill(200, prefix=f"round-{number}")
        assert bridge.process is not None
        bridge.process.send_signal(signal.SIGHUP)
        wait_until(
            lambda number=number: (
                bridge.log.read_text().count("Configuration reloaded.") > number
            )
        )
        bridge.kill()
        bridge.start_and_wait()

    wait_until(lambda: set(receiver.ledger.ids()) >= set(writer.ids))
