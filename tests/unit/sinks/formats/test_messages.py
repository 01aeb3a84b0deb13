"""Formats for people and for alerts: each receiver's own form, and its limits."""

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import PermanentSinkError, SinkPausedError, TemporarySinkError
from bridge.events.encode import without_data
from bridge.sinks import Accepted
from bridge.sinks.formats.alertmanager import AlertmanagerFormat
from bridge.sinks.formats.datadog import datadog_body
from bridge.sinks.formats.discord import discord_body
from bridge.sinks.formats.google_chat import google_chat_body
from bridge.sinks.formats.grafana import grafana_body
from bridge.sinks.formats.message import MessageFormat, message_of
from bridge.sinks.formats.opsgenie import opsgenie_body
from bridge.sinks.formats.pagerduty import pagerduty_body
from bridge.sinks.formats.slack import SlackConfig, SlackFormat
from bridge.sinks.formats.teams import teams_body
from tests.unit.sinks.formats.samples import (
    BACK_OFF,
    URL_OF_SINK,
    answer,
    classifier,
    sample,
)


def slack(channel=None, body=None):
    """Return the format of Slack."""
    settings = SlackConfig(type="slack", channel=channel, body=body)
    return SlackFormat(classifier=classifier(), sink="hook", settings=settings)


def pagerduty(message):
    """Return what PagerDuty gets."""
    return pagerduty_body(
        message, routing_key=lambda: "k" * 32, resolves={"Started": "BackOff"}
    )


BODIES = {
    "teams": teams_body,
    "discord": discord_body,
    "google-chat": google_chat_body,
    "pagerduty": pagerduty,
    "opsgenie": lambda message: opsgenie_body(message, tags=["k8s"]),
    "datadog": lambda message: datadog_body(message, tags=["env:prod"]),
    "grafana": lambda message: grafana_body(message, tags=["kubernetes"]),
}


def rendered(name, event):
    """Return the decoded body of a request."""
    if name == "slack":
        format_ = slack()
    elif name == "alertmanager":
        format_ = AlertmanagerFormat(
            classifier=classifier(), ends_after_seconds=600, labels={"team": "shop"}
        )
    else:
        format_ = MessageFormat(classifier=classifier(), body=BODIES[name])
    request = format_.render(URL_OF_SINK, [event])
    assert request.url == URL_OF_SINK
    return msgspec.json.decode(request.body)


def text(most, least=0):
    """Return the schema of a text of so many characters."""
    return {"type": "string", "maxLength": most, "minLength": least}


def thing(required, **properties):
    """Return the schema of an object."""
    return {"type": "object", "required": required, "properties": properties}


def array(items, most=100):
    """Return the schema of a list."""
    return {"type": "array", "items": items, "maxItems": most, "minItems": 1}


SCHEMAS = {
    "slack": thing(
        ["text", "blocks"],
        text=text(40_000, 1),
        blocks=array(
            thing(
                ["type"],
                type={"enum": ["header", "section", "context"]},
                text=thing(["type", "text"], text=text(3000, 1)),
                elements=array(thing(["type", "text"], text=text(3000, 1)), 10),
            ),
            50,
        ),
    ),
    "teams": thing(
        ["type", "attachments"],
        type={"const": "message"},
        attachments=array(
            thing(
                ["contentType", "content"],
                contentType={"const": "application/vnd.microsoft.card.adaptive"},
                content=thing(
                    ["type", "version", "body"],
                    type={"const": "AdaptiveCard"},
                    body=array(thing(["type"])),
                ),
            )
        ),
    ),
    "discord": thing(
        ["embeds", "allowed_mentions"],
        embeds=array(
            thing(
                ["title"],
                title=text(256, 1),
                description=text(4096),
                fields={
                    "type": "array",
                    "maxItems": 25,
                    "items": thing(
                        ["name", "value"], name=text(256, 1), value=text(1024, 1)
                    ),
                },
            ),
            10,
        ),
        allowed_mentions={"const": {"parse": []}},
    ),
    "google-chat": thing(
        ["cardsV2"],
        cardsV2=array(thing(["cardId", "card"], card=thing(["header"]))),
    ),
    "pagerduty": thing(
        ["routing_key", "event_action", "dedup_key", "payload"],
        routing_key=text(32, 32),
        event_action={"enum": ["trigger", "resolve"]},
        dedup_key=text(255, 1),
        payload=thing(
            ["summary", "source", "severity"],
            summary=text(1024, 1),
            source=text(255, 1),
            severity={"enum": ["critical", "error", "warning", "info"]},
        ),
    ),
    "opsgenie": thing(
        ["message", "alias"],
        message=text(130, 1),
        alias=text(512, 1),
        description=text(15_000),
        entity=text(512),
        source=text(100),
        priority={"enum": ["P1", "P2", "P3", "P4", "P5"]},
    ),
    "datadog": thing(
        ["title", "text", "alert_type", "aggregation_key"],
        title=text(100, 1),
        text=text(4000, 1),
        alert_type={"enum": ["info", "warning", "error"]},
        aggregation_key=text(100, 1),
        date_happened={"type": "integer"},
    ),
    "grafana": thing(
        ["text", "tags"],
        text={"type": "string"},
        tags=array(text(500, 1)),
        time={"type": "integer"},
    ),
    "alertmanager": array(
        thing(
            ["labels"],
            labels=thing(["alertname"]),
            annotations={"type": "object"},
            startsAt={"type": "string"},
            endsAt={"type": "string"},
        )
    ),
}

