"""Verbs that try a configuration and send nothing."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import invoke

CONFIG = """
sinks:
  - {name: chat, url: {env: HOOK}, format: slack}
  - name: own
    url: https://h/
    format: {type: template, body: {n: '{{ object.count + 1 }}'}}
  - {name: log, url: https://h/, format: elasticsearch}
routes:
  - {name: r, filters: [{not: {exact: {reason: Pulled}}}], sinks: [chat]}
"""


@pytest.fixture
def config(tmp_path):
    """Return the path of a configuration."""
    path = tmp_path / "bridge.yaml"
    path.write_text(CONFIG)
    return str(path)


def test_render_shows_a_request(config):
    """Of the sample, for a person."""
    result = invoke("render", "-c", config, "--sink", "chat", "-o", "text")

    assert result.exit_code == 0
    assert result.stdout.startswith("POST {env: HOOK}\nAccept: */*\n")
    assert '"text": "⚠️ BackOff: Pod shop/web-0"' in result.stdout


def test_render_gives_a_pipe_json(config):
    """A body that is no JSON is a text."""
    result = invoke("render", "-c", config, "--sink", "log")

    answer = json.loads(result.stdout)
    assert (answer["sink"], answer["method"]) == ("log", "POST")
    assert answer["bytes"] == len(answer["body"])
    assert answer["headers"]["Content-Type"] == "application/x-ndjson"


@pytest.mark.parametrize(
    "text", ['{"reason": "Killing", "count": 2}', "reason: Killing\ncount: 2\n"]
)
def test_an_event_comes_from_a_file_or_a_pipe(config, tmp_path, text):
    """In JSON or YAML."""
    file = tmp_path / "event"
    file.write_text(text)
    words = ("render", "-c", config, "--sink", "own", "--event")

    of_file = invoke(*words, str(file))
    of_pipe = invoke(*words, "-", input=text)

    assert json.loads(of_file.stdout)["body"] == {"n": 3}
    assert of_pipe.stdout == of_file.stdout


def test_a_template_that_fails_ends_with_the_reason(config):
    """And with exit code 1."""
    event = (
        '{"specversion":"1.0","id":"1","source":"/","type":"t","data":{"count":"a"}}'
    )

    result = invoke(
        "render", "-c", config, "--sink", "own", "--event", "-", input=event
    )

    assert result.exit_code == 1
    assert "kubebridge: sink own: " in result.stderr
    assert "unsupported types" in result.stderr


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("{", "cannot be read"),
        ("a: [", "cannot be read"),
        ("kind: Pod", "expected a CloudEvent"),
        ("[" * 5000, "cannot be read"),
        ('{"a":' * 5000, "cannot be read"),
    ],
)
def test_an_event_that_is_none_is_a_usage_error(config, event, said):
    """With exit code 2."""
    result = invoke("explain", "-c", config, "--event", "-", input=event)

    assert result.exit_code == 2
    assert f"--event -: {said}" in result.stderr


def test_a_file_or_a_sink_that_is_not_there_is_a_usage_error(config):
    """With exit code 2."""
    no_file = invoke("explain", "-c", config, "--event", "/nope")
    no_sink = invoke("render", "-c", config, "--sink", "nope")

    assert (no_file.exit_code, no_sink.exit_code) == (2, 2)
    assert "expected one of chat, own, log" in no_sink.stderr


def test_a_configuration_that_is_unusable_is_a_usage_error(tmp_path):
    """With its problems."""
    path = tmp_path / "bridge.yaml"
    path.write_text("sinks: []")

    result = invoke("explain", "-c", str(path))

    assert result.exit_code == 2
    assert "sinks: expected at least one" in result.stderr


def test_explain_shows_each_filter(config):
    """Those within others below them."""
    result = invoke("explain", "-c", config, "-o", "text")

    assert result.exit_code == 0
    assert result.stdout.splitlines()[1:] == [
        "read by events",
        "route r, to chat: takes it",
        "  yes not",
        "    no  exact reason: expected 'Pulled', got 'BackOff'",
        "sinks: chat",
    ]


def test_explain_gives_a_pipe_json(config):
    """With the attributes of the event."""
    answer = json.loads(invoke("explain", "-c", config).stdout)

    assert answer["event"]["reason"] == "BackOff"
    assert answer["routes"][0]["conditions"][0]["parts"][0]["matched"] is False
    assert answer["sinks"] == ["chat"]


@pytest.mark.parametrize(
    ("sinks", "code", "failed"), [("[chat]", 0, 0), ("[own]", 1, 1)]
)
def test_the_tests_of_a_configuration_are_run(config, sinks, code, failed):
    """One that fails is exit code 1."""
    expect = f"{{sinks: {sinks}}}"
    Path(config).write_text(
        f"{CONFIG}\ntests: [{{name: t, event: {{reason: x}}, expect: {expect}}}]"
    )

    result = invoke("test", "-c", config)

    answer = json.loads(result.stdout)
    assert (result.exit_code, answer["failed"]) == (code, failed)
    assert answer["tests"][0]["passed"] is not bool(failed)


def test_a_configuration_without_tests_is_a_failure(config):
    """Nothing was tested, though somebody asked for it."""
    result = invoke("test", "-c", config)

    assert result.exit_code == 1
    assert "expected tests, got none" in result.stderr
