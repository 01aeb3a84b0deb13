"""A TLS server and a client of ours, for any Python: standard library alone.

``python tls_peers.py bridge/net/tls.py ca.pem server.pem [strict]`` exits with 0 if the
client trusts the server, and says why not else.
"""

import importlib.util
import socket
import ssl
import sys
import threading


def client_context(module, authority, *, strict):
    """Return the context that the module makes, or one as Python 3.13's own."""
    if strict:
        return ssl.create_default_context(cafile=authority)
    spec = importlib.util.spec_from_file_location("tls", module)
    tls = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tls)
    return tls.client_context(ca=authority)


def serve(listener, certificate):
    """Accept once."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    raw, _ = listener.accept()
    try:
        with context.wrap_socket(raw, server_side=True) as connection:
            connection.sendall(b"hello")
    except ssl.SSLError:
        raw.close()


def main(module, authority, certificate, *more):
    """Connect once."""
    context = client_context(module, authority, strict="strict" in more)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        thread = threading.Thread(target=serve, args=(listener, certificate))
        thread.start()
        try:
            raw = socket.create_connection(listener.getsockname(), 10)
            with context.wrap_socket(raw, server_hostname="127.0.0.1") as connection:
                return 0 if connection.recv(5) == b"hello" else "no hello"
        except ssl.SSLError as error:
            return str(error)
        finally:
            thread.join()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
