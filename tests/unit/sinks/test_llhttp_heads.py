"""RequestHeads: what stands before a body."""

import pytest
from multidict import CIMultiDict
from yarl import URL

from bridge.sinks.transports.llhttp.answer import ResponseFields
from bridge.sinks.transports.llhttp.transport import RequestHeads

HOOK = URL("http://hook.example.com/a%2Fb?c=d")


def test_post_is_its_line_its_fields_and_its_body():
    """The host comes first, the length last."""
    got = RequestHeads().request("POST", HOOK, CIMultiDict(A="b"), b"body")

    assert got == (
        b"POST /a%2Fb?c=d HTTP/1.1\r\nHost: hook.example.com\r\nA: b\r\n"
        b"Content-Length: 4\r\n\r\nbody"
    )


def test_same_fields_are_prepared_once_and_others_anew():
    """A secret that changes makes other fields, which are sent."""
    heads, fields = RequestHeads(), CIMultiDict(A="b")
    first = heads.request("POST", HOOK, fields, b"1")

    assert heads.request("POST", HOOK, fields, b"1") == first
    assert b"A: c\r\n" in heads.request("POST", HOOK, CIMultiDict(A="c"), b"1")
    assert heads.request("POST", URL("http://b/"), fields, b"1").startswith(
        b"POST / HTTP/1.1\r\n"
    )


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://a:80/", b"a"),
        ("https://a:443/", b"a"),
        ("https://a:80/", b"a:80"),
        ("http://[::1]:8080/", b"[::1]:8080"),
        ("http://b\u00fccher.example/", b"xn--bcher-kva.example"),
    ],
)
def test_host_names_the_port_where_it_is_another(url, host):
    """As RFC 9110, 7.2, says, also for addresses and names with an umlaut."""
    got = RequestHeads().request("POST", URL(url), CIMultiDict(), b"")

    assert b"\r\nHost: " + host + b"\r\n" in got


def test_configured_host_replaces_ours():
    """There is one Host; framing fields are ours alone."""
    fields = CIMultiDict({"host": "other", "Content-Length": "9"})

    got = RequestHeads().request("POST", HOOK, fields, b"ab")

    assert got.endswith(b"HTTP/1.1\r\nhost: other\r\nContent-Length: 2\r\n\r\nab")


@pytest.mark.parametrize("evil", ["b\r\nEvil: c", "b\nEvil: c", "b\rc", "b\0c"])
def test_field_cannot_bring_another_one(evil):
    """What would end the line is refused; its value is not shown."""
    with pytest.raises(ValueError, match=r"fields b'A': expected one line") as got:
        RequestHeads().request("POST", HOOK, CIMultiDict(A=evil), b"")

    assert "Evil" not in str(got.value)


def test_fields_of_an_event_replace_others():
    """Binary mode names the type of its data; what it does not name stays."""
    heads, fields = RequestHeads(), CIMultiDict({"Content-Type": "a", "X": "y"})
    own = [(b"content-type", b"b"), (b"ce-id", b"1")]

    with_them = heads.request("POST", HOOK, fields, b"", own)
    without = heads.request("POST", HOOK, fields, b"")

    assert with_them.split(b"\r\n")[2:5] == [b"X: y", b"content-type: b", b"ce-id: 1"]
    assert without.split(b"\r\n")[2:4] == [b"Content-Type: a", b"X: y"]


def test_method_cannot_bring_another_line():
    """What would end the request line is refused."""
    with pytest.raises(ValueError, match="request line: expected method and target"):
        RequestHeads().request(
            "GET / HTTP/1.1\r\nEvil: a\r\nX:", HOOK, CIMultiDict(), b""
        )


def test_fields_of_an_answer_are_found_in_any_case():
    """Blanks around a value are none of it; odd bytes harm nobody."""
    fields = ResponseFields([(b"RETRY-after", b"7 "), (b"X", b"\xff")])

    assert (fields["Retry-After"], fields.get("none")) == ("7", None)
    assert (list(fields), len(fields)) == (["RETRY-after", "X"], 2)
