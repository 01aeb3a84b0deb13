"""YAML as people write it, and as people do who mean harm (issue 10, 26, 35 and 42)."""

import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bridge.config import load_config, parse_config, text
from bridge.config.text import MOST_BYTES, read_document
from bridge.errors import ConfigError
from tests.unit.config.faults import HOOK, NOTHING, faults, only_fault

MEGABYTE = 1 << 20


def parsed(document):
    """Return the configuration that a document says."""
    return parse_config(document, name="bridge.yaml", env=NOTHING)


def data(document):
    """Return what a document says, whatever that means."""
    return read_document(document, name="").data


@pytest.fixture(params=["CSafeLoader", "SafeLoader"])
def _each_parser(request, monkeypatch):
    """Run with libyaml, and with what stands in its place where there is none."""
    monkeypatch.setattr(text, "_Loader", getattr(yaml, request.param))


MERGED = """
x-hook: &hook {url: http://h, timeout: 1s, retry: &retry {min: 2s}}
sinks:
- {<<: *hook, name: a, timeout: 2s}
- name: b
  <<: [{timeout: 3s}, *hook]
  retry: {<<: *retry, max: 9s}
"""


@pytest.mark.usefixtures("_each_parser")
def test_merge_keys_work():
    """What is written wins, then the first that is merged (issue 10, item 26)."""
    a, b = parsed(MERGED).sinks

    assert (a.timeout, b.timeout) == (2, 3)
    assert (a.url, b.url) == ("http://h", "http://h")
    assert (a.retry.min, b.retry.min, b.retry.max) == (2, 2, 9)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("b: {<<: {x: 1}, x: 2}", {"b": {"x": 2}}),
        ("b: {x: 2, <<: {x: 1}}", {"b": {"x": 2}}),
        ("b: {<<: [{x: 1}, {x: 2, y: 3}]}", {"b": {"x": 1, "y": 3}}),
        ("b: {<<: {<<: {x: 1}, y: 2}}", {"b": {"x": 1, "y": 2}}),
        ("b: {<<: {x: 1}, <<: {y: 1}}", {"b": {"x": 1, "y": 1}}),
        ("b: {'<<': {x: 1}}", {"b": {"<<": {"x": 1}}}),
        ("a: &a b\n*a : 1", {"a": "b", "b": 1}),
        ("&a b: *a", {"b": "b"}),
    ],
)
def test_what_merging_means(document, said):
    """As yaml.org/type/merge.html has it; in quotes it is a key like any other."""
    assert data(document) == said


def test_merged_parts_do_not_share_what_is_added():
    """A sink that the environment adds to is a sink by itself (item 26)."""
    said = data("a: &a {k: {x: 1}}\nb: {<<: *a}\nc: *a")

    said["a"]["k"]["x"] = 2

    assert (said["b"], said["c"]) == ({"k": {"x": 1}},) * 2


@pytest.mark.parametrize(
    ("document", "line"),
    [
        (
            "x-a: &a {url: ftp://h}\nsinks: [{<<: *a, name: a}]",
            "bridge.yaml:1:15: sinks[0].url: expected an http or https URL",
        ),
        (
            "x-a: &a {q: 1}\nsinks: [{<<: *a, name: a, url: http://h}]",
            "bridge.yaml:1:10: sinks[0].q: unknown key",
        ),
        (
            "x-a: &a {url: http://h}\nsinks:\n- <<: *a\n  name: a\n  grace: 1",
            "bridge.yaml:5:3: sinks[0].grace: unknown key",
        ),
    ],
)
def test_a_fault_in_what_is_merged_is_shown_where_it_is_written(document, line):
    """With line and column of the text (item 26)."""
    assert only_fault(document).startswith(line)


def test_keys_of_the_readers_own_are_left_alone():
    """At the top, where anchors may stand; not below (item 26)."""
    assert faults(f"x-note: [what, ever]\n{HOOK}") == []
    assert len(faults(f"{HOOK}log: {{x-note: 1}}\n")) == 1


