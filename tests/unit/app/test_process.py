"""Exit codes, and what is said of an error that ends the process."""

import asyncio
import json

import pytest

import bridge.app.process
from bridge.api.server import bind, serving
from bridge.app.process import main
from bridge.errors import (
    ConfigError,
    CredentialsError,
    QueueCorruptError,
    QueueError,
    QueueLockedError,
    QueueNewerError,
)
from bridge.metrics import Metrics


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError(["a", "b"]), 2),
        (CredentialsError("a\nkubebridge: b"), 2),
        (QueueLockedError("a\nkubebridge: b"), 3),
        (QueueCorruptError("a\nkubebridge: b"), 3),
        (QueueNewerError("a\nkubebridge: b"), 3),
        (QueueError("a\nkubebridge: b"), 1),
    ],
)
def test_each_kind_of_error_has_its_exit_code(capsys, error, code):
    """One line for each problem."""
    assert bridge.app.process._explain(error) == code
    assert capsys.readouterr().err == "kubebridge: a\nkubebridge: b\n"


def test_a_configuration_that_is_missing_is_an_error(tmp_path):
    """Before anything starts."""
    assert main(config_path=tmp_path / "nowhere.yaml") == 2


def test_a_kubeconfig_that_is_missing_is_an_error(tmp_path, monkeypatch, capsys):
    """It is found in a group, from within a task."""
    monkeypatch.setattr(bridge.app.process, "_spare_the_collector", lambda: None)
    monkeypatch.setattr(bridge.app.process, "configure_logs", lambda **_: None)
    document = {
        "cluster": {"kubeconfig": "nowhere"},
        "queue": {"path": "queue.db", "reserve": "0B"},
        "server": {"port": 0},
        "sinks": [{"name": "out", "type": "stdout"}],
    }
    (tmp_path / "b.yaml").write_text(json.dumps(document))

    assert main(config_path=tmp_path / "b.yaml") == 2
    assert f"{tmp_path / 'nowhere'}" in capsys.readouterr().err


def test_an_error_of_nobodys_is_raised(tmp_path, monkeypatch):
    """With its traceback."""

    def run(*_):
        raise ExceptionGroup("tasks", [RuntimeError("odd")])

    monkeypatch.setattr(bridge.app.process, "_run", run)
    monkeypatch.setattr(bridge.app.process, "configure_logs", lambda **_: None)
    (tmp_path / "b.yaml").write_text("sinks: [{name: out, type: stdout}]")

    with pytest.raises(ExceptionGroup, match="tasks"):
        main(config_path=tmp_path / "b.yaml")


def test_the_loop_can_be_closed_though_a_part_fails_while_the_api_serves():
    """It would wait for what is left open, for ever and deaf to signals."""
    uvloop = pytest.importorskip("uvloop")
    listener = bind("127.0.0.1", 0)

    async def hang(scope, receive, send):
        await asyncio.Event().wait()

    async def fail():
        async with serving(hang, listener, metrics=Metrics(version="0")):
            _, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            await asyncio.sleep(0.2)
            writer.transport.abort()
            raise ConfigError(["odd"])

    with (
        pytest.raises(ExceptionGroup),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(fail())
