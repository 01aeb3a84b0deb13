"""One session, whatever becomes of its credentials."""

import asyncio
import ssl
from dataclasses import replace

import pytest
from kubernetes_asyncio.client import Configuration

from bridge.cluster.session.credentials import Access, TlsMaterial
from bridge.cluster.session.session import ApiSession
from bridge.errors import CredentialsError

pytestmark = pytest.mark.looptime


def access(token, *, verify=True, proxy=None):
    """Credentials with a token."""
    configuration = Configuration()
    configuration.api_key["BearerToken"] = token
    configuration.proxy = proxy
    return Access(configuration=configuration, tls=TlsMaterial(verify=verify))


class Source:
    """Gives these credentials, one after the other; the last one stays."""

    def __init__(self, *found):
        self.found = list(found)
        self.loads = 0
        self.seconds = 1

    async def load(self):
        """Take its time over it."""
        self.loads += 1
        await asyncio.sleep(self.seconds)
        found = self.found.pop(0) if len(self.found) > 1 else self.found[0]
        if isinstance(found, Exception):
            raise found
        return found


def token_of(session):
    """The token that requests would carry now."""
    return session.api.configuration.api_key["BearerToken"]


async def test_credentials_are_kept_for_a_minute():
    """Then they are loaded again, by whoever asks next."""
    connection = await ApiSession.open(Source(access("one"), access("two")))
    await asyncio.sleep(59)
    before = token_of(await connection.session())

    await asyncio.sleep(1)
    after = token_of(await connection.session())
    await connection.aclose()

    assert (before, after) == ("one", "two")


async def test_credentials_that_cannot_be_renewed_are_used_on():
    """They may still be good; it is tried again after ten seconds."""
    source = Source(access("one"), CredentialsError("empty"), access("two"))
    connection = await ApiSession.open(source)
    await asyncio.sleep(60)

    before = token_of(await connection.session())
    await asyncio.sleep(9)
    between = token_of(await connection.session())
    await asyncio.sleep(1)
    after = token_of(await connection.session())
    await connection.aclose()

    assert (before, between, after) == ("one", "one", "two")


async def test_a_renewal_that_hangs_holds_nobody_up_for_long():
    """What is still good is used meanwhile (issue 10, item 34)."""
    source = Source(access("one"))
    connection = await ApiSession.open(source)
    source.seconds = 60
    await asyncio.sleep(60)
    began = asyncio.get_running_loop().time()

    tokens = [token_of(await connection.session()) for _ in range(10)]
    waited = asyncio.get_running_loop().time() - began
    await connection.aclose()

    assert (set(tokens), waited, source.loads) == ({"one"}, 5, 2)


async def test_a_renewal_that_takes_long_is_used_in_the_end():
    """Nobody waits for it, but it goes on (issue 10, item 34)."""
    source = Source(access("one"), access("two"))
    connection = await ApiSession.open(source)
    source.seconds = 30
    await asyncio.sleep(60)

    before = token_of(await connection.session())
    await asyncio.sleep(26)
    after = token_of(await connection.session())
    await connection.aclose()

    assert (before, after) == ("one", "two")


async def test_closing_gives_up_what_is_renewed():
    """A plugin that hangs does not hold up the end (issue 10, item 34)."""
    source = Source(access("one"))
    connection = await ApiSession.open(source)
    source.seconds = 1000
    await asyncio.sleep(60)
    await connection.session()

    await connection.aclose()

    assert asyncio.get_running_loop().time() < 100


async def test_credentials_that_cannot_be_renewed_are_told_once(capsys):
    """One line for a failure that goes on, and one when it is over."""
    failures = [CredentialsError("empty")] * 3
    connection = await ApiSession.open(Source(access("one"), *failures, access("two")))

    for _ in range(8):
        await asyncio.sleep(20)
        await connection.session()
    await connection.aclose()

    said = capsys.readouterr()
    assert (said.out + said.err).count("Credentials are not renewed.") == 1
    assert (said.out + said.err).count("Credentials are renewed again.") == 1