@pytest.mark.usefixtures("untraced")
def test_five_thousand_sinks_and_routes_are_read():
    """And each leads where it says (item 26)."""
    sinks = "".join(f"- {{name: s{i}, url: 'http://h/{i}'}}\n" for i in range(5000))
    routes = "".join(
        f"- {{name: r{i}, filters: [{{exact: {{name: p{i}}}}}], sinks: [s{i}]}}\n"
        for i in range(5000)
    )

    config = parsed(f"sinks:\n{sinks}routes:\n{routes}")

    assert (len(config.sinks), config.routes[4999].sinks) == (5000, ("s4999",))


def many(count, form, *, before="", after=""):
    """Return a document of many parts."""
    return before + "".join(form.format(i=i, j=i + 1) for i in range(count)) + after


HOSTILE = {
    "lists": (many(350_000, "[],", before="a: [", after="]"), "more than 250000"),
    "sinks": (many(40_000, "- {{name: a}}\n", before="sinks:\n"), "at most 10000"),
    "keys": (many(90_000, "k{i}: 1\n"), "k0: unknown key"),
    "same keys": ("a: 1\n" * 200_000, "duplicate key, first in line 1"),
    "namespaces": (
        many(150_000, "n{i},", before="sources: [{namespaces: [", after="n]}]"),
        "sinks: expected at least one",
    ),
    "dead letters": (
        many(
            9000,
            "- {{name: s{i}, url: 'http://h', deadLetterSink: s{j}}}\n",
            before="sinks:\n",
        ),
        "no such sink 's9000'",
    ),
    "circle": (
        many(
            9000,
            "- {{name: s{i}, url: 'http://h', deadLetterSink: s{j}}}\n",
            before="sinks:\n",
            after="- {name: s9000, url: 'http://h', deadLetterSink: s0}\n",
        ),
        "got a circle: s0 → s1 →",
    ),
    "names": (
        many(9000, "- {{name: s{i}, url: 'http://h'}}\n", before="sinks:\n")
        + many(90_000, "q{i},", before="routes: [{name: r, sinks: [", after="q]}]"),
        "no such sink 'q0'",
    ),
    "deep lists": ("[" * MEGABYTE, "nested too deeply"),
    "deep keys": ("? " * MEGABYTE, "nested too deeply"),
    "deep items": ("- " * MEGABYTE, "nested too deeply"),
    "bomb": (
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{one}: &{one} [{', '.join([f'*{other}'] * 10)}]\n"
            for one, other in ("ba", "cb", "dc", "ed", "fe", "gf")
        ),
        "more than 250000",
    ),
    "deep aliases": (
        many(4000, "- &k{j} [*k{i}]\n", before="- &k0 [x]\n"),
        "nested too deeply",
    ),
    "merged chain": (
        many(4000, "- &k{j} {{<<: *k{i}, q{j}: 1}}\n", before="- &k0 {q0: 1}\n"),
        "more than 250000",
    ),
    "merged list": (
        many(30_000, "- &k{i} {{q{i}: 1}}\n", before="x-a:\n")
        + many(30_000, "*k{i},", before="x-b: {<<: [", after="*k0]}"),
        "sinks: expected at least one",
    ),
    "regexes": (
        many(
            9000,
            "{{any: [{{regex: {{reason: 'a{i}{{1,1000}}'}}}}]}},",
            before="routes: [{name: r, filters: [",
            after="]}]",
        ),
        "expected fewer or smaller regexes",
    ),
    "itself": ("a: &a [*a]", "'a' stands in itself"),
    "itself merged": ("a: &a {<<: *a}", "'a' stands in itself"),
    "a text": (f"a: '{'x' * MEGABYTE}'", "a: unknown key"),
    "digits": (f"grace: {'9' * MEGABYTE}", "a number of at most 18 digits"),
    "digits of a tag": (f"grace: !!int {'9' * MEGABYTE}", "at most 18 digits"),
    "a key": (f"{'x' * 1000}: 1", "unknown key"),
    "open": ("'" * (MEGABYTE + 1), "not YAML"),
}


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_document_costs_little(kind):
    """A mebibyte of it is refused before it is composed (items 35 and 42).

    What is quadratic in any of them does not end in the time of a test.
    """
    document, problem = HOSTILE[kind]

    found = faults(document)

    assert problem in "\n".join(found)
    assert len(found) <= 101


