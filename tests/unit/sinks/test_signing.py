"""Signatures: the published vector, keys and their faults, ids."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.sinks.http.signing import HubSigner, StandardSigner, message_id
from bridge.sinks.reloaded import SecretError
from bridge.sinks.secrets import SecretFromFile, SecretText
from tests.unit.sinks.samples import Clock

VECTOR = SecretText("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
BODY = b'{"test": 2432232314}'
SEED = bytes(range(32))
PAIR = Ed25519PrivateKey.from_private_bytes(SEED)


def key(prefix, raw):
    """Return a key as it is handed out."""
    return SecretText(prefix + base64.b64encode(raw).decode())


def signed(*secrets, ids=("msg_p5jXN8AQM9LWM0D4loKWxJek",)):
    """Return the header fields of an attempt at the time of the vector."""
    fields = StandardSigner(secrets, now=lambda: 1614265330.9).headers(ids, BODY)
    return {name.decode(): value.decode() for name, value in fields}


def test_published_vector_is_reproduced():
    """Id, time and body of the tests of the specification's libraries."""
    assert signed(VECTOR) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize("raw", [SEED, SEED + PAIR.public_key().public_bytes_raw()])
def test_ed25519_signature_is_that_of_the_pair(raw):
    """A seed, alone or before its public key, signs so that the public key agrees."""
    fields = signed(key("whsk_", raw), ids=["a"])

    version, _, text = fields["webhook-signature"].partition(",")
    PAIR.public_key().verify(base64.b64decode(text), b"a.1614265330." + BODY)
    assert version == "v1a"


def test_every_active_key_signs():
    """In the order of the configuration, separated by spaces."""
    other = key("whsec_", b"x" * 64)
    fields = signed(other, VECTOR, key("whsk_", SEED))

    entries = fields["webhook-signature"].split(" ")
    assert [entry.partition(",")[0] for entry in entries] == ["v1", "v1", "v1a"]
    assert entries[1] == signed(VECTOR)["webhook-signature"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hidden", "expected a key that begins with whsec_ or whsk_"),
        ("whpk_hidden", "expected a key that begins with whsec_ or whsk_"),
        ("whsec_hidden", "expected base64 after the prefix"),
        (f"{VECTOR.text}@", "expected base64 after the prefix"),
        ("whsec_hidd\u00e9n", "expected base64 after the prefix"),
        ("whsec_" + base64.b64encode(b"x" * 23).decode(), "24 to 64 bytes, got 23"),
        ("whsec_" + base64.b64encode(b"x" * 65).decode(), "24 to 64 bytes, got 65"),
        ("whsk_" + base64.b64encode(b"x" * 31).decode(), "32 or 64 bytes, got 31"),
        ("whsk_" + base64.b64encode(b"x" * 64).decode(), "and its own public key"),
    ],
)
def test_key_that_is_no_use_is_named_and_not_shown(text, message):
    """The error says which of the keys it is and what was expected of it."""
    with pytest.raises(SecretError, match=message) as got:
        signed(VECTOR, SecretText(text))

    assert str(got.value).startswith("sign.secrets[1]: ")
    assert (got.value.reason, got.value.__cause__) == ("secret", None)
    assert "hidd" not in str(got.value)


def test_key_is_read_anew_when_its_file_changes(tmp_path):
    """The next attempt is signed with the new key."""
    path = tmp_path / "key"
    signer = StandardSigner([SecretFromFile(path, now=Clock())])
    known = [signer.secrets()]

    for text in (b"a" * 32, b"b" * 32):
        path.write_text(key("whsec_", text).text)
        signer.headers(["a"], b"")
        known.append(signer.secrets())

    assert known == [[], ["YWFh" * 10 + "YWE="], ["YmJi" * 10 + "YmI="]]
    assert signer.read() == ["whsec_" + known[2][0]]


def test_hub_signature_is_the_hmac_of_the_body():
    """In hexadecimal digits, as GitHub and WebSub have it."""
    signer = HubSigner(SecretText("It's a Secret to Everybody"))
    before = signer.secrets()

    fields = signer.headers(["a"], b"Hello, World!")

    # The sample of GitHub's documentation.
    digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert fields == [(b"x-hub-signature-256", f"sha256={digest}".encode())]
    assert (before, signer.secrets()) == ([], signer.read())


@pytest.mark.parametrize(
    ("event_id", "expected"),
    [
        ("0f-12_a", "0f-12_a"),
        ("gap-deployments.apps-1", "gap-deployments~2Eapps-1"),
        ("a\r\nb: \u00e9~", "a~0D~0Ab~3A~20~C3~A9~7E"),
    ],
)
def test_message_id_is_the_event_id_made_safe(event_id, expected):
    """Nothing in it ends the id, or the header field, early."""
    assert message_id([event_id]) == expected


@settings(deadline=None)
@given(st.sets(st.text(min_size=1), min_size=2, max_size=2))
def test_no_two_ids_become_one(ids):
    """A receiver that leaves out what it knows leaves out nothing else."""
    one, other = ids

    assert message_id([one]) != message_id([other])


def test_message_id_of_a_batch_is_that_of_its_events():
    """The same events in the same order have the same id, others another."""
    found = {message_id(ids) for ids in (["a", "b"], ["b", "a"], ["a"], ["a\nb"])}

    assert message_id(["a", "b"]) == message_id(["a", "b"])
    assert len(found) == 4
    assert all("." not in one for one in found)
