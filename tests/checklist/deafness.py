"""A peer that is gone: nothing comes from it, not even an acknowledgement.

A proxy that stays silent leaves the acknowledging to the kernel. A filter on our own
socket that takes no packet does not (Linux: socket(7), SO_ATTACH_FILTER).
"""

import ctypes
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

_SO_ATTACH_FILTER = 26
_TAKE_NOTHING = struct.pack("HBBI", 0x06, 0, 0, 0)  # BPF_RET | BPF_K, 0 bytes


def deafen(ours: socket.socket) -> None:
    """Drop every packet that comes for a socket from now on."""
    filters = ctypes.create_string_buffer(_TAKE_NOTHING)
    program = struct.pack("HxxxxxxP", 1, ctypes.addressof(filters))
    ours.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


def sockets_to(port: int) -> Iterator[socket.socket]:
    """Yield this process's sockets that are connected to a port, as copies."""
    for path in list(Path("/proc/self/fd").iterdir()):
        with suppress(OSError):
            if not str(path.readlink()).startswith("socket:"):
                continue
            with closing(socket.socket(fileno=os.dup(int(path.name)))) as copy:
                if copy.getpeername()[1:2] == (port,):
                    yield copy
