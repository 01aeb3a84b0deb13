"""The examples of docs/sinks.md, run as they stand there."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from standardwebhooks import WebhookVerificationError

from bridge.config import parse_config
from bridge.sinks.http.signing import HubSigner, StandardSigner
from bridge.sinks.secrets import SecretFromFile, SecretText
from tests.unit.sinks.receiver import Receiver
from tests.unit.sinks.samples import event

PAGE = (Path(__file__).parents[3] / "docs" / "sinks.md").read_text(encoding="utf-8")

needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl")


def blocks(language):
    """Return the code blocks in one language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def page():
    """Everything that the examples in Python define."""
    names = {}
    for block in blocks("python"):
        exec(block, names)
    return names


@pytest.fixture
def keys(tmp_path):
    """The keys that the commands make."""
    for block in blocks("sh"):
        subprocess.run(["sh", "-ec", block], cwd=tmp_path, check=True)
    return tmp_path


async def received(make_sink, signer):
    """Return header and body of a signed request as it arrived."""
    async with Receiver() as receiver:
        await make_sink(receiver.url, sign=signer).send([event()])
    request = receiver.requests[0]
    return dict(request.headers), request.body


def test_first_configuration_is_usable():
    """As it stands there; the second block is a piece of a pod."""
    config = parse_config(blocks("yaml")[0], name="bridge.yaml", env={})

    assert [sink.name for sink in config.sinks] == ["billing", "broker"]


@needs_openssl
async def test_receiver_with_the_library_tells_ours_from_others(make_sink, page, keys):
    """The key of the commands signs, and the example verifies."""
    signer = StandardSigner([SecretFromFile(keys / "v1.key")])
    headers, body = await received(make_sink, signer)
    key = (keys / "v1.key").read_text().strip()

    assert page["receive"](key, headers, body)["id"] == "id-1"
    with pytest.raises(WebhookVerificationError):
        page["receive"](key, headers, body + b" ")


@needs_openssl
async def test_receiver_with_the_public_key_tells_ours_from_others(
    make_sink, page, keys
):
    """Without any secret, and not after 5 minutes."""
    signer = StandardSigner([SecretFromFile(keys / "v1a.key")])
    headers, body = await received(make_sink, signer)
    key = (keys / "v1a.pub").read_text().strip()

    page["receive_v1a"](key, headers, body)
    with pytest.raises(InvalidSignature):
        page["receive_v1a"](key, headers, body + b" ")
    with pytest.raises(ValueError, match="more than 5 minutes"):
        page["receive_v1a"](key, headers | {"webhook-timestamp": "1"}, body)


async def test_receiver_of_hub_signatures_tells_ours_from_others(make_sink, page):
    """With the shared key."""
    headers, body = await received(make_sink, HubSigner(SecretText("key")))

    assert page["is_genuine"]("key", headers, body)
    assert not page["is_genuine"]("key", headers, body + b" ")
