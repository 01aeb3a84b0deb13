"""Standard output: whole lines, a slow reader, and one that went away."""

import asyncio
import json
import os

import pytest

from bridge.errors import SinkPausedError, TemporarySinkError
from bridge.events import EncodedEvent
from bridge.sinks.stdout import MOST_LINES, StdoutSink


def event(body=b'{"id":"a"}'):
    """Return an event with that body."""
    return EncodedEvent(id="a", body=body, data_offset=0)


@pytest.fixture
def pipe():
    """Return both ends of a pipe: to read, to write."""
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


async def test_each_event_is_a_line(pipe):
    """A program that reads lines reads events."""
    far, near = pipe

    answers = await StdoutSink(name="out", descriptor=near).send(
        [event(), event(b'{"id":"b"}')]
    )

    assert os.read(far, 1000) == b'{"id":"a"}\n{"id":"b"}\n'
    assert [one.status for one in answers] == [None, None]


async def test_line_breaks_between_tokens_become_blanks(pipe):
    """An event that was written with line breaks is still one line."""
    far, near = pipe
    body = b'{\r\n  "id": "a\\n"\n}'

    await StdoutSink(name="out", descriptor=near).send([event(body)])

    line = os.read(far, 1000)
    assert line.count(b"\n") == 1
    assert json.loads(line) == {"id": "a\n"}


async def test_regular_file_is_written(tmp_path):
    """Standard output may lead to a file."""
    path = tmp_path / "out"
    with path.open("wb") as file:
        await StdoutSink(name="out", descriptor=file.fileno()).send([event()] * 1000)

    assert path.read_bytes() == b'{"id":"a"}\n' * 1000


async def test_slow_reader_does_not_hold_up_the_process(pipe):
    """More than a pipe holds is written as the reader reads; the loop goes on."""
    far, near = pipe
    sink = StdoutSink(name="out", descriptor=near)
    large = event(b'"' + b"x" * 300_000 + b'"')

    async with asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(sink.send([large]), name="send")
        got = await read_lines(far, 1)

    assert got == large.body + b"\n"
    assert len(sending.result()) == 1


async def test_attempts_do_not_mix_their_lines(pipe):
    """Of two attempts at once, one waits for the other."""
    far, near = pipe
    sink = StdoutSink(name="out", descriptor=near)
    bodies = [b'"' + letter * 300_000 + b'"' for letter in (b"x", b"y")]

    async with asyncio.TaskGroup() as tasks:
        for body in bodies:
            tasks.create_task(sink.send([event(body)]), name="send")
        got = await read_lines(far, 2)

    assert got.splitlines() == bodies


async def read_lines(far, count):
    """Read a pipe until so many lines have come."""
    got = b""
    while got.count(b"\n") < count:
        got += await asyncio.to_thread(os.read, far, 65536)
    return got


async def test_reader_that_hangs_is_worth_another_try(pipe):
    """The attempt ends at its deadline, and the next begins on a new line."""
    far, near = pipe
    sink = StdoutSink(name="out", descriptor=near, timeout_seconds=0.1)
    with pytest.raises(TemporarySinkError, match="sink out: standard output is not"):
        await sink.send([event(b'"' + b"x" * 300_000 + b'"')])
    cut = os.read(far, 1_000_000)

    await sink.send([event()])

    assert not cut.endswith(b"\n")
    assert os.read(far, 1000) == b'\n{"id":"a"}\n'


async def test_reader_that_went_away_pauses(pipe):
    """A pipe that is broken stays so until the process is started anew."""
    far, near = pipe
    os.close(far)

    with pytest.raises(SinkPausedError, match="standard output: Broken pipe") as got:
        await StdoutSink(name="out", descriptor=near).send([event()])

    assert got.value.reason == "stdout"


async def test_sink_keeps_its_contract(pipe):
    """It has a name and a limit, never changes, and leaves standard output open."""
    sink = StdoutSink(name="out", descriptor=pipe[1])

    await sink.aclose()

    assert (sink.name, sink.max_batch) == ("out", MOST_LINES)
    assert sink.requests_per_minute is None
    assert sink.fingerprint() == sink.fingerprint()
    assert os.write(pipe[1], b"x") == 1
