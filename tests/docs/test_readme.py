"""Every command and every configuration in the README is run as it stands there."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from yarl import URL

from bridge.config import parse_config
from bridge.demo.apiserver import ApiServer
from bridge.events import CloudEvent
from bridge.filters.routes import Router
from tests.ports import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
SOURCES = (ROOT / "docs" / "sources.md").read_text()
KUBEBRIDGE = [sys.executable, "-m", "bridge"]

RUN_BY_CI = {"make test"}
RUN_BELOW = {
    "make demo",
    ".venv/bin/kubebridge validate -c bridge.yaml",
    ".venv/bin/kubebridge run -c bridge.yaml",
    ".venv/bin/kubebridge rbac -c bridge.yaml",
    ".venv/bin/kubebridge doctor -c bridge.yaml",
    ".venv/bin/kubebridge sources list",
    ".venv/bin/kubebridge sources objects deployment",
    ".venv/bin/kubebridge sinks list",
    ".venv/bin/kubebridge deliveries list",
    ".venv/bin/kubebridge dead-letters list",
    ".venv/bin/kubebridge cursors list",
}


def blocks(language: str, text: str = README) -> list[str]:
    """Return the code blocks in one language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def commands() -> list[str]:
    """Return every command of the README."""
    return [line for block in blocks("sh") for line in block.splitlines() if line]


def test_every_command_is_run_somewhere() -> None:
    """A command that is added to the README needs a test."""
    assert set(commands()) == RUN_BY_CI | RUN_BELOW


def test_ci_runs_the_test_command() -> None:
    """`make test` cannot run inside itself."""
    script = (ROOT / ".ci" / "run").read_text()

    assert re.search(r"^make test\b", script, re.MULTILINE)


@pytest.mark.parametrize("text", [*blocks("yaml"), *blocks("yaml", SOURCES)])
def test_every_configuration_is_usable(text: str) -> None:
    """As it stands there."""
    config = parse_config(text, name="bridge.yaml", env={})

    assert len(config.sinks) == len(yaml.safe_load(text)["sinks"])


def test_slack_takes_six_lines() -> None:
    """They are usable, and warnings alone are sent."""
    [text] = [block for block in blocks("yaml") if "slack" in block]
    config = parse_config(text, name="bridge.yaml", env={})
    router = Router.of(config.routes, sinks=("chat",))

    chosen = [
        router.choose(event(severitytext=one), sources=("events",)).sinks
        for one in ("WARN", "INFO")
    ]

    assert len(text.splitlines()) == 6
    assert config.sinks[0].format.type == "slack"
    assert chosen == [("chat",), ()]


def event(**extensions: str) -> CloudEvent:
    """Return an event with these attributes."""
    return CloudEvent(id="1", source="/s", type="t", extensions=extensions)


def test_first_configurations_send_nothing_to_a_strangers_host() -> None:
    """Standard output, then this machine (issue 10, item 25)."""
    first, second = [
        parse_config(text, name="bridge.yaml", env={}).sinks[0]
        for text in blocks("yaml")[:2]
    ]

    assert first.type == "stdout"
    assert URL(second.url).host == "localhost"


def test_make_demo_shows_its_books() -> None:
    """Ctrl-C ends it, and nothing was lost."""
    environment = os.environ | {"COLUMNS": "200"}
    with subprocess.Popen(
        ["make", "demo"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "kill -9" in line:
                os.killpg(process.pid, signal.SIGINT)
        said = "".join(lines)

    assert "lost 0" in said, said
    assert re.search(r"steady +\d+ +\d+ +\d+ +\d+ +0\n", said), said


@pytest.fixture
async def world(tmp_path: Path) -> "Iterator[dict[str, str]]":  # type: ignore[misc]
    """Run an API server and give the environment in which a user types."""
    async with ApiServer() as server:
        server.kubeconfig(tmp_path / "kubeconfig")
        port = free_port()
        text = blocks("yaml")[0] + f"server: {{port: {port}}}\n"
        text += "sources: [{kind: Event}, {apiVersion: apps/v1, kind: Deployment}]\n"
        (tmp_path / "bridge.yaml").write_text(text)
        yield os.environ | {
            "KUBECONFIG": str(tmp_path / "kubeconfig"),
            "XDG_STATE_HOME": str(tmp_path),
            "KUBEBRIDGE_URL": f"http://127.0.0.1:{port}",
            "PYTHONPATH": str(ROOT),
            "NO_PROXY": "127.0.0.1",
        }


async def test_first_configuration_runs_and_shows_itself(
    world: dict[str, str], tmp_path: Path
) -> None:
    """validate, run, and each verb that looks in."""
    await asyncio.to_thread(_use_it, world, tmp_path)


def _use_it(world: dict[str, str], folder: Path) -> None:
    offline = {key: value for key, value in world.items() if key != "KUBEBRIDGE_URL"}
    _type("validate", "-c", "bridge.yaml", world=offline, folder=folder)
    role = _type("rbac", "-c", "bridge.yaml", world=offline, folder=folder)
    diagnosis = _type("doctor", "-c", "bridge.yaml", world=offline, folder=folder)
    assert "kind: ClusterRole" in role
    assert "events" in diagnosis
    with subprocess.Popen(
        [*KUBEBRIDGE, "run", "-c", "bridge.yaml"], cwd=folder, env=world
    ) as process:
        try:
            _wait_ready(world["KUBEBRIDGE_URL"])
            said = {
                noun: _type(noun, "list", world=world, folder=folder)
                for noun in (
                    "sources",
                    "sinks",
                    "deliveries",
                    "dead-letters",
                    "cursors",
                )
            }
            _type("sources", "objects", "deployment", world=world, folder=folder)
        finally:
            process.terminate()
        assert process.wait(30) == 0
    assert "out" in said["sinks"]
    assert "watching" in said["sources"]


def _wait_ready(url: str) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            if (
                httpx.get(f"{url}/readyz", trust_env=False).status_code
                == httpx.codes.OK
            ):
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail("not ready within 60 s")


def _type(*words: str, world: dict[str, str], folder: Path) -> str:
    done = subprocess.run(
        [*KUBEBRIDGE, *words],
        cwd=folder,
        env=world,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
