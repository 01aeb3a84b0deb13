"""A file becomes a configuration."""

from pathlib import Path

import pytest

from bridge.config import HttpSinkConfig, StdoutSinkConfig, load_config
from bridge.config import parse_config as parse
from bridge.config.text import read_document
from bridge.errors import ConfigError
from bridge.sinks.secrets import SecretConfig
from tests.unit.config.faults import HOOK, NOTHING, only_fault

WHOLE = """
cluster: {name: prod, kubeconfig: ~/.kube/config, context: prod}
sources:
  - name: events
    kind: Event
    apiVersion: v1
    namespaces: [shop]
    initial: skip
    fieldSelector: type=Warning
    labelSelector: ""
sinks:
  - name: hook
    url: https://example.com/hook
    mode: structured
    concurrency: 64
    timeout: 15s
    headers: {X-Team: shop, X-Key: {env: KEY}}
    auth: {bearer: {env: TOKEN}}
    tls: {}
    retry: {}
  - {name: out, type: stdout}
routes:
  - name: backoff
    sources: [events]
    filters: [{exact: {reason: No}}]
    sinks: [hook]
queue: {path: /var/lib/kubebridge/queue.db, maxSize: 1GiB, keep: 1h}
server: {host: localhost, port: 8080, token: {file: token}}
"""


def parse_config(text, name="/etc/kubebridge/bridge.yaml", env=NOTHING):
    """Return the configuration that stands in /etc/kubebridge."""
    return parse(text, name=name, env=env)


def test_the_documented_configuration_is_read():
    """Every key of the documented form has its value afterwards."""
    config = parse_config(WHOLE)

    hook, out = config.sinks
    assert isinstance(hook, HttpSinkConfig)
    assert isinstance(out, StdoutSinkConfig)
    assert config.sources[0].field_selector == "type=Warning"
    assert hook.headers == {"X-Team": "shop", "X-Key": SecretConfig(env="KEY")}
    assert hook.timeout == 15
    assert config.queue.keep == 3600
    assert config.queue.max_size == 2**30


def test_the_smallest_configuration_has_all_defaults():
    """One sink with a URL is enough: Events of all namespaces, from now on."""
    config = parse_config(HOOK)

    [hook], [source] = config.sinks, config.sources
    assert isinstance(hook, HttpSinkConfig)
    assert (source.name, source.namespaces, source.initial) == ("events", (), "skip")
    assert (hook.mode, hook.concurrency, hook.timeout) == ("structured", 64, 15)
    assert (hook.retry.min, hook.retry.max, hook.retry.age) == (1, 600, 259_200)
    assert (config.grace, config.server.host) == (20, "127.0.0.1")
    assert config.routes == ()


def test_scalars_are_those_of_yaml_1_2():
    """`No` is a text, as a filter for it means."""
    [route] = parse_config(WHOLE).routes

    assert route.filters == ({"exact": {"reason": "No"}},)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("yes", "yes"),
        ("2024-01-01", "2024-01-01"),
        ("0x1F", "0x1F"),
        ("'1'", "1"),
        ("true", True),
        ("~", None),
        ("-12", -12),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("!!str 5", "5"),
        ("! 5", "5"),
        ("!!null ''", None),
        ("!!bool 'true'", True),
        ("!!int '7'", 7),
        ("!!float 7", 7.0),
        ("!!map {b: 1}", {"b": 1}),
    ],
)
def test_scalars_have_the_types_of_the_core_schema(written, found):
    """YAML 1.2, 10.3.2; what PyYAML takes from 1.1 is text."""
    document = read_document(f"a: {written}", name="")

    assert document.data == {"a": found}


def test_aliases_stand_for_what_they_name():
    """An anchor can be used again."""
    text = "sinks: [{name: &name a, url: http://h}]\nlog: &log {}\n"
    text += "routes: [{name: *name, sinks: [*name]}]\ncluster: *log\n"

    [route] = parse_config(text).routes

    assert (route.name, route.sinks) == ("a", ("a",))


def test_relative_paths_start_at_the_folder_of_the_file():
    """A file that is named beside the configuration is found beside it."""
    config = parse_config(WHOLE)

    assert config.server.token == SecretConfig(file=Path("/etc/kubebridge/token"))
    assert config.cluster.kubeconfig == Path.home() / ".kube" / "config"


def test_a_home_that_is_not_known_is_a_fault():
    """`~nobody` has no folder, and the message says so."""
    text = f"{HOOK}cluster: {{kubeconfig: ~no-such-user/config}}"

    assert only_fault(text).endswith(
        "expected a path, got '~' where there is no home folder"
    )


@pytest.mark.parametrize(
    ("env", "folder"),
    [
        ({}, Path.home() / ".local/state"),
        ({"XDG_STATE_HOME": "/state"}, Path("/state")),
        ({"XDG_STATE_HOME": "relative"}, Path.home() / ".local/state"),
    ],
    ids=str,
)
def test_the_queue_is_in_the_users_state_folder(env, folder):
    """XDG_STATE_HOME moves it if it is absolute, as its specification demands."""
    config = parse_config(HOOK, env=env)

    assert config.queue.path == folder / "kubebridge" / "queue.db"


def test_a_path_of_the_queue_is_taken_as_written():
    """XDG_STATE_HOME has no say in it."""
    text = f"{HOOK}queue: {{path: q.db}}"

    config = parse_config(text, env={"XDG_STATE_HOME": "/state"})

    assert config.queue.path == Path("/etc/kubebridge/q.db")


def test_a_proxy_may_be_none():
    """`none` connects directly whatever the environment says."""
    text = "sinks: [{name: a, url: http://h, proxy: none}]"

    [sink] = parse_config(text).sinks

    assert isinstance(sink, HttpSinkConfig)
    assert sink.proxy == "none"


def test_load_config_reads_a_file(tmp_path):
    """A byte order mark is no fault."""
    path = tmp_path / "bridge.yaml"
    path.write_text(HOOK, encoding="utf-8-sig")

    config = load_config(path, NOTHING)

    assert config.sinks[0].name == "hook"


@pytest.mark.parametrize(
    ("prepare", "problem"),
    [
        (lambda _: None, "cannot be read: no such file or directory"),
        (Path.mkdir, "cannot be read: is a directory"),
        (lambda path: path.write_bytes(b"b:\na: \xff"), "expected UTF-8, got"),
    ],
    ids=["missing", "folder", "not UTF-8"],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, prepare, problem):
    """The message has the path and the reason."""
    path = tmp_path / "bridge.yaml"
    prepare(path)

    with pytest.raises(ConfigError, match=rf"{path}:(2:4:)? {problem}"):
        load_config(path, NOTHING)


def test_no_file_and_no_sink_is_no_configuration():
    """Without -c and K_SINK the message names both."""
    with pytest.raises(ConfigError, match=r"expected a file \(-c\) or K_SINK"):
        load_config(None, NOTHING)
