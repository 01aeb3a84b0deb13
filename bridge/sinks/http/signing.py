"""Sign requests, so that a receiver can verify their origin.

============  ================================================================
``standard``  Standard Webhooks 1.0: ``webhook-id``, ``webhook-timestamp`` and
              ``webhook-signature``, one entry for each active key: ``v1``
              (HMAC-SHA256) of a ``whsec_`` key, ``v1a`` (ed25519) of a ``whsk_``
``hub``       ``X-Hub-Signature-256`` (as GitHub and WebSub 7 have it): the
              HMAC-SHA256 of the body in hexadecimal digits, of one key
============  ================================================================

What is signed is the body, byte for byte, and with ``standard`` the id and the time
of the attempt too. No other header field is: in binary mode the attributes of an
event are outside of the signature.
"""

import binascii
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from bridge.events.encode import Header
from bridge.sinks.http.settings import SignConfig
from bridge.sinks.reloaded import SecretError
from bridge.sinks.secrets import Secret

SECRET_PREFIX = "whsec_"  # noqa: S105  # the specification's word, no secret
PRIVATE_PREFIX = "whsk_"

_KEY_BYTES = range(24, 65)
_SEED_BYTES = 32
_UNSAFE = re.compile("[^A-Za-z0-9_-]")

Sign = Callable[[bytes], bytes]
"""Returns the signature of some bytes, as it stands in a header field."""


class Signer(Protocol):
    """Signs the requests of one sink."""

    def headers(self, ids: Sequence[str], body: bytes, /) -> Sequence[Header]:
        """Return the header fields of an attempt that is made now.

        Args:
            ids: Of the events that it carries, in order.
            body: What is sent, byte for byte.

        Raises:
            SecretError: A key cannot be read, or is malformed.
        """
        ...

    def read(self) -> list[str]:
        """Return the keys as texts, as they are now.

        Raises:
            SecretError: One cannot be read.
        """
        ...

    def secrets(self) -> list[str]:
        """Return the keys as they were last used, to be hidden."""
        ...

    def sources(self) -> list[Secret]:
        """Return the secrets that hold the keys."""
        ...


class StandardSigner:
    """Standard Webhooks 1.0, "Signature scheme" and "Webhook headers"."""

    def __init__(
        self, secrets: Sequence[Secret], *, now: Callable[[], float] = time.time
    ) -> None:
        """Read no key yet.

        Args:
            secrets: The active keys. Each of them signs, so that receivers can go
                from one to the next at any time.
            now: Unix seconds.
        """
        self._keys = [
            _Key(secret, f"sign.secrets[{index}]", _standard_key)
            for index, secret in enumerate(secrets)
        ]
        self._now = now

    def headers(self, ids: Sequence[str], body: bytes, /) -> Sequence[Header]:
        """See `Signer`."""
        webhook_id = message_id(ids).encode()
        timestamp = b"%d" % int(self._now())
        signed = b"%b.%b.%b" % (webhook_id, timestamp, body)
        entries = [key.current()(signed) for key in self._keys]
        return [
            (b"webhook-id", webhook_id),
            (b"webhook-timestamp", timestamp),
            (b"webhook-signature", b" ".join(entries)),
        ]

    def read(self) -> list[str]:
        """See `Signer`."""
        return [key.read() for key in self._keys]

    def secrets(self) -> list[str]:
        """See `Signer`; without the prefixes, which all keys have."""
        return [text[text.find("_") + 1 :] for key in self._keys for text in key.used()]

    def sources(self) -> list[Secret]:
        """See `Signer`."""
        return [key.secret for key in self._keys]


class HubSigner:
    """The HMAC-SHA256 of the body; there is no place for a second key."""

    def __init__(self, secret: Secret) -> None:
        """Read no key yet; any text is one, in UTF-8."""
        self._key = _Key(secret, "sign.secrets[0]", _hub_key)

    def headers(self, _ids: Sequence[str], body: bytes, /) -> Sequence[Header]:
        """See `Signer`; ids are not signed."""
        return [(b"x-hub-signature-256", self._key.current()(body))]

    def read(self) -> list[str]:
        """See `Signer`."""
        return [self._key.read()]

    def secrets(self) -> list[str]:
        """See `Signer`."""
        return self._key.used()

    def sources(self) -> list[Secret]:
        """See `Signer`."""
        return [self._key.secret]


