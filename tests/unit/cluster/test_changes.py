"""Watch lines and listed objects, as changes."""

import json
from dataclasses import replace

import msgspec
import pytest

from bridge.cluster import CORE_EVENTS, Bookmark, Change, ObjectMeta, Resource
from bridge.cluster.changes import (
    minimal_object,
    read_line,
    read_listed,
    with_resource_version,
)
from bridge.cluster.kubernetes_event import decode_event
from bridge.cluster.store import MetadataFilter
from bridge.errors import ExpiredError, UnreadableError

OBJECT = b'{"kind":"Event","metadata":{"name":"a","resourceVersion":"7"}}'


def line(kind, body=OBJECT):
    """A line of a watch."""
    return b'{"type":"%s","object":%s}' % (kind.encode(), body)


@pytest.mark.parametrize("change", ["added", "modified", "deleted"])
def test_a_line_is_a_change_with_the_raw_object(change):
    """Not a byte of the object is touched."""
    assert read_line(line(change.upper()), resource=CORE_EVENTS) == Change(
        change=change, resource=CORE_EVENTS, object=OBJECT, resource_version="7"
    )


def test_an_event_is_decoded_with_its_line():
    """Nothing that comes later has to read its JSON again."""
    body = b'{"kind":"Event","metadata":{"name":"a","uid":"u","resourceVersion":"7"}}'

    read = [
        read_line(line("ADDED", body), resource=resource)
        for resource in (CORE_EVENTS, replace(CORE_EVENTS, group="example.com"))
    ]

    assert read[0].event == decode_event(body)
    assert (read[0].object, read[0].resource_version) == (body, "7")
    assert read[1].event is None


def test_a_bookmark_has_only_a_version():
    """It says that everything up to there has come."""
    bookmark = read_line(line("BOOKMARK"), resource=CORE_EVENTS)

    assert bookmark == Bookmark(resource_version="7")


@pytest.mark.parametrize(
    "strange",
    [
        line("RENAMED"),
        line("ADDED", b"{}"),
        line("ADDED", b'{"metadata":{"resourceVersion":7}}'),
        line("ADDED", b'"text"'),
        b'{"type":"ADDED"}',
        b"[]",
    ],
)
def test_what_is_json_but_not_understood_is_nothing(strange):
    """Later servers may say more than today's."""
    assert read_line(strange, resource=CORE_EVENTS) is None


def test_an_object_that_is_odd_apart_from_its_version_is_passed_on():
    """Whether it can be converted is decided later, and kept if not."""
    odd = b'{"metadata":{"resourceVersion":"7","name":null},"reason":[]}'

    assert read_line(line("ADDED", odd), resource=CORE_EVENTS).object == odd


def test_an_error_line_is_raised_as_what_it_means():
    """410 in the stream is 410."""
    with pytest.raises(ExpiredError):
        read_line(line("ERROR", b'{"code":410}'), resource=CORE_EVENTS)


def test_a_line_that_is_no_json_is_an_error_that_quotes_nothing():
    """It may be half of a Secret."""
    with pytest.raises(UnreadableError, match="got 14 bytes") as caught:
        read_line(b'{"type":"hush!', resource=CORE_EVENTS)

    assert "hush" not in str(caught.value)


def test_a_listed_object_gets_the_kind_that_its_list_leaves_out():
    """So it is the same, byte for byte, as the watch would bring it."""
    apps = Resource(group="apps", version="v1", plural="deployments", kind="Deployment")
    item = b'{"metadata":{"name":"a","resourceVersion":"7"}}'

    (listed,) = read_listed([item], resource=apps, keeps=MetadataFilter())

    assert listed.object == (
        b'{"kind":"Deployment","apiVersion":"apps/v1",'
        b'"metadata":{"name":"a","resourceVersion":"7"}}'
    )


def test_a_listed_object_with_a_kind_stays_as_it_is():
    """Custom resources carry theirs in lists too."""
    (listed,) = read_listed([OBJECT], resource=CORE_EVENTS, keeps=MetadataFilter())

    assert listed.object == OBJECT


def test_a_listed_object_has_the_key_that_lists_are_sorted_by():
    """Namespace and name with a slash, as etcd has them."""
    metadata = {"name": "b", "namespace": "a", "resourceVersion": "7"}
    item = json.dumps({"metadata": metadata}).encode()

    (listed,) = read_listed([item], resource=CORE_EVENTS, keeps=MetadataFilter())

    assert (listed.key, listed.version) == (b"a/b", "7")


@pytest.mark.parametrize(
    "item",
    [
        b"{}",
        b"7",
        b'{"metadata":{"name":"a"}}',
        b'{"metadata":{"resourceVersion":""}}',
        b'{"kind":"Pod","metadata":{"resourceVersion":"7"}}',
    ],
)
def test_a_list_with_something_that_is_no_such_object_is_an_error(item):
    """What is left out counts as deleted (issue 10, item 9)."""
    found = read_listed([OBJECT, item], resource=CORE_EVENTS, keeps=MetadataFilter())

    with pytest.raises(UnreadableError, match="list events"):
        list(found)


