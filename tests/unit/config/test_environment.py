"""K_SINK and K_CE_OVERRIDES, as a Knative SinkBinding sets them."""

import json
from pathlib import Path

import pytest

from bridge.config import HttpSinkConfig, environment, load_config, parse_config
from tests.unit.config.faults import HOOK, faults, only_fault

BOUND = {"K_SINK": "http://broker/default"}


def overrides(**extensions):
    """Return an environment with a sink and extensions."""
    return BOUND | {"K_CE_OVERRIDES": json.dumps({"extensions": extensions})}


def sinks(text):
    """Return URL by name of the sinks in a bound configuration."""
    config = parse_config(text, name="bridge.yaml", env=BOUND)
    assert all(isinstance(sink, HttpSinkConfig) for sink in config.sinks)
    return {sink.name: sink.url for sink in config.sinks}


@pytest.mark.parametrize("name", [None, "missing.yaml"])
def test_k_sink_is_a_configuration_by_itself(tmp_path, name):
    """No file is needed, and one that is absent is no fault."""
    config = load_config(name and tmp_path / name, BOUND)

    assert [sink.name for sink in config.sinks] == ["k-sink"]


def test_k_sink_joins_the_sinks_of_the_file():
    """Without routes every event goes to both."""
    assert sinks(HOOK) == {
        "hook": "https://example.com",
        "k-sink": "http://broker/default",
    }


def test_k_sink_gives_its_url_to_the_sink_that_waits_for_it():
    """A sink k-sink without a URL keeps its other settings."""
    text = "sinks: [{name: k-sink, timeout: 1s}]"

    assert sinks(text) == {"k-sink": "http://broker/default"}


def test_a_sink_with_two_urls_is_refused():
    """K_SINK and the file must not contradict each other."""
    text = "sinks: [{name: k-sink, url: http://h}]"

    assert only_fault(text, BOUND) == (
        "bridge.yaml:1:29: sinks[0].url: expected none in sink 'k-sink', for K_SINK is "
        "set, got one"
    )


def test_a_bad_k_sink_is_named_as_such():
    """The fault is where the value came from."""
    assert only_fault(HOOK, {"K_SINK": "broker"}) == (
        "K_SINK: sinks[1].url: expected an http or https URL, got no scheme"
    )


@pytest.mark.parametrize(
    "route",
    ["{name: r, sinks: [k-sink]}", "{name: r}", "{name: r, sinks: [hook, k-sink]}"],
)
def test_routes_may_lead_to_k_sink(route):
    """By its name, or by naming no sinks at all."""
    assert "k-sink" in sinks(f"{HOOK}routes: [{route}]")


def test_routes_that_pass_k_sink_by_are_refused():
    """A binding to which nothing would ever be sent is a mistake."""
    assert only_fault(f"{HOOK}routes: [{{name: r, sinks: [hook]}}]", BOUND) == (
        "bridge.yaml:2:9: routes: expected a route to sink 'k-sink', for K_SINK is "
        "set, got none"
    )


@pytest.mark.parametrize(
    "text", ["sinks: 5", "- a", "events: 5", "events: {extensions: 5}"]
)
def test_a_wrong_form_is_reported_not_stumbled_over(text):
    """What the environment cannot join is a fault like any other."""
    assert "expected a" in only_fault(text, overrides(team="shop"))


def test_an_empty_variable_counts_as_not_set():
    """As if the binding were not there."""
    env = {"K_SINK": "", "K_CE_OVERRIDES": ""}

    config = parse_config(HOOK, name="bridge.yaml", env=env)

    assert len(config.sinks) == 1


def test_overrides_join_and_win_over_the_extensions_of_the_file():
    """Names are taken in lower case, as Knative does."""
    text = f"{HOOK}events: {{extensions: {{team: a, zone: b}}}}"

    config = parse_config(text, name="bridge.yaml", env=overrides(Team="shop"))

    assert config.events.extensions == {"team": "shop", "zone": "b"}


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("id", "expected an extension, got the core attribute 'id'"),
        ("Data", "expected a name of a-z and 0-9 other than 'data', got 'data'"),
        ("a-b", "expected a name of a-z and 0-9 other than 'data', got 'a-b'"),
    ],
)
def test_overrides_of_what_is_no_extension_are_refused(name, problem):
    """A core attribute cannot be set from outside; the fault names the variable."""
    text = f"{HOOK}events: {{extensions: {{}}}}"

    [line] = faults(text, overrides(**{name: "x"}))

    assert line == f"K_CE_OVERRIDES: events.extensions.{name.lower()}: {problem}"


