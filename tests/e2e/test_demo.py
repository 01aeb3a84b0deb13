"""The demo as a user runs it, and as continuous integration does."""

import json
import signal
import subprocess
import sys
import threading

import pytest

from bridge.demo import process, run, story
from tests.controlplane.cluster import ControlPlane

DEMO = (sys.executable, "-m", "bridge", "demo")

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


def run_demo(*options):
    """Run the demo to its end; return exit code, ledger and what it complained of."""
    command = [*DEMO, "--once", "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout or "{}"), done.stderr


@pytest.fixture(scope="module")
def round_played():
    """Return what came of one round."""
    return run_demo()


def test_demo_loses_nothing(round_played):
    """Killed once and expired twice, the bridge accounts for every event."""
    code, ledger, complaints = round_played

    assert (code, complaints, ledger["lost"]) == (0, "", 0)
    for name in ("steady", "flaky"):
        assert ledger["receivers"][name]["arrived"] == ledger["written"] > 100
    dead = ledger["receivers"]["dead"]
    assert dead["waiting"] + dead["dead"] == ledger["written"]
    assert dead["dead"] > 0


def test_demo_really_expires_the_watch(round_played):
    """The bridge noticed both times that history was gone, and said so."""
    _, ledger, _ = round_played

    assert (ledger["restarts"], ledger["watches_expired"]) == (1, 2)
    assert ledger["receivers"]["steady"]["gaps"] >= 2


def test_demo_tells_when_something_is_lost(monkeypatch, capsys):
    """A bridge that leaves something out makes it exit 4 and name it."""
    monkeypatch.setattr(story, "CATCH_UP_SECONDS", 6.0)
    configure = process.configure

    def configure_badly(**settings):
        config = configure(**settings)
        config["routes"][0]["filters"] = [{"not": {"exact": {"reason": "OOMKilled"}}}]
        return config

    monkeypatch.setattr(process, "configure", configure_badly)

    code = run.main(once=True, as_json=True, kubeconfig=None)

    ledger = json.loads(capsys.readouterr().out)
    lost = ledger["receivers"]["steady"]["missing"]
    assert code == run.LOST
    assert len(lost) == 4
    assert ledger["lost"] == 12


def test_demo_closes_the_books_at_ctrl_c():
    """The endless demo ends at a signal with a ledger for people."""
    lines = []
    with subprocess.Popen([*DEMO], stdout=subprocess.PIPE, text=True) as demo:
        for line in demo.stdout:
            lines.append(line)
            if "the bridge is ready" in line:
                threading.Timer(0.5, demo.send_signal, [signal.SIGINT]).start()

    assert demo.returncode == 0
    assert lines[-1].rstrip().endswith("lost 0")
    assert lines[-5].split() == ["arrived", "duplicates", "waiting", "dead", "lost"]


def test_demo_names_a_kubeconfig_that_is_not_there(tmp_path):
    """What it cannot read it names, and nothing is started."""
    code, ledger, complaints = run_demo("--kubeconfig", str(tmp_path / "missing"))

    assert (code, ledger) == (run.FAILED, {})
    assert "missing" in complaints


@pytest.mark.timeout(300)
def test_demo_is_a_good_guest_on_a_real_cluster(control_plane: ControlPlane):
    """On a real API server nothing is lost either, and the namespace is removed."""
    code, ledger, _ = run_demo(
        "--kubeconfig", str(control_plane.apiserver.kubeconfig())
    )

    assert (code, ledger["lost"], ledger["restarts"]) == (0, 0, 1)
    assert ledger["receivers"]["steady"]["arrived"] == ledger["written"] > 100
    listed = control_plane.apiserver.request("GET", "/api/v1/namespaces")
    assert all(
        "deletionTimestamp" in one["metadata"]
        for one in listed["items"]
        if one["metadata"]["name"].startswith("kubebridge-demo-")
    )
