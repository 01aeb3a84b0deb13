"""Ten files of kubernetes-event-exporter: converted, usable, and sending the same."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from yarl import URL

from bridge.config import Config, HttpSinkConfig, parse_config
from bridge.errors import ConfigError
from bridge.events import CloudEvent, EncodedEvent
from bridge.events.encode import encode
from bridge.migrate import convert
from bridge.sinks.formats.named import named_format
from tests.unit.sinks.formats.samples import classifier

FILES = sorted((Path(__file__).parent / "files").glob("*.yaml"))
EVENT = {
    "metadata": {
        "name": "web-0.17ac",
        "namespace": "shop",
        "uid": "e-1",
        "resourceVersion": "42",
        "creationTimestamp": "2026-11-30T10:00:00Z",
    },
    "involvedObject": {
        "kind": "Pod",
        "namespace": "shop",
        "name": "web-0",
        "uid": "p-1",
        "apiVersion": "v1",
        "resourceVersion": "41",
        "labels": {"app": "web"},
    },
    "reason": "BackOff",
    "message": 'Back-off restarting <web> & "more"',
    "source": {"component": "kubelet", "host": "node-1"},
    "firstTimestamp": "2026-11-30T10:00:00Z",
    "lastTimestamp": "2026-11-30T10:05:00Z",
    "count": 7,
    "type": "Warning",
    "eventTime": None,
    "reportingComponent": "kubelet",
    "reportingInstance": "node-1",
}
WHOLE = {**EVENT, "clusterName": "prod"}


def sample() -> EncodedEvent:
    """Return the event of this file as the API server gave it."""
    raw = msgspec.json.encode({"apiVersion": "v1", "kind": "Event", **EVENT})
    return encode(
        CloudEvent(
            id="e-1-42",
            source="kubernetes://prod",
            type="io.kubebridge.event.warning.v1",
            time="2026-11-30T10:05:00Z",
            datacontenttype="application/json",
            extensions={"cluster": "prod"},
            data=raw,
        )
    )


def converted(name: str) -> Config:
    """Return our configuration for one of the files."""
    path = Path(__file__).parent / "files" / f"{name}.yaml"
    made = convert(path.read_text(), name=path.name)
    assert made.text is not None
    return parse_config(made.text, name="ours.yaml", env={})


def request(name: str, sink: str) -> tuple[str, str, Any, dict[str, str]]:
    """Return method, path, decoded body and header fields of a sink's request."""
    [found] = [one for one in converted(name).sinks if one.name == sink]
    assert isinstance(found, HttpSinkConfig)
    assert found.format is not None
    shape = named_format(found.format, classifier(), sink=sink)
    url = URL(found.url if isinstance(found.url, str) else "https://secret.example/p")
    made = shape.render(url, [sample()])
    fields = {key.decode(): value.decode() for key, value in made.fields}
    return made.method, made.url.path, msgspec.json.decode(made.body), fields


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_file_becomes_a_usable_one(path):
    """Every receiver is a sink, or told to be none; no secret is written anywhere."""
    theirs = yaml.safe_load(path.read_text())

    made = convert(path.read_text(), name=path.name)

    said = "\n".join(made.report.lines())
    config = parse_config(made.text, name="ours.yaml", env={})
    sinks = {one.name for one in config.sinks}
    for place, receiver in enumerate(theirs["receivers"]):
        assert receiver["name"] in sinks or f"receivers[{place}]" in said
    assert "s3cret" not in made.text + said
    assert not config.warnings


def test_ten_files():
    """As many shapes as were asked for."""
    assert len(FILES) >= 10