def test_an_override_is_at_fault_where_the_file_has_the_same_name():
    """The value that counts is the one that is named."""
    text = f"{HOOK}events: {{extensions: {{team: a}}}}"

    assert only_fault(text, overrides(team=5)).startswith("K_CE_OVERRIDES: ")


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("{", "something that is not JSON"),
        ("[" * 100_000, "something that is not JSON"),
        ("[]", "a list"),
        ('{"extension": {}}', "the unknown key 'extension'"),
        ('{"extensions": 5}', "a number as extensions"),
    ],
    ids=["cut", "deep", "list", "key", "number"],
)
def test_overrides_of_another_form_are_refused(text, got):
    """What cannot be applied is refused, never skipped."""
    assert only_fault(HOOK, {"K_CE_OVERRIDES": text}) == (
        'environment: K_CE_OVERRIDES: expected JSON such as {"extensions": {"team": '
        f'"shop"}}}}, got {got}'
    )


def test_overrides_may_be_without_extensions():
    """An empty object overrides nothing."""
    config = parse_config(HOOK, name="bridge.yaml", env={"K_CE_OVERRIDES": "{}"})

    assert config.events.extensions == {}


def k_sink(text, env):
    """Return the sink of the environment."""
    config = parse_config(text, name="bridge.yaml", env=BOUND | env)
    [sink] = [one for one in config.sinks if one.name == "k-sink"]
    return sink


def test_authorities_of_a_binding_are_those_of_its_sink():
    """K_CA_CERTS holds PEM (issue 10, item 8)."""
    config = parse_config(HOOK, name="b.yaml", env=BOUND | {"K_CA_CERTS": "PEM"})

    hook, sink = config.sinks
    assert (hook.tls.ca, sink.tls.ca.env) == (None, "K_CA_CERTS")


def test_authorities_of_the_file_win():
    """The sink says for itself whom it trusts (issue 10, item 8)."""
    text = "sinks: [{name: k-sink, tls: {ca: /ca.pem}}]"

    assert k_sink(text, {"K_CA_CERTS": "PEM"}).tls.ca == Path("/ca.pem")


@pytest.mark.parametrize("text", ["tls: 5", "tls: {ca: 5}", "tls: {ca: {evn: A}}"])
def test_wrong_form_of_tls_is_reported(text):
    """And not stumbled over (issue 10, item 8)."""
    lines = faults(f"sinks: [{{name: k-sink, {text}}}]", BOUND | {"K_CA_CERTS": "PEM"})

    assert "sinks[0].tls" in lines[0]


@pytest.fixture
def token(tmp_path, monkeypatch):
    """Mount a token as a SinkBinding does."""
    path = tmp_path / "token"
    path.write_text("eyJ")
    monkeypatch.setattr(environment, "OIDC_TOKEN", path)
    return path


def test_token_of_a_binding_is_sent_to_its_sink(token):
    """It stands at its usual path, where the kubelet renews it (issue 10, item 8)."""
    config = parse_config(HOOK, name="bridge.yaml", env=BOUND)

    hook, sink = config.sinks
    assert (hook.auth, sink.auth.bearer.file) == (None, token)


def test_auth_of_the_file_wins_over_the_token(token):
    """The sink says for itself how it is known (issue 10, item 8)."""
    text = "sinks: [{name: k-sink, auth: {bearer: {env: TOKEN}}}]"

    assert k_sink(text, {}).auth.bearer.env == "TOKEN"


def test_no_token_without_a_binding(token):
    """A sink called so, with a URL of its own, gets none (issue 10, item 8)."""
    text = "sinks: [{name: k-sink, url: http://h}]"

    [sink] = parse_config(text, name="bridge.yaml", env={}).sinks

    assert sink.auth is None
