"""The verbs on docs/dry-runs.md print what stands there."""

import re
import shlex
from pathlib import Path

import pytest

from bridge import __version__
from tests.unit.cli.conftest import invoke

PAGE = (Path(__file__).parents[2] / "docs" / "dry-runs.md").read_text("utf-8")
CONFIG = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1]
SHOWN = re.findall(
    r"```sh\nkubebridge (.*?)\n```\n\n```text\n(.*?)```", PAGE, re.DOTALL
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return where the commands are typed."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("command", "text"), SHOWN)
def test_a_command_prints_what_is_shown(folder, command, text):
    """To the letter."""
    (folder / "bridge.yaml").write_text(CONFIG, "utf-8")

    result = invoke(*shlex.split(command))

    assert result.exit_code == 0
    assert result.stdout == text.replace("0.1.0", __version__)


def test_all_three_verbs_are_shown():
    """Each with what it prints."""
    assert [command.split()[0] for command, _ in SHOWN] == ["render", "explain", "test"]


def test_a_failure_looks_as_shown(folder):
    """With fewer repeats the first test fails."""
    text = re.findall(r"```text\n(FAIL.*?)```", PAGE, re.DOTALL)[0]
    (folder / "bridge.yaml").write_text(CONFIG.replace("count: 7\n", "count: 2\n"))

    result = invoke("test", "-c", "bridge.yaml", "-o", "text")

    assert result.exit_code == 1
    assert result.stdout.startswith(text)
