"""AnswerReader: bytes to one answer, however they are cut, and nothing else."""

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.sinks.transports.llhttp.answer import MOST_HEAD_BYTES, ResponseReader

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

ANSWERS = {
    "no content": (b"HTTP/1.1 204 No\r\nX: y\r\n\r\n", b"", False),
    "no reason": (b"HTTP/1.1 204\r\n\r\n", b"", False),
    "a length": (OK + b"Content-Length: 4\r\n\r\n\r\n\r\n", b"\r\n\r\n", False),
    "chunks": (CHUNKED + b"2\r\nab\r\n2;x\r\ncd\r\n0\r\n\r\n", b"abcd", False),
    "trailers": (CHUNKED + b"2\r\nab\r\n0\r\nRetry-After: 9\r\n\r\n", b"ab", False),
    "after interim ones": (
        b"HTTP/1.1 100 C\r\nX: z\r\n\r\nHTTP/1.1 103 E\r\n\r\n"
        + OK
        + b"X: y\r\nContent-Length: 1\r\n\r\na",
        b"a",
        False,
    ),
    "close": (OK + b"Connection: close\r\nContent-Length: 1\r\n\r\na", b"a", True),
    "more": (OK + b"Content-Length: 1\r\n\r\nab", b"a", True),
    "a blank line more": (b"HTTP/1.1 204 No\r\n\r\n\r\n", b"", True),
    "chunks and a blank line": (CHUNKED + b"0\r\n\r\n\r\n", b"", True),
    "chunks and more": (CHUNKED + b"0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", b"", True),
    "chunks and garbage": (CHUNKED + b"0\r\n\r\n\0", b"", True),
}

BAD = {
    "nothing": b"\r\n",
    "another protocol": b"SSH-2.0-x",
    "another version": b"HTTP/2.0 200 OK\r\n\r\n",
    "a bare line feed": OK + b"X: y\n\r\n",
    "a line feed for an end": b"HTTP/1.1 200 OK\n\n",
    "a folded field": OK + b"X: y\r\n z\r\n\r\n",
    "a space before the colon": OK + b"Content-Length : 4\r\n\r\n",
    "two codings": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
    "a coding twice": OK
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a coding and a tab": OK + b"Transfer-Encoding: chunked\t\r\n\r\n",
    "an upgrade": b"HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    "an upgrade to nothing": b"HTTP/1.1 101 S\r\n\r\nabc",
    "an endless field": OK + b"X: " + b"y" * MOST_HEAD_BYTES,
    "endless interim ones": b"HTTP/1.1 100 C\r\n\r\n" * 4000,
    "an endless chunk extension": CHUNKED + b"1;" + b"x" * MOST_HEAD_BYTES,
    "endless trailers": CHUNKED + b"0\r\n" + b"X: y\r\n" * 12_000,
}


def read(data, sizes=()):
    """Return a reader that was fed the data in pieces of those sizes."""
    reader = ResponseReader()
    for size in sizes:
        reader.feed(data[:size])
        data = data[size:]
    reader.feed(data)
    return reader


@pytest.mark.parametrize("name", ANSWERS)
@settings(deadline=None)
@given(sizes=st.lists(st.integers(0, 40), max_size=12))
def test_answer_is_the_same_however_it_is_cut(name, sizes):
    """Status, body, end, and whether more came, do not depend on segments."""
    data, body, is_last = ANSWERS[name]

    reader = read(data, sizes)

    assert (reader.is_complete, reader.is_last) == (True, is_last)
    assert b"".join(reader.chunks) == body
    assert reader.status == (204 if b"1 204" in data else 200)
    assert dict(reader.fields).get(b"X") in (None, b"y")


