"""A sink that asks for a format by name, from its settings to its requests."""

import msgspec
import pytest
from pydantic import TypeAdapter

from bridge.config import parse_config
from bridge.errors import ConfigError
from bridge.sinks.formats.named import FORMAT_TAGS, FormatConfig, named_format
from bridge.sinks.http.classify import ResponseClassifier
from tests.unit.sinks.formats.samples import URL_OF_SINK, answer, sample

NAMES = sorted(tag.strip("<>") for tag in FORMAT_TAGS)

MORE = {
    "pagerduty": ", routingKey: {env: KEY}",
    "template": ", body: {a: '{{ object.count }}'}",
    "slack": ", channel: '#ops'",
}


def read(text, **more):
    """Return the sink of a document, whose format is as it is written."""
    document = f"sinks:\n- name: hook\n  url: http://h\n  format: {text}\n"
    for key, value in more.items():
        document += f"  {key}: {value}\n"
    [sink] = parse_config(document, name="bridge.yaml", env={}).sinks
    return sink


@pytest.mark.parametrize("name", NAMES)
def test_each_format_renders_and_judges(name, monkeypatch):
    """By its name and its least settings."""
    monkeypatch.setenv("KEY", "k" * 32)
    settings = read(f"{{type: {name}{MORE.get(name, '')}}}").format
    format_ = named_format(settings, ResponseClassifier("hook"), sink="hook")

    request = format_.render(URL_OF_SINK, [sample()])
    said = answer(200, {"ok": True, "errors": False})

    assert msgspec.json.decode(request.body.splitlines()[-1])
    assert format_.content_type
    assert format_.max_batch >= 1
    assert len(format_.judge(said, [sample()])) == 1
    assert [one.read() for one in format_.secrets] in ([], ["k" * 32])


def test_a_format_without_settings_is_its_name():
    """As in the six lines of the README."""
    assert read("slack") == read("{type: slack}")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("slak", "4:11: sinks[0].format: expected the name of a format"),
        ("slak", "did you mean 'slack'"),
        ("3", "expected the name of a format, or its type and settings, got 3"),
        ("{type: slack, chanel: x}", "sinks[0].format.chanel: unknown key"),
        (
            "{type: loki, labels: [pod]}",
            "sinks[0].format.labels[0]: expected 'cluster'",
        ),
        ("{type: elasticsearch, index: ÄÖ}", "expected an index, in lower case"),
        ("{type: pagerduty, routingKey: abc}", "got plain text"),
        ("{type: template, body: '{{ x }}'}", "body: expected one of event, object"),
    ],
)
def test_faults_name_the_place_and_what_was_expected(text, problem):
    """As those of all other settings."""
    with pytest.raises(ConfigError) as caught:
        read(text)

    assert problem in "\n".join(caught.value.problems)


def test_a_format_and_a_mode_exclude_each_other():
    """A mode is a form of CloudEvents."""
    with pytest.raises(ConfigError, match="expected mode or format"):
        read("slack", mode="binary")


def test_settings_that_were_read_are_taken_as_they_are():
    """Whoever builds a sink in code gives them."""
    settings = read("slack").format

    assert TypeAdapter(FormatConfig).validate_python(settings) is settings
