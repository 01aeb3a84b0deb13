"""How many bytes of an API server's answers are kept (issue 10, item 36)."""

import gzip
import json

import pytest

from bridge.cluster import CORE_EVENTS, client
from bridge.errors import ApiStatusError, UnreadableError
from tests.unit.cluster.server import Answer, connected, page, streaming

HEAD = b'{"kind":"EventList","metadata":{"resourceVersion":"9"},"items":['


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """A page may have 10 kB, an answer 30."""
    monkeypatch.setattr(client, "PAGE_BYTES", 10_000)
    monkeypatch.setattr(client, "ANSWER_BYTES", 30_000)


def stuffed(size):
    """A list of one object that is so large."""
    item = {"metadata": {"name": "a", "resourceVersion": "7"}, "x": "x" * size}
    return Answer(body=HEAD + json.dumps(item).encode() + b"]}")


async def asked(tmp_path, *answers, times):
    """Ask for 500 objects so many times; return how many the server was asked for."""
    async with connected(tmp_path, *answers) as (client, server):
        for _ in range(times):
            await client.list_page(CORE_EVENTS, limit=500)
    return [int(request.query["limit"]) for request in server.requests]


async def test_fewer_objects_are_asked_for_where_they_are_large(tmp_path):
    """Until a page has a bearable size; and that is remembered."""
    answers = (stuffed(20_000), stuffed(20_000), stuffed(9_000))

    assert await asked(tmp_path, *answers, times=2) == [500, 62, 7, 7]


async def test_more_objects_are_asked_for_where_they_are_small_again(tmp_path):
    """Twice as many with each page that leaves room."""
    answers = (stuffed(20_000), page("a"))

    assert await asked(tmp_path, *answers, times=5) == [500, 62, 124, 248, 496, 500]


async def test_one_large_object_is_read(tmp_path):
    """What etcd stores can be listed, at least by itself."""
    assert await asked(tmp_path, stuffed(20_000), times=2) == [500, 62, 7, 1, 1]


async def test_an_absurd_answer_is_an_error_that_says_so(tmp_path):
    """However few objects are asked for."""
    with pytest.raises(UnreadableError, match=r"list events .* at most 30000 bytes"):
        await asked(tmp_path, stuffed(40_000), times=1)


async def test_an_endless_answer_is_not_read_to_its_end(tmp_path):
    """Nobody says before how long it is."""
    endless = streaming(HEAD, *[b" " * 5_000] * 99, cut=True)

    with pytest.raises(UnreadableError, match="at most 30000 bytes"):
        await asked(tmp_path, endless, times=1)


async def test_a_long_refusal_is_told_by_its_status(tmp_path):
    """Its text is not worth the memory."""
    refusal = Answer(status=500, body=b'{"message":"%b"}' % (b"x" * 2_000_000))
    async with connected(tmp_path, refusal) as (client, _):
        with pytest.raises(ApiStatusError, match="500: no Status in the answer"):
            await client.get("/version")


@pytest.mark.parametrize("status", [200, 500])
async def test_what_is_compressed_is_not_undone(tmp_path, status):
    """Nobody asked for it, and some kB may become GB."""
    bomb = gzip.compress(b'{"message":"it was undone"}')
    headers = {"Content-Encoding": "gzip"}
    answer = Answer(status=status, body=bomb, headers=headers)
    async with connected(tmp_path, answer) as (client, server):
        with pytest.raises(
            (UnreadableError, ApiStatusError), match=r"no Content-Encoding|no Status"
        ):
            await client.get("/version")

    assert server.requests[0].headers["Accept-Encoding"] == "identity"