HOSTILE = st.text(max_size=200) | st.text("<>&*_`@\\\n\"'", max_size=6000)
NAMES = st.text("<>&*_`@\\\"'äあ𝄞", min_size=1, max_size=2000)


@pytest.mark.parametrize("name", SCHEMAS)
def test_bodies_have_the_form_that_the_receiver_documents(name):
    """The schemas are made from the receivers' own pages."""
    jsonschema.validate(rendered(name, sample()), SCHEMAS[name])


@pytest.mark.parametrize("name", SCHEMAS)
@settings(max_examples=25, deadline=None)
@given(message=HOSTILE, reason=NAMES, who=NAMES)
def test_bodies_keep_the_limits_whatever_the_texts_are(name, message, reason, who):
    """Nothing that stands in an event makes a request that the receiver refuses."""
    event = sample(
        data={**BACK_OFF, "message": message},
        reason=reason,
        name=who,
        node=who,
    )

    jsonschema.validate(rendered(name, event), SCHEMAS[name])


@pytest.mark.parametrize("name", SCHEMAS)
def test_events_without_data_have_a_message_too(name):
    """A gap, or a sink that wants references, has no sentence."""
    event = sample(data={}, type="io.kubebridge.resource.modified.v1", reason="")

    jsonschema.validate(rendered(name, event), SCHEMAS[name])


@pytest.mark.parametrize("name", SCHEMAS)
def test_events_of_which_little_is_known_have_a_message_too(name):
    """No time, no node, no data: only a type and a name."""
    nothing = dict.fromkeys(("cluster", "namespace", "node", "component"), "")
    event = without_data(sample(time=None, **nothing))

    jsonschema.validate(rendered(name, event), SCHEMAS[name])


@pytest.mark.parametrize("name", SCHEMAS)
def test_one_look_tells_what_where_how_often_and_since_when(name):
    """The words that a person looks for stand in the body, whatever its form."""
    shown = msgspec.json.encode(rendered(name, sample())).decode()

    for word in ("BackOff", "web-0", "Back-off restarting", "7", "shop"):
        assert word in shown.replace("\\\\", "")


def test_titles_name_what_happened_to_the_object():
    """Resource changes, gaps and digests have titles as well."""
    kinds = ["resource.added", "resource.modified", "resource.deleted"]
    kinds += ["gap", "digest", "x"]
    found = [
        message_of(sample(data={}, type=f"io.kubebridge.{kind}.v1", reason="")).title
        for kind in kinds
    ]

    assert found == [
        "Pod shop/web-0 was created",
        "Pod shop/web-0 changed",
        "Pod shop/web-0 is gone",
        "Events may be missing",
        "Events were held back",
        "io.kubebridge.x.v1: Pod shop/web-0",
    ]


def test_severity_is_that_of_the_event():
    """Normal is info, a gap an error."""
    calm = {"data": {"type": "Normal"}, "severitytext": "INFO"}

    assert message_of(sample(**calm)).severity == "info"
    assert message_of(sample()).severity == "warning"
    assert message_of(sample(type="io.kubebridge.gap.v1")).severity == "error"


def test_counts_of_a_series_are_told():
    """The newer API of Events counts repeats in a series."""
    found = message_of(sample(data={"series": {"count": 5}, "note": "again"}))

    assert ("Times", "5") in found.facts
    assert found.text == "again"


def test_slack_finds_no_mention_and_no_link_in_texts():
    """A message with <!channel> wakes nobody."""
    event = sample(data={**BACK_OFF, "message": "<!channel> & <http://x|y>"})

    assert "<" not in msgspec.json.encode(rendered("slack", event)).decode()


