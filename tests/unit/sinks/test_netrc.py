"""`~/.netrc` plays no part, not with a password, nor broken (issue 10, item 5)."""

import pytest

from tests.unit.sinks.authorization import oauth2
from tests.unit.sinks.receiver import Receiver
from tests.unit.sinks.samples import event
from tests.unit.sinks.ways import post

CONTENTS = {
    "a password": "machine 127.0.0.1 login n password hush\n",
    "a default": "default login n password hush\n",
    "broken": "machine 127.0.0.1 login\ndefault password ???\nmacdef",
}


@pytest.fixture(params=CONTENTS)
def _netrc(request, tmp_path, monkeypatch):
    """Name such a file in the environment, and put it in the home folder."""
    for name in ("netrc", ".netrc"):
        (tmp_path / name).write_text(CONTENTS[request.param])
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.usefixtures("_netrc")
async def test_netrc_gives_a_sink_no_password(make_transport):
    """Nor does a broken one keep anything from being sent (issue 10, item 5)."""
    async with Receiver() as receiver:
        status, _ = await post(make_transport(), receiver.url)

    assert status == 204
    assert "authorization" not in receiver.requests[0].headers


@pytest.mark.usefixtures("_netrc")
async def test_netrc_gives_a_proxy_no_password(make_transport):
    """A proxy's login stands in its URL or nowhere (issue 10, item 5)."""
    async with Receiver() as proxy:
        transport = make_transport(proxy=f"http://127.0.0.1:{proxy.port}")
        await post(transport, "http://hook.invalid/")

    assert not {"authorization", "proxy-authorization"} & set(proxy.requests[0].headers)


@pytest.mark.usefixtures("_netrc")
async def test_netrc_says_nothing_to_a_token_endpoint(make_sink, hook, tokens):
    """It is told the client's own secret (issue 10, item 5)."""
    await make_sink(hook.url, auth=oauth2(tokens.url)).send([event()])

    given = tokens.requests[0].headers.get("authorization", "")
    assert "bjpodXNo" not in given  # n:hush
    assert hook.requests[0].headers["authorization"] == "Bearer t1"
