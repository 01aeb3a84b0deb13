"""Requests that are shown and not sent."""

import pytest

from bridge.errors import PermanentSinkError
from bridge.events.encode import encode
from bridge.ingest.accept import EventForm
from bridge.operate.render import render_request
from tests.unit.operate.dry import configured, given


def rendered(sink, event=None):
    """Return what a sink would send for the sample."""
    config = configured(f"sinks: [{{name: s, {sink}}}]")
    [settings] = config.sinks
    form = EventForm(settings.profile, settings.data)
    return render_request(settings, encode(given(config).form(form)))


def test_a_request_is_shown_as_it_would_be_sent():
    """Method, URL, fields and body."""
    found = rendered("url: https://h/x, mode: binary")

    assert (found.method, found.url) == ("POST", "https://h/x")
    assert found.headers["ce-reason"] == "BackOff"
    assert found.tree["count"] == 7


@pytest.mark.parametrize(
    ("sink", "url"),
    [
        ("url: 'https://u:hunter2@h/x'", "https://h/x"),
        ("url: 'https://h/x?key=hunter2'", "https://h/x?***"),
        ("url: 'https://hooks.slack.com/services/hunter2'", "services/***"),
        ("url: {env: HOOK}", "{env: HOOK}"),
        ("url: {file: /a/b}", "{file: /a/b}"),
    ],
)
def test_secrets_of_a_url_are_hidden(sink, url):
    """Nor do they stand anywhere else, though the files are not there."""
    found = rendered(sink)

    assert found.url.endswith(url)
    assert "hunter2" not in repr(found)


TEMPLATE = (
    "format: {type: template, body: x, contentType: text/plain, headers: {X-R: a},"
    " path: '/a/{{ event.kind }}', query: {r: '{{ event.reason }}'}}"
)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h/x", "https://h/a/Pod?r=BackOff"),
        ("https://h/x?key=hunter2", "https://h/a/Pod?***&r=BackOff"),
        ("{env: HOOK}", "{env: HOOK}/a/Pod?r=BackOff"),
    ],
)
def test_templates_are_shown_in_a_url(url, shown):
    """They hold no secret, for events have none."""
    found = rendered(f"url: {url}, {TEMPLATE}, headers: {{X-R: b, X-S: c}}")

    assert found.url == shown
    assert found.headers["x-r"] == "a"
    assert found.tree == "x"


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ("headers: {X-Key: hunter2}", "X-Key"),
        ("headers: {X-Key: {env: KEY}}", "X-Key"),
        ("auth: {bearer: {env: KEY}}", "Authorization"),
        ("auth: {basic: {username: a, password: {env: KEY}}}", "Authorization"),
        (
            "auth: {oauth2: {tokenUrl: http://h, clientId: a, clientSecret: {env: A}}}",
            "Authorization",
        ),
        ("sign: {secrets: [{env: KEY}]}", "webhook-signature"),
        ("sign: {scheme: hub, secrets: [{env: KEY}]}", "x-hub-signature-256"),
    ],
)
def test_secret_fields_are_named_without_their_value(settings, name):
    """No secret is read, so none has to be there."""
    found = rendered(f"url: https://h/x, {settings}")

    assert found.headers[name] == "***"


def test_a_secret_in_a_body_is_hidden():
    """PagerDuty's key."""
    key = "routingKey: {env: KEY}"

    found = rendered(f"url: https://h, format: {{type: pagerduty, {key}}}")

    assert found.tree["routing_key"] == "***"


def test_standard_output_has_a_line():
    """In the form of the sink."""
    found = rendered("type: stdout, data: reference")

    assert (found.method, found.url, found.headers) == ("", "stdout:", {})
    assert found.tree["data"]["name"] == "web-0.17e5a3c2b1d4f608"


def test_a_template_that_fails_says_why():
    """As a dead letter would."""
    body = "body: '{{ object.reason + 1 }}'"

    with pytest.raises(PermanentSinkError, match=r"sink s: .*unsupported types"):
        rendered(f"url: https://h, format: {{type: template, {body}}}")