async def test_another_user_to_ask_as_opens_a_new_session():
    """The header fields belong to the session, with all that is sent by it."""
    jane = replace(access("one"), impersonation=(("Impersonate-User", "jane"),))
    connection = await ApiSession.open(Source(access("one"), jane))
    first = await connection.session()

    second = await connection.renewed(first)
    headers = second.api.rest_client.pool_manager.headers
    await connection.aclose()

    assert second.api is not first.api
    assert headers["Impersonate-User"] == "jane"


async def test_refused_credentials_are_renewed_once_for_all():
    """Ten requests that failed together load them once."""
    source = Source(access("one"), access("two"))
    connection = await ApiSession.open(source)
    stale = await connection.session()

    async with asyncio.TaskGroup() as tasks:
        renewals = [tasks.create_task(connection.renewed(stale)) for _ in range(10)]
    await connection.aclose()

    assert {token_of(one.result()) for one in renewals} == {"two"}
    assert source.loads == 2


async def test_one_renewal_holds_nobody_else_up():
    """A slow plugin delays one request, not all of them."""
    connection = await ApiSession.open(Source(access("one"), access("two")))
    await asyncio.sleep(60)

    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(connection.session())
        second = tasks.create_task(connection.session())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        is_done = (first.done(), second.done())
    await connection.aclose()

    assert is_done == (False, True)


async def test_refused_credentials_that_cannot_be_renewed_are_an_error():
    """There is nothing left to try."""
    connection = await ApiSession.open(Source(access("one"), CredentialsError("gone")))

    with pytest.raises(CredentialsError, match="gone"):
        await connection.renewed(await connection.session())
    await connection.aclose()


async def test_a_new_token_keeps_the_open_connections():
    """Only trust, identity and proxy belong to a connection."""
    connection = await ApiSession.open(Source(access("one"), access("two")))
    first = await connection.session()

    second = await connection.renewed(first)
    await connection.aclose()

    assert second.api is first.api


@pytest.mark.parametrize("change", [{"verify": False}, {"proxy": "http://proxy"}])
async def test_new_trust_opens_a_new_session_and_lets_watches_end(change):
    """The session before it stays open until the next change, or the end."""
    second, third = access("two", **change), access("three")
    connection = await ApiSession.open(Source(access("one"), second, third))
    sessions = [await connection.session()]
    for _ in range(2):
        sessions.append(await connection.renewed(sessions[-1]))
    pools = [one.api.rest_client.pool_manager for one in sessions]

    before = [pool.closed for pool in pools]
    await connection.aclose()

    assert before == [True, False, False]
    assert [pool.closed for pool in pools] == [True, True, True]


async def test_unusable_trust_is_an_error_at_open():
    """Not at the first request."""
    broken = replace(access("one"), tls=TlsMaterial(authority=b"no PEM"))

    with pytest.raises(CredentialsError, match="certificate authority"):
        await ApiSession.open(Source(broken))


def test_an_ssl_context_is_not_strict_about_old_authorities():
    """As client-go: many clusters' own CAs lack extensions."""
    flags = TlsMaterial().context().verify_flags

    assert not flags & ssl.VERIFY_X509_STRICT


async def test_credentials_of_another_session_are_taken_over():
    """With their source, and on the same connections."""
    one = await ApiSession.open(Source(access("one")))
    other = await ApiSession.open(Source(access("two"), access("three")))
    api = (await one.session()).api

    taken = await one.take_over(other)
    await other.aclose()
    now = token_of(await one.session())
    await asyncio.sleep(60)
    later = token_of(await one.session())

    assert (taken, now, later) == (True, "two", "three")
    assert (await one.session()).api is api
    await one.aclose()


async def test_another_transport_is_not_taken_over():
    """It needs connections of its own."""
    one = await ApiSession.open(Source(access("one")))
    other = await ApiSession.open(Source(access("two", proxy="http://p:1")))

    assert not await one.take_over(other)
    assert token_of(await one.session()) == "one"
    await one.aclose()
    await other.aclose()
