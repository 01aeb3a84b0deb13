"""Every kind of broken configuration gives a line that says where and what."""

from pathlib import Path

import pytest

from tests.unit.config.faults import HOOK, faults, only_fault

BROKEN = Path(__file__).with_name("broken.txt").read_text(encoding="utf-8")


def _cases():
    for block in BROKEN.strip().split("\n\n"):
        text, _, message = block.partition("\n  → ")
        preamble = "" if text.startswith("sinks") else HOOK
        yield pytest.param(preamble + text, message.strip(), id=text)


@pytest.mark.parametrize(("marked", "message"), list(_cases()))
def test_a_fault_is_named_with_its_place(marked, message):
    """Each fault is one line: file, line, column, key, expected and got.

    In `broken.txt` the sign § marks the place.
    """
    before = marked.partition("§")[0].split("\n")
    place = f"bridge.yaml:{len(before)}:{len(before[-1]) + 1}"

    assert only_fault(marked.replace("§", "")) == f"{place}: {message}"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "1:1: expected a configuration, got nothing"),
        ("# a remark", "1:1: expected a configuration, got nothing"),
        ("- a", "1:1: expected a mapping, got a list"),
        ("a: b: c", "1:5: not YAML: mapping values are not allowed in this context"),
        ("a: *b", "1:4: not YAML: expected an anchor 'b' before"),
        ("a: 1\n---\nb: 1", "2:1: not YAML: expected one document, got another"),
        ("a\n\x00", "2:1: not YAML: expected printable text, got U+0000"),
        ("a: &a [*a]", "1:8: not usable: 'a' stands in itself"),
        ("[" * 500, "1:65: not usable: nested too deeply"),
    ],
    ids=range(9),
)
def test_a_text_that_is_no_configuration_is_refused(text, line):
    """Syntax errors, emptiness and absurd nesting are named."""
    assert only_fault(text) == f"bridge.yaml:{line}"


@pytest.mark.parametrize("text", ["sinks: §[]", "§log: {}"])
def test_a_configuration_without_sinks_is_refused(text):
    """Events that go nowhere are a mistake; K_SINK is named as the other way."""
    column = text.index("§") + 1

    assert only_fault(text.replace("§", "")) == (
        f"bridge.yaml:1:{column}: sinks: expected at least one, here or as K_SINK in "
        "the environment"
    )


def test_aliases_cannot_explode():
    """A text whose aliases stand for a billion values is refused at once."""
    text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    for one, other in ("ba", "cb", "dc", "ed", "fe", "gf"):
        text += f"{one}: &{one} [{', '.join([f'*{other}'] * 10)}]\n"

    assert only_fault(text).endswith("not usable: more than 250000 values")


def test_long_values_are_cut():
    """A message stays a line, however long what was got is."""
    line = only_fault(f"{HOOK}cluster: {{name: {'a' * 300}}}")

    assert line.endswith(f"got '{'a' * 56}...'")


def test_duplicates_are_named_with_the_first():
    """A key or a name that is there twice is refused, and says where it was first."""
    text = f"{HOOK}log: {{}}\nlog: {{}}\nsources: [{{name: a}}, {{name: a}}]\n"

    assert faults(text) == [
        "bridge.yaml:3:1: log: duplicate key, first in line 2",
        "bridge.yaml:4:29: sources[1].name: duplicate name 'a', first in sources[0]",
    ]


def test_keys_and_tags_that_are_not_plain_are_refused():
    """Keys are texts, and values have no tags of their own."""
    text = f"{HOOK}? [a]\n: b\nlog: {{level: !!binary aW5mbw==}}\n"

    assert [line.partition(": ")[2] for line in faults(text)] == [
        "expected texts as keys, got a list or mapping",
        "log.level: expected a value without the tag 'binary'",
    ]


def test_all_faults_are_reported_at_once_in_the_order_of_the_text():
    """Faults of different kinds do not hide each other."""
    text = (
        "sinks:\n"
        "- {name: a, url: 'http://h', timout: 1s}\n"
        "- {name: a, url: 'http://h'}\n"
        "routes: [{name: r, sinks: [b], filters: [{}]}]\n"
        "grace: soon\n"
    )

    assert [line.split(": ")[1] for line in faults(text)] == [
        "sinks[0].timout",
        "sinks[1].name",
        "routes[0].sinks[0]",
        "routes[0].filters[0]",
        "grace",
    ]


@pytest.mark.parametrize(
    "key",
    [
        "url: 'http://u:hunter2@'",
        "url: ['hunter2']",
        "auth: hunter2",
        "auth: {bearer: hunter2}",
        "auth: {bearer: {env: [hunter2]}}",
        "auth: {basic: hunter2}",
        "headers: {Authorization: Bearer hunter2}",
        "headers: {X: [hunter2]}",
        "headers: hunter2",
        "proxy: 'u:hunter2@h'",
    ],
)
def test_a_fault_never_shows_a_secret(key):
    """What stands where a secret may stand is not repeated."""
    url = "" if key.startswith("url") else ", url: 'http://h'"

    assert "hunter2" not in only_fault(f"sinks: [{{name: a{url}, {key}}}]")


def test_a_plain_secret_is_refused_with_the_form_that_is_wanted():
    """A token in the document is no token, and the message says what to write."""
    assert only_fault(f"{HOOK}server: {{token: hunter2}}") == (
        "bridge.yaml:2:17: server.token: expected {env: NAME} or {file: path}, got "
        "plain text: no secret stands in the document"
    )


def test_find_problems_finds_none_in_what_is_usable():
    """An empty answer means that the bridge would start."""
    assert faults(HOOK) == []


def test_a_key_does_nothing_to_a_terminal():
    """Whatever stands in it (issue 10, item 38): `make fuzz` found it."""
    fault = only_fault(HOOK + '"so\\u202eurces\\u009b31m\\e": 1\n')

    assert fault.isprintable()
    assert r'["so\u202eurces\u009b31m\u001b"]: unknown key' in fault