def test_messages_without_facts_have_no_empty_block():
    """Slack refuses a context without elements."""
    nothing = dict.fromkeys(("cluster", "namespace", "node", "component"), "")

    blocks = rendered("slack", sample(data={}, **nothing))["blocks"]

    assert [one["type"] for one in blocks] == ["header"]


def test_discord_mentions_nobody():
    """Markdown of a text is shown as it is."""
    event = sample(data={**BACK_OFF, "message": "@everyone **x**"})

    embed = rendered("discord", event)["embeds"][0]

    assert embed["description"] == "@everyone \\*\\*x\\*\\*"


def test_pagerduty_resolves_when_the_object_is_well():
    """The same key as that of the problem."""
    problem = rendered("pagerduty", sample())
    well = sample(reason="Started", data={"type": "Normal"}, severitytext="INFO")

    resolved = rendered("pagerduty", well)

    assert (problem["event_action"], resolved["event_action"]) == ("trigger", "resolve")
    assert problem["dedup_key"] == resolved["dedup_key"]


def test_alerts_of_alertmanager_end():
    """Repeats share the labels; an alert that is not repeated ends."""
    [alert] = rendered("alertmanager", sample())

    assert alert["labels"]["alertname"] == "BackOff"
    assert alert["labels"]["team"] == "shop"
    assert alert["annotations"]["count"] == "7"
    assert alert["startsAt"] == "2026-11-30T10:05:00+00:00"
    assert alert["endsAt"] == "2026-11-30T10:15:00+00:00"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("ratelimited", TemporarySinkError),
        ("internal_error", TemporarySinkError),
        ("msg_too_long", PermanentSinkError),
        ("channel_not_found", SinkPausedError),
        ("invalid_auth", SinkPausedError),
    ],
)
def test_slack_refuses_with_200_and_an_error(error, kind):
    """Docs of chat.postMessage: `ok` says whether it was posted."""
    said = answer(200, {"ok": False, "error": error})

    [result] = slack("#ops").judge(said, [sample()])

    assert type(result) is kind
    assert error in str(result)


@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense"])
def test_answers_of_slack_that_are_no_json_pause(body):
    """Something else answers there."""
    [result] = slack("#ops").judge(answer(200, body), [sample()])

    assert isinstance(result, SinkPausedError)


def test_a_webhook_of_slack_answers_with_a_status():
    """Its body is the word ok."""
    [result] = slack().judge(answer(200, b"ok"), [sample()])

    assert isinstance(result, Accepted)


def test_a_bot_of_slack_names_the_channel():
    """A webhook knows its channel."""
    request = slack("#ops").render(URL_OF_SINK, [sample()])

    assert msgspec.json.decode(request.body)["channel"] == "#ops"
    assert isinstance(
        slack("#ops").judge(answer(200, {"ok": True}), [sample()])[0], Accepted
    )


def test_data_that_cannot_be_read_is_the_events_fault():
    """It becomes a dead letter, and says why."""
    deep = sample()
    broken = type(deep)(
        id=deep.id,
        body=deep.body[: deep.data_offset] + b"[" * 5000 + b"}",
        data_offset=deep.data_offset,
    )

    with pytest.raises(PermanentSinkError, match="its data cannot be read"):
        message_of(broken)


def test_slack_takes_a_message_of_ones_own():
    """A tree of templates; the channel may be one, or stand beside it."""
    own = slack("C1", body={"text": "{{ object.count }}x", "n": "{{ object.count }}"})
    named = slack(body={"channel": "#{{ event.namespace }}", "text": "hi"})

    bodies = [one.render(URL_OF_SINK, [sample()]).body for one in (own, named)]

    assert msgspec.json.decode(bodies[0]) == {"text": "7x", "n": 7, "channel": "C1"}
    assert msgspec.json.decode(bodies[1]) == {"channel": "#shop", "text": "hi"}
    with pytest.raises(TemporarySinkError):
        raise named.judge(answer(200, {"error": "ratelimited"}), [sample()])[0]


def test_slack_refuses_a_template_that_is_none():
    """When the configuration is read."""
    with pytest.raises(ValueError, match="unknown filter 'nope'"):
        slack(body={"text": "{{ object.count|nope }}"})


@pytest.mark.parametrize("text", ["{{ object.type|unixms }}", "{{ [omit] }}"])
def test_slack_cannot_send_what_cannot_be_made(text):
    """A dead letter with the reason."""
    with pytest.raises(PermanentSinkError, match=r"^sink hook: "):
        slack(body={"text": text}).render(URL_OF_SINK, [sample()])