REQUESTS = [
    ("webhook-layout", "bot", "POST", "/hooks", {
        "source": "kubernetes", "reason": "BackOff", "count": 7, "urgent": "yes",
        "at": 1796032800000, "iso": "2026-11-30T10:00:00.000Z",
        "object": {"kind": "Pod", "name": "web-0", "app": "web"},
        "host": "node-1", "cluster": "prod", "fixed": 3,
    }),
    ("webhook-plain", "all", "POST", "/events", WHOLE),
    ("slack", "alerts", "POST", "/api/chat.postMessage", {
        "channel": "#shop-alerts",
        "text": 'Back-off restarting &lt;web&gt; &amp; "more"',
        "attachments": [{
            "author_name": "kubelet", "color": "danger", "title": "BackOff",
            "fields": [
                {"title": "kind", "value": "Pod", "short": False},
                {"title": "where", "value": "shop/web-0", "short": False},
            ],
        }],
    }),
    ("opsgenie", "pager", "POST", "/v2/alerts", {
        "message": "BackOff for shop/web-0", "alias": "shop/web-0-BackOff",
        "description": 'Back-off restarting <web> & "more"', "priority": "P2",
        "tags": ["event", "BackOff"], "details": {"Node": "node-1"},
    }),
    ("elasticsearch", "es", "PUT", "/kube-2026-11/_doc/e-1", WHOLE),
    ("opensearch", "os", "POST", "/events/_doc", {
        "message": 'Back-off restarting <web> & "more"', "k8s": {"ns": "shop"},
    }),
    ("nested-routes", "ops", "POST", "/ops", {"text": "Pod web-0: BackOff"}),
    ("labels", "team", "POST", "/team", {"app": "web", "all": {"app": "web"}}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "sink", "method", "path", "body"),
    REQUESTS,
    ids=[one[0] for one in REQUESTS],
)
def test_what_theirs_would_send(name, sink, method, path, body):
    """The same, with numbers where their texts are numbers."""
    assert request(name, sink)[:3] == (method, path, body)


def test_loki_gets_the_same_line_in_the_same_stream():
    """With the time of the event."""
    _, path, body, _ = request("loki", "logs")

    [stream] = body["streams"]
    [[time, line]] = stream["values"]
    assert path == "/loki/api/v1/push"
    assert stream["stream"] == {"job": "events", "cluster": "prod"}
    assert time == "1796033100000000000"
    assert json.loads(line) == {
        "level": "Warning",
        "text": 'BackOff: Back-off restarting <web> & "more"',
        "count": 7,
    }


def test_headers_with_templates_stay_templates():
    """And the secret one is read from the environment."""
    [sink] = [one for one in converted("webhook-layout").sinks if one.name == "bot"]

    fields = request("webhook-layout", "bot")[3]

    assert fields == {"x-reason": "BackOff"}
    assert sink.headers["Authorization"].env == "BOT_AUTHORIZATION"
    assert sink.headers["User-Agent"] == "exporter 1.0"
    assert sink.tls.insecure_skip_verify


def test_teams_get_a_card():
    """Connectors are retired: this is what a workflow takes."""
    body = request("teams", "teams")[2]

    assert body["attachments"][0]["contentType"].endswith("card.adaptive")


def test_brokers_are_named_with_what_to_use_instead():
    """And their routes end."""
    path = Path(__file__).parent / "files" / "brokers.yaml"

    made = convert(path.read_text(), name="brokers.yaml")

    said = "\n".join(made.report.lines())
    config = parse_config(made.text, name="ours.yaml", env={})
    assert [one.name for one in config.sinks] == ["dump"]
    for kind in ("kafka", "sqs", "syslog", "file", "bigquery"):
        assert f".{kind}: left out" in said, said
    assert [one.sinks for one in config.routes] == [("dump",)]


def test_a_file_without_one_usable_receiver_gives_none():
    """There is nothing to write."""
    text = "receivers: [{name: a, kafka: {topic: t}}]\n"

    made = convert(text, name="theirs.yaml")

    assert made.text is None
    assert made.report.count("none") == 1


@pytest.mark.parametrize("text", ["a: [", "sinks: []", "a: 1\na: 2\nroute: {}", ""])
def test_other_files_are_refused(text):
    """With the place."""
    with pytest.raises(ConfigError, match=r"theirs.yaml:\d"):
        convert(text, name="theirs.yaml")