@pytest.mark.parametrize("kind", ["ADDED", "DELETED", "BOOKMARK"])
@pytest.mark.parametrize("version", ["", "0", "x7", "-1", "7" * 400, "\u0667", "1.5"])
def test_what_is_no_version_never_becomes_a_cursor(kind, version):
    """Neither of a change nor of a bookmark (issue 10, item 10)."""
    body = json.dumps({"metadata": {"name": "a", "resourceVersion": version}}).encode()

    assert read_line(line(kind, body), resource=CORE_EVENTS) is None
    assert (
        read_line(line(kind, body), resource=CORE_EVENTS, keeps=MetadataFilter())
        is None
    )


@pytest.mark.parametrize("keeps", [MetadataFilter(), None])
def test_a_watched_object_of_another_kind_is_an_error(keeps):
    """Somebody else answers there (issue 10, item 9)."""
    body = b'{"kind":"Pod","metadata":{"name":"a","resourceVersion":"7"}}'

    with pytest.raises(UnreadableError, match="kind Event, got 'Pod'"):
        read_line(line("ADDED", body), resource=CORE_EVENTS, keeps=keeps)


def test_with_a_store_a_change_says_which_object_it_is_about():
    """Key, uid and version, read in one go."""
    body = (
        b'{"metadata":{"name":"a","namespace":"shop","uid":"u","resourceVersion":"7"}}'
    )

    change = read_line(
        line("ADDED", body), resource=CORE_EVENTS, keeps=MetadataFilter()
    )

    assert change.known == ObjectMeta(key="shop/a", uid="u", version="7")
    assert change.resource_version == "7"


def test_a_bookmark_has_no_identity_to_read():
    """With a store as without."""
    bookmark = read_line(line("BOOKMARK"), resource=CORE_EVENTS, keeps=MetadataFilter())

    assert bookmark == Bookmark(resource_version="7")


@pytest.mark.parametrize(
    ("key", "where"), [("shop/a", {"namespace": "shop"}), ("/a", {})]
)
def test_a_sketch_holds_all_that_is_known_of_an_object(key, where):
    """Kind, apiVersion and identity; the namespace only if there is one."""
    known = ObjectMeta(key=key, uid="u", version="7")

    drawn = json.loads(minimal_object(known, resource=CORE_EVENTS))

    assert drawn == {
        "kind": "Event",
        "apiVersion": "v1",
        "metadata": {"name": "a", **where, "uid": "u", "resourceVersion": "7"},
    }


def test_a_stamp_changes_the_version_and_nothing_else():
    """Not even the order of members, nor a label of that name."""
    value = (
        b'{"kind":"Pod","metadata":{"name":"a","resourceVersion":"7",'
        b'"labels":{"resourceVersion":"7"}},"status":{}}'
    )

    assert with_resource_version(value, version="9") == value.replace(b'"7",', b'"9",')


@pytest.mark.parametrize("keeps", [None, MetadataFilter()])
@pytest.mark.parametrize("kind", ["ADDED", "MODIFIED", "DELETED", "BOOKMARK"])
@pytest.mark.parametrize("end", [b"}", b" }", b',"more":{}}', b"} ", b"", b"}}"])
def test_a_line_says_the_same_however_it_is_written(keeps, kind, end):
    """As kube-apiserver writes it, it is parsed once; else in two steps."""
    usual = line(kind)[:-1] + end
    other = usual.replace(b'{"type":', b'{ "type":')

    usual_item, other_item = (read_or_error(line, keeps) for line in (usual, other))

    assert usual_item == other_item


def read_or_error(line, keeps):
    """Return what a line says, or which error it is; the object as parsed."""
    try:
        item = read_line(line, resource=CORE_EVENTS, keeps=keeps)
    except UnreadableError:
        return UnreadableError
    if not isinstance(item, Change):
        return item
    return msgspec.structs.replace(item, object=item.object.strip())


def test_an_event_is_decoded_once_however_it_is_read():
    """Watched, streamed or listed: its conversion need not decode it again."""
    item = b'{"metadata":{"name":"a","uid":"u","resourceVersion":"7"},"reason":"R"}'
    value = b'{"kind":"Event",' + item[1:]
    watched = read_line(line("ADDED", value), resource=CORE_EVENTS)
    streamed = read_line(
        line("ADDED", value), resource=CORE_EVENTS, keeps=MetadataFilter()
    )
    [listed] = read_listed([item], resource=CORE_EVENTS, keeps=MetadataFilter())

    assert [one.event.reason for one in (watched, streamed, listed)] == ["R"] * 3
    assert (watched.known, streamed.known) == (None, listed.known)
    assert listed.known == ObjectMeta(key="/a", uid="u", version="7")


def test_an_event_whose_labels_are_kept_is_read_for_them():
    """Its conversion decodes the rest."""
    keeps = MetadataFilter(labels=True)

    change = read_line(line("ADDED"), resource=CORE_EVENTS, keeps=keeps)

    assert (change.event, change.known.version) == (None, "7")
