"""Ports for servers whose address must be known before they listen."""

import socket

_RESERVED: list[socket.socket] = []


def free_port() -> int:
    """Reserve a loopback port for as long as this process lives.

    A socket that is bound, but does not listen, keeps the port: the kernel gives it to
    nobody who asks for any port, and to no outgoing connection. Servers that set
    SO_REUSEADDR, as all of ours do, can listen on it, again and again; while none
    does, connections are refused.
    """
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(("127.0.0.1", 0))
    _RESERVED.append(reserved)  # or it would be closed with the last reference
    return int(reserved.getsockname()[1])
