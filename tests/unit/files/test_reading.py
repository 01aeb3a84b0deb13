"""Small files that somebody names (issue 10, item 45)."""

import os
import socket
from pathlib import Path

import pytest

from bridge.config import load_config
from bridge.errors import ConfigError
from bridge.files.reading import MOST_BYTES, NoFileError, read_file
from bridge.sinks.http.tls import TlsContext
from bridge.sinks.reloaded import SecretError
from bridge.sinks.secrets import SecretFromFile
from bridge.sinks.settings import TlsConfig

KINDS = {
    "a pipe": os.mkfifo,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "more": lambda path: path.write_bytes(b"x" * (9 << 20)),
}


@pytest.fixture(params=KINDS)
def odd(request, tmp_path):
    """Make something that is no file of use; return its path and what it is."""
    path = tmp_path / "odd"
    KINDS[request.param](path)
    return path, request.param


def test_what_is_no_file_is_not_read(odd):
    """A pipe would hang, a device would never end (issue 10, item 45)."""
    path, kind = odd

    with pytest.raises(NoFileError, match=f"got {kind}$"):
        read_file(path)


@pytest.mark.parametrize(
    "read",
    [
        lambda path: SecretFromFile(path).read(),
        lambda path: TlsContext(TlsConfig(ca=path)).get(),
        lambda path: TlsContext(TlsConfig(cert=path)).get(),
        lambda path: TlsContext(TlsConfig(cert=Path(__file__), key=path)).get(),
    ],
    ids=["secret", "ca", "cert", "key"],
)
def test_secret_that_is_no_file_is_named(odd, read):
    """The sink pauses and says which (issue 10, item 45)."""
    path, kind = odd

    with pytest.raises(SecretError, match=f"{path}: expected .*, got {kind}"):
        read(path)


def test_configuration_that_is_no_file_is_named(odd):
    """And nothing hangs (issue 10, item 45)."""
    path, kind = odd

    with pytest.raises(ConfigError, match=f"{path}: cannot be read: .*got {kind}"):
        load_config(path, {})


def test_folder_is_no_file(tmp_path):
    """It is called what the system calls it (issue 10, item 45)."""
    with pytest.raises(NoFileError, match="Is a directory"):
        read_file(tmp_path)


def test_socket_is_no_file(tmp_path):
    """It cannot even be opened (issue 10, item 45)."""
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(tmp_path / "socket"))
        with pytest.raises(OSError, match="No such device"):
            read_file(tmp_path / "socket")


def test_file_is_read_whole(tmp_path):
    """By a link, as Kubernetes mounts them, up to the ceiling (issue 10, item 45)."""
    (tmp_path / "file").write_bytes(b"x" * MOST_BYTES)
    (tmp_path / "link").symlink_to(tmp_path / "file")

    assert read_file(tmp_path / "link") == b"x" * MOST_BYTES
