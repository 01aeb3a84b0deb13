"""A bridge whose exec plugin misbehaves, as a process of its own."""

import os
import sys
from pathlib import Path

import pytest
import yaml

from tests.e2e.bridge import Bridge, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

# Ignores SIGTERM, leaves a child that holds the output open, and never ends.
HANGING = (
    "trap '' TERM; sleep 600 & echo $! > child.new; mv child.new child; wait; wait"
)

# Good for a moment at its first run; hangs at the second.
FORGETFUL = f"""
if [ -e ran ]; then {HANGING}; fi
touch ran
echo '{{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
"status": {{"token": "t", "expirationTimestamp": "2020-01-01T00:00:00Z"}}}}'
"""


def bridge_with(script: str, folder: Path) -> Bridge:
    """Return a bridge whose plugin is this script; its API server is not there."""
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "interactiveMode": "Never",
        "command": "sh",
        "args": ["-c", f"cd {folder}; {script}"],
    }
    content = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:9"}}],
        "users": [{"name": "u", "user": {"exec": plugin}}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(content))
    sinks = [{"name": "out", "type": "stdout"}]
    return Bridge(folder=folder, kubeconfig=path, sources=[{}], sinks=sinks)


def is_over(pid: int) -> bool:
    """Whether a process is gone, or waits to be reaped by somebody else."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is looked at")
@pytest.mark.parametrize("script", [HANGING, FORGETFUL], ids=["at start", "later"])
def test_sigterm_ends_a_plugin_that_hangs(tmp_path: Path, script: str):
    """The process ends, and the plugin's whole group with it (issue 10, item 34)."""
    child = tmp_path / "child"
    with bridge_with(script, tmp_path) as bridge:
        bridge.start()
        wait_until(child.exists)

        code = bridge.stop()

    assert code == os.EX_OK, bridge.log.read_text()
    wait_until(lambda: is_over(int(child.read_text())))
