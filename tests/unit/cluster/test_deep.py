"""Objects nested deeper than a decoder reads are read all the same (issue 10, item 30).

kube-apiserver takes custom resources nested 10,000 deep.
"""

import json

import msgspec
import pytest

from bridge.cluster import Change, Resource
from bridge.cluster.answers import read_list, status_error
from bridge.cluster.changes import read_line, read_listed, with_resource_version
from bridge.cluster.store import MetadataFilter
from bridge.cluster.wire import decode_line, decode_list, decode_raw_members
from bridge.errors import ExpiredError, UnreadableError

WIDGETS = Resource(group="shop.io", version="v1", plural="widgets", kind="Widget")
DEPTHS = pytest.mark.parametrize("levels", [10, 1_100, 10_000])


def widget(levels, name="deep", version="7"):
    """A custom resource that is nested so deep."""
    inner = b'{"a":[' * (levels // 2) + b"]}" * (levels // 2)
    metadata = {"name": name, "uid": "u", "resourceVersion": version, "labels": {}}
    head = json.dumps({"kind": "Widget", "metadata": metadata}).encode()
    return head[:-1] + b',"spec":%b}' % inner


@DEPTHS
@pytest.mark.parametrize(
    "keeps", [None, MetadataFilter(), MetadataFilter(labels=True, owner=True)]
)
@pytest.mark.parametrize("start", [b'{"type"', b'{ "type"'])
def test_a_line_with_a_deep_object_is_read(levels, keeps, start):
    """The object is passed on whole; what cannot be converted is a dead letter."""
    line = b'%b:"ADDED","object":%b}' % (start, widget(levels))

    change = read_line(line, resource=WIDGETS, keeps=keeps)

    assert isinstance(change, Change)
    assert (change.object, change.resource_version) == (widget(levels), "7")


@DEPTHS
def test_a_list_with_a_deep_object_is_read(levels):
    """The objects beside it are not lost."""
    items = [widget(4, "a"), widget(levels, "b"), widget(4, "c")]
    body = b'{"kind":"WidgetList","metadata":{"resourceVersion":"9","x":{}},'
    body += b'"items":[%b]}' % b",".join(items)

    form = read_list(body, resource=WIDGETS, doing="list widgets")
    found = list(
        read_listed(map(bytes, form.items), resource=WIDGETS, keeps=MetadataFilter())
    )

    assert [one.object for one in found] == items
    assert [one.known.name for one in found] == ["a", "b", "c"]


@DEPTHS
def test_a_deep_object_is_stamped(levels):
    """Its last state becomes that of its deletion."""
    assert with_resource_version(widget(levels), version="8") == widget(
        levels, version="8"
    ).replace(b'": ', b'":').replace(b', "', b',"')


@DEPTHS
def test_a_deep_status_is_read(levels):
    """Whatever is in it."""
    body = b'{"details":%b,"code":410}' % (b'{"a":' * levels + b"1" + b"}" * levels)

    assert isinstance(status_error(body, doing="watch"), ExpiredError)


@pytest.mark.parametrize(
    ("decode", "value"),
    [
        (decode_line, b'{"type":"ADDED","x":%b}'),
        (decode_line, b'{"type":"ADDED","object":7,"x":%b}'),
        (decode_line, b"%b"),
        (decode_list, b'{"metadata":{},"kind":"L","items":[7],"x":{"y":%b}}'),
        (decode_list, b'{"metadata":{},"kind":"L","x":{"y":%b}}'),
        (decode_raw_members, b"%b"),
    ],
)
def test_what_is_deep_and_no_such_form_is_refused(decode, value):
    """As any other JSON is."""
    deep = b"[" * 2_000 + b"]" * 2_000

    with pytest.raises(msgspec.DecodeError):
        decode(value % deep)


def test_a_deep_list_of_nothing_is_empty():
    """Go writes a nil slice as null."""
    deep = b"[" * 2_000 + b"]" * 2_000
    body = b'{"metadata":{},"kind":"L","items":null,"x":%b}' % deep

    assert decode_list(body).items is None


@pytest.mark.parametrize("at", [b"ADDED", b"Widget", b'"7"', b'"labels"'])
@pytest.mark.parametrize("keeps", [None, MetadataFilter(labels=True)])
def test_a_line_that_is_no_utf8_is_unreadable(at, keeps):
    """Msgspec's error for it is none of its own kinds: `make fuzz` found it."""
    line = b'{"type":"ADDED","object":%b}' % widget(2)
    broken = line.replace(at, at[:2] + b"\xff" + at[2:])

    try:
        found = read_line(broken, resource=WIDGETS, keeps=keeps)
    except UnreadableError:
        found = None

    assert found is None or b"\xff" in found.object


@pytest.mark.parametrize("decode", [decode_line, decode_list, decode_raw_members])
def test_bytes_that_are_no_utf8_are_a_decode_error(decode):
    """Which is what is caught wherever something is decoded."""
    with pytest.raises(msgspec.DecodeError):
        decode(b'{"type":"\xff","metadata":{"resourceVersion":"\xff"},"\xff":1}')