def build_signer(settings: SignConfig | None) -> Signer | None:
    """Return what signs the requests of a sink; None: nothing does."""
    if settings is None:
        return None
    secrets = [one.open() for one in settings.secrets]
    if settings.scheme == "hub":
        return HubSigner(secrets[0])
    return StandardSigner(secrets)


def message_id(ids: Sequence[str]) -> str:
    """Return the message id of a request, the same at each attempt.

    For one event that is its id, in which anything but ``A-Z a-z 0-9 _ -`` is written
    as ``~`` and two hexadecimal digits for each byte of UTF-8: a full stop in an id
    would let one signature fit two texts, and ids of gaps have the name of an API
    group in them. No two ids become one. A batch has a digest of its ids.
    """
    safe = [_UNSAFE.sub(_escape, one) for one in ids]
    if len(safe) == 1:
        return safe[0]
    return "batch-" + hashlib.sha256("\n".join(safe).encode()).hexdigest()


def _escape(found: re.Match[str]) -> str:
    return "".join(f"~{byte:02X}" for byte in found[0].encode())


class _Key:
    """A key, derived again when its secret changes."""

    def __init__(
        self, secret: Secret, name: str, make: Callable[[str, str], Sign]
    ) -> None:
        self.secret = secret
        self._name = name
        self._make = make
        self._made: tuple[str, Sign] | None = None

    def read(self) -> str:
        return self.secret.read()

    def used(self) -> list[str]:
        return [] if self._made is None else [self._made[0]]

    def current(self) -> Sign:
        text = self.secret.read()
        if self._made is None or self._made[0] != text:
            self._made = (text, self._make(text, self._name))
        return self._made[1]


def _hub_key(text: str, _name: str) -> Sign:
    key = text.encode()
    return lambda body: b"sha256=" + binascii.hexlify(hmac.digest(key, body, "sha256"))


def _standard_key(text: str, name: str) -> Sign:
    if text.startswith(SECRET_PREFIX):
        return _symmetric(text.removeprefix(SECRET_PREFIX), name)
    if text.startswith(PRIVATE_PREFIX):
        return _asymmetric(text.removeprefix(PRIVATE_PREFIX), name)
    expected = f"expected a key that begins with {SECRET_PREFIX} or {PRIVATE_PREFIX}"
    raise _useless(name, expected)


def _symmetric(text: str, name: str) -> Sign:
    key = _decoded(text, name)
    if len(key) not in _KEY_BYTES:
        raise _useless(name, f"expected 24 to 64 bytes, got {len(key)}")
    return lambda signed: b"v1," + _encoded(hmac.digest(key, signed, "sha256"))


def _asymmetric(text: str, name: str) -> Sign:
    """Take a seed, or a seed and its public key, which is how libsodium writes it."""
    # Takes 9 MB and 17 ms: only for those who have such a key.
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415

    pair = _decoded(text, name)
    seed, public = pair[:_SEED_BYTES], pair[_SEED_BYTES:]
    if len(seed) != _SEED_BYTES:
        raise _useless(name, f"expected 32 or 64 bytes, got {len(pair)}")
    key = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    if public not in (b"", key.public_key().public_bytes_raw()):
        raise _useless(name, "expected a private key and its own public key")
    return lambda signed: b"v1a," + _encoded(key.sign(signed))


def _decoded(text: str, name: str) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        # Without a cause, which might say something about the key.
        raise _useless(name, "expected base64 after the prefix") from None


def _encoded(signature: bytes) -> bytes:
    return binascii.b2a_base64(signature, newline=False)


def _useless(name: str, why: str) -> SecretError:
    return SecretError(f"{name}: {why}", reason="secret")