def test_very_many_faults_are_not_all_told():
    """The last line says that there are more (item 35)."""
    found = faults(f"{HOOK}{many(150, 'k{i}: 1 ' + chr(10))}")

    assert len(found) == 101
    assert found[-1] == "bridge.yaml: and 50 more, if not still more"


@pytest.mark.usefixtures("_each_parser")
@pytest.mark.parametrize(
    ("document", "place"),
    [
        ("a: b\x00", "1:5: not YAML: expected printable text, got U+0000"),
        ("a:\n\tb: 1", "2:1: not YAML: found character"),
        ("a: b\ud800", "1:5: not YAML: expected printable text, got U+D800"),
        ('a: "\\ud800"', "1:"),
        ("a: \x1b[31m", "1:4: not YAML: expected printable text, got U+001B"),
        ("a: *b", "1:4: not YAML: expected an anchor 'b' before"),
        ("a: b: c", "1:5: not YAML: mapping values are not allowed"),
        ("a: [1", "2:1: not YAML"),
        ("%YAML 9.9\n---\na", "1:1: not YAML: found incompatible YAML document"),
        ("a: 1\n---\nb: 1", "2:1: not YAML: expected one document, got another"),
        ('"\\e[31m\\u202e\\ud7ff": 1', '1:1: ["\\u001b[31m\\u202e\\ud7ff"]: unknown'),
    ],
)
def test_what_yaml_forbids_is_a_line_with_a_place(document, place):
    """Never a traceback, and nothing that a terminal obeys (item 42)."""
    found = faults(f"{document}\n")

    assert any(line.startswith(f"bridge.yaml:{place}") for line in found)
    assert all(line.isprintable() for line in found)


def test_a_file_beyond_any_size_is_not_read_whole(tmp_path):
    """Only as far as one may be; what has no end is not read at all (item 35)."""
    path, endless = tmp_path / "bridge.yaml", tmp_path / "endless.yaml"
    path.write_bytes(b"")
    os.truncate(path, MOST_BYTES + 1)
    endless.symlink_to("/dev/zero")

    with pytest.raises(ConfigError, match="expected a file, got a device"):
        load_config(endless, NOTHING)
    with pytest.raises(ConfigError, match=f"expected at most {MOST_BYTES} bytes"):
        load_config(path, NOTHING)


def test_a_file_of_an_impossible_name_is_an_error():
    """Printed so that it can be (item 42)."""
    with pytest.raises(ConfigError) as caught:
        load_config(Path("a\x00\n\udcff.yaml"), NOTHING)

    [line] = caught.value.problems
    assert line == r"a\x00\n\udcff.yaml: cannot be read: embedded null byte"


TOKENS = (
    """[ ] { } : , - ? & * ! | > ' " % @ ` # a 0 ~ \\ sinks --- ... 1e9 !!int !!x"""
)
tokens = st.sampled_from(
    [*TOKENS.split(" "), *"\t\n \x85\ud800", "- ", ": ", "b: ", "&a ", "*a", "<<: "]
)


@given(st.lists(tokens, max_size=40).map("".join) | st.text(max_size=60))
def test_no_text_at_all_breaks_the_reader(document):
    """Each is a configuration or some lines that can be printed (item 42)."""
    assert all(line.isprintable() for line in faults(document))