@pytest.mark.parametrize("name", BAD)
@settings(deadline=None)
@given(sizes=st.lists(st.integers(1, 40), max_size=3))
def test_what_is_no_answer_is_refused(name, sizes):
    """It is refused however it is cut, and the error is one short line."""
    with pytest.raises(httpx.RemoteProtocolError, match=r"^not HTTP: ") as caught:
        read(BAD[name], sizes)

    assert len(str(caught.value)) < 300


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", OK, CHUNKED]))
def test_any_bytes_are_an_answer_or_refused(data, start):
    """Nothing else can come of them."""
    try:
        reader = read(start + data)
    except httpx.RemoteProtocolError:
        return

    assert reader.has_head or not reader.chunks


@pytest.mark.parametrize("framing", ["chunks", "length"])
def test_answer_behind_the_answer_changes_nothing(framing):
    """A refusal does not become a success by what follows it in the same segment."""
    first = (
        b"HTTP/1.1 503 No\r\n"
        + {
            "chunks": b"Transfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n",
            "length": b"Content-Length: 2\r\n\r\nno",
        }[framing]
    )

    reader = read(first + OK + b"X: y\r\nContent-Length: 4\r\n\r\nevil")

    assert (reader.status, reader.reason, reader.chunks) == (503, b"No", [b"no"])
    assert (len(reader.fields), reader.is_complete, reader.is_last) == (1, True, True)


def test_trailers_are_no_fields():
    """A sink cannot say Retry-After behind its body (RFC 9110, 6.5.1)."""
    reader = read(CHUNKED + b"0\r\nRetry-After: 9\r\n\r\n")

    assert [name for name, _ in reader.fields] == [b"Transfer-Encoding"]


@pytest.mark.parametrize(
    ("data", "is_complete"),
    [
        (OK + b"\r\nab", True),
        (OK + b"Content-Length: 3\r\n\r\nab", False),
        (CHUNKED + b"2\r\nab\r\n", False),
        (OK, False),
    ],
)
def test_end_of_the_stream_ends_some_bodies(data, is_complete):
    """Only one that has neither length nor chunks (RFC 9112, 6.3)."""
    reader = read(data)

    reader.end()

    assert (reader.is_complete, reader.is_last) == (is_complete, True)


def test_answer_to_head_has_no_body():
    """Whatever its length says, for nobody knows what will follow."""
    reader = ResponseReader()
    reader.begin(is_bodiless=True)

    reader.feed(OK + b"Content-Length: 4\r\n\r\n")

    assert (reader.is_complete, reader.is_last) == (True, True)


def test_reader_reads_the_next_answer():
    """One parser serves a connection for its whole life."""
    reader = read(OK + b"Content-Length: 1\r\n\r\na")

    for data, body in ((CHUNKED + b"1\r\nb\r\n0\r\n\r\n", b"b"), (OK + b"\r\nc", b"c")):
        reader.begin()
        reader.feed(data)
        assert reader.chunks == [body]

    assert (reader.reason, len(reader.fields)) == (b"OK", 0)


def test_long_body_of_many_chunks_is_read():
    """The limit of what is not body begins anew with each part of a body."""
    reader = read(CHUNKED)

    for _ in range(3000):
        reader.feed(b"1;" + b"x" * 100 + b"\r\na\r\n")

    assert (reader.received_bytes, len(reader.chunks)) == (3000 * 107, 3000)


@pytest.mark.parametrize("data", [OK + b"\r\n", OK])
def test_disagreement_about_the_end_of_the_head_is_no_answer(data):
    """Two who count differently are what smuggling lives on: both must agree."""
    reader = ResponseReader()
    reader._parser = Contrary(reader, says_over=not data.endswith(b"\r\n\r\n"))

    with pytest.raises(httpx.RemoteProtocolError, match="empty line after the head"):
        reader.feed(data)


class Contrary:
    """A parser that sees the end of the head elsewhere."""

    def __init__(self, reader, *, says_over):
        self._reader = reader
        self._says_over = says_over

    def feed_data(self, data):
        """Say the contrary."""
        self._reader._is_head_over = self._says_over
