"""A CloudEvent that was made is one."""

import pytest
from hypothesis import given

from bridge.errors import InvalidEventError
from bridge.events import CloudEvent
from tests.unit.events import strategies


def make(**changed) -> CloudEvent:
    """Return a small event with some values changed."""
    return CloudEvent(
        **{"id": "1", "source": "kubernetes://prod", "type": "a.b", **changed}
    )


@given(strategies.events())
def test_whatever_the_specification_allows_can_be_made(event):
    """No valid value is refused."""
    assert event.attributes()["specversion"] == "1.0"


def test_attributes_leaves_out_what_is_not_set():
    """Only what was said is there, in the order of the specification."""
    event = make(datacontenttype=None, extensions={"b": 1, "a": True})

    found = list(event.attributes())

    assert found == ["specversion", "id", "source", "type", "b", "a"]


def test_cloudevent_is_frozen():
    """An event does not change once it is checked."""
    event = make()

    with pytest.raises(AttributeError, match="immutable"):
        event.id = "2"


@pytest.mark.parametrize(
    "name", ["", "Reason", "a_b", "a-b", "a.b", "é", "a\n", "data", "id", "time"]
)
def test_cloudevent_refuses_extension_names(name):
    """Names are of a-z and 0-9 and none that is taken (core, Naming Conventions)."""
    with pytest.raises(InvalidEventError, match=r"^attribute "):
        make(extensions={name: "x"})


@pytest.mark.parametrize("value", [None, 1.5, b"x", [], {}, 2**31, -(2**31) - 1])
def test_cloudevent_refuses_extension_types(value):
    """Values are text, Boolean or 32-bit Integer (core, Type System)."""
    with pytest.raises(InvalidEventError, match=r"^attribute 'x': expected"):
        make(extensions={"x": value})


@pytest.mark.parametrize(
    "character",
    [
        "\x00",
        "\n",
        "\x1f",
        "\x7f",
        "\x80",
        "\x9f",
        "\ud800",
        chr(0xDFFF),
        "\ufdd0",
        "\ufdef",
        "\ufffe",
        "\uffff",
        "\U0001fffe",
        "\U0010ffff",
    ],
)
@pytest.mark.parametrize("place", ["id", "type", "subject", "x"])
def test_cloudevent_refuses_characters(character, place):
    """Text has no control characters, noncharacters or lone surrogates (core)."""
    text = f"a{character}"
    changed = {"extensions": {"x": text}} if place == "x" else {place: text}

    with pytest.raises(InvalidEventError, match=f"^attribute '{place}': .* at 1$"):
        make(**changed)


@pytest.mark.parametrize("text", ["\xa0", "é", "\ue000", "\ufdcf", "\ufdf0", "😀"])
def test_cloudevent_takes_other_characters(text):
    """The neighbours of what is forbidden are not."""
    assert make(subject=text).subject == text


@pytest.mark.parametrize("changed", [{"id": ""}, {"type": ""}, {"subject": ""}])
def test_cloudevent_refuses_empty_text(changed):
    """Id, type and subject say something (core, Context Attributes)."""
    with pytest.raises(InvalidEventError, match="expected text"):
        make(**changed)


@pytest.mark.parametrize(
    "source",
    [
        "a",
        "/a/b",
        "kubernetes://prod",
        "urn:uuid:0",
        "https://[::1]:6443/a?b=/?#c",
        "//host",
        "?q",
        "#f",
        "./a:b",
        "mailto:a@b",
        "%41",
        "a/b:c",
        "x://u:p@h:1/",
    ],
)
def test_cloudevent_takes_sources(source):
    """Any URI-reference is a source (RFC 3986, 4.1)."""
    assert make(source=source).source == source


@pytest.mark.parametrize(
    "source",
    [
        "",
        " ",
        ":",
        "a b",
        "1a:b",
        "é",
        "%4",
        "%zz",
        "a#b#c",
        "//[x]",
        "a\\b",
        "<a>",
        "http://[::1",
        "a\n",
        "a^",
    ],
)
def test_cloudevent_refuses_sources(source):
    """What breaks the grammar is no source."""
    with pytest.raises(InvalidEventError, match=r"^attribute 'source': expected"):
        make(source=source)


@pytest.mark.parametrize(
    "time",
    [
        "2026-02-28T00:00:00Z",
        "2024-02-29T23:59:59.123456789Z",
        "1990-12-31T23:59:60Z",
        "2026-01-01T00:00:00.5+05:30",
        "0001-01-01T00:00:00Z",
    ],
)
def test_cloudevent_takes_times(time):
    """RFC 3339 has fractions, offsets and leap seconds."""
    assert make(time=time).time == time


@pytest.mark.parametrize(
    "time",
    [
        "",
        "now",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-02-29T00:00:00Z",
        "2026-01-01 00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00+0530",
        "2026-01-01T00:00:00Z\n",
        "٢026-01-01T00:00:00Z",
    ],
)
def test_cloudevent_refuses_times(time):
    """What is no timestamp of RFC 3339, or no day, is refused."""
    with pytest.raises(InvalidEventError, match=r"^attribute 'time': expected"):
        make(time=time)


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "text/JSON",
        "application/vnd.a.b+json",
        "model/gltf+json",
        "application/json; charset=utf-8",
        'application/json;a="b;\\"c"',
    ],
)
def test_cloudevent_takes_json_types(media_type):
    """Each media type of JSON will do, with or without parameters."""
    assert make(datacontenttype=media_type).datacontenttype == media_type


@pytest.mark.parametrize(
    "media_type",
    [
        "",
        "json",
        "text/plain",
        "application/jsonx",
        "application/json;",
        "a b/json",
        "application/json\r\nx: y",
        "application/json; charset=a b",
        "/json",
    ],
)
def test_cloudevent_refuses_other_types(media_type):
    """What is no media type could break a header; what is not JSON breaks the body."""
    with pytest.raises(InvalidEventError, match=r"^attribute 'datacontenttype': "):
        make(datacontenttype=media_type)


@pytest.mark.parametrize("schema", ["", "/a", "a b", "https://a/b#c", "1:a"])
def test_cloudevent_refuses_schemas(schema):
    """A dataschema is an absolute URI (RFC 3986, 4.3)."""
    with pytest.raises(InvalidEventError, match=r"^attribute 'dataschema': "):
        make(dataschema=schema)


@pytest.mark.parametrize("data", [b"null", b"0", b'"a"', b"[]", '{"a":"é"}'.encode()])
def test_cloudevent_takes_any_json(data):
    """Data need not be an object; null is data too (JSON format 3.1.2)."""
    assert make(data=data).data == data


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000,
        b"",
        b"{",
        b"{}x",
        b"NaN",
        b"'a'",
        b'"\n"',
        b'"\xff"',
        b'{"\xc0\x80":1}',
        b"01",
    ],
)
def test_cloudevent_refuses_what_is_not_json(data):
    """One broken payload would break a whole batch."""
    with pytest.raises(InvalidEventError, match=r"^data: expected JSON"):
        make(data=data)
