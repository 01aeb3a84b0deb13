"""Attempts of a process that may open no more files, on both engines."""

import concurrent.futures.thread  # noqa: F401  # a running bridge has it long since
import errno
import os
import resource
import socket

import pytest

from bridge.errors import OUR_FAULT, TemporarySinkError
from bridge.sinks.http.auth import BearerAuth
from bridge.sinks.reloaded import ReloadedFile, SecretError
from bridge.sinks.secrets import SecretFromFile
from bridge.sinks.settings import TlsConfig
from bridge.sinks.transports.errors import is_ours
from tests.unit.sinks.conftest import CERTIFICATES
from tests.unit.sinks.samples import event


@pytest.fixture
def no_files():
    """Leave no file to open until the test is over."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    taken = []
    try:
        while True:
            taken.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        yield
    finally:
        for number in taken:
            os.close(number)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_no_file_for_a_connection_is_not_the_sinks_fault(
    make_sink, no_files, host
):
    """It rests a second and no breaker opens (issue 10, item 37)."""
    with pytest.raises(TemporarySinkError) as caught:
        await make_sink(f"http://{host}:9").send([event()])

    assert (caught.value.reason, caught.value.scope) == (OUR_FAULT, "sink")
    assert caught.value.retry_after_seconds == 1.0


@pytest.mark.parametrize("what", ["secret", "tls"])
async def test_no_file_for_a_secret_pauses_nothing(
    make_sink, no_files, tmp_path_factory, what
):
    """It is there, and can be read later (issue 10, item 37)."""
    settings = {
        "secret": {"auth": BearerAuth(token=SecretFromFile(CERTIFICATES / "ca.pem"))},
        "tls": {"tls": TlsConfig(ca=CERTIFICATES / "ca.pem")},
    }[what]
    with pytest.raises(TemporarySinkError) as caught:
        await make_sink("https://127.0.0.1:9", **settings).send([event()])

    assert caught.value.reason == OUR_FAULT


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENFILE, "a"), True),
        (OSError(errno.ECONNREFUSED, "a"), False),
        (socket.gaierror(socket.EAI_AGAIN, "a"), False),
        (ValueError(), False),
    ],
)
def test_only_what_we_lack_is_our_fault(error, expected):
    """A name that is not known is the sink's, as long as a file can be opened."""
    outer = RuntimeError()
    outer.__cause__ = error

    assert is_ours(outer) is expected


def test_what_was_read_before_is_good_while_nothing_can_be_opened(tmp_path):
    """A look that fails for want of files is no new value (issue 10, item 37)."""
    path = tmp_path / "token"
    path.write_text("t")
    now, errors = [0.0], []

    def load():
        if errors:
            raise SecretError("a", reason="secret") from errors.pop()
        return path.read_text()

    value = ReloadedFile([path], load, now=lambda: now[0])
    assert value.get() == "t"
    path.write_text("new")
    now[0], errors[:] = 10.0, [OSError(errno.EMFILE, "a")]

    assert value.get() == "t"
    now[0] = 20.0
    assert value.get() == "new"


def test_a_name_that_cannot_be_looked_up_for_want_of_files_is_our_fault(monkeypatch):
    """A resolver that can open nothing says only "try again" (issue 10, item 37)."""
    unknown = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    def no_more(*_: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    before = is_ours(unknown)
    with monkeypatch.context() as patch:
        patch.setattr("bridge.sinks.transports.errors.os.open", no_more)
        starved = is_ours(unknown)

    assert (before, starved) == (False, True)
