"""As whom the API server is asked: the header fields of user impersonation.

As client-go's ``transport.NewImpersonatingRoundTripper``: without them the process
would have the rights of the user that it logs in as, perhaps more than were asked for.
"""

import string
from collections.abc import Iterator

from bridge.cluster.session.credentials import header_value
from bridge.cluster.session.forms import KubeconfigUser
from bridge.cluster.session.kubeconfig import KubeconfigEntry
from bridge.errors import CredentialsError

# What a header's name may hold (RFC 9110, 5.6.2), less the sign that escapes the rest.
_PLAIN = frozenset((string.ascii_letters + string.digits + "!#$&'*+-.^_`|~").encode())


def impersonation(
    user: KubeconfigUser, *, entry: KubeconfigEntry
) -> tuple[tuple[str, str], ...]:
    """Return the header fields for ``as`` and the keys that begin with it.

    Raises:
        CredentialsError: There is a group, uid or extra, but nobody to be; or a value
            cannot stand in a header. Names the key.
    """
    if not user.as_:
        for key, value in _besides(user):
            if value:
                raise CredentialsError(
                    f"{entry.field(key)}: expected `as` beside it, got nobody to be"
                )
        return ()
    return tuple(
        (name, header_value(value, field=entry.field(key)))
        for key, name, value in _fields(user)
    )


def _besides(user: KubeconfigUser) -> tuple[tuple[str, object], ...]:
    return (
        ("as-uid", user.as_uid),
        ("as-groups", user.as_groups),
        ("as-user-extra", user.as_user_extra),
    )


def _fields(user: KubeconfigUser) -> Iterator[tuple[str, str, str]]:
    """Yield the key of the kubeconfig, the header's name and its value."""
    yield "as", "Impersonate-User", user.as_ or ""
    if user.as_uid:
        yield "as-uid", "Impersonate-Uid", user.as_uid
    for group in user.as_groups or ():
        yield "as-groups", "Impersonate-Group", group
    for key, values in (user.as_user_extra or {}).items():
        for value in values or ():
            yield "as-user-extra", f"Impersonate-Extra-{_escaped(key)}", value


def _escaped(key: str) -> str:
    """Return a key as it stands in a header's name: %-escaped byte by byte."""
    raw = key.encode(errors="surrogatepass")
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in raw)
