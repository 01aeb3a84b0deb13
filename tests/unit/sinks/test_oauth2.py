"""OAuth 2.0 towards a sink, over real sockets."""

import asyncio

import httpx
import pytest

from bridge.errors import SinkPausedError, TemporarySinkError
from bridge.sinks.auth import SecretFromFile
from tests.unit.sinks.authorization import endpoint, granted, oauth2, refused
from tests.unit.sinks.receiver import Receiver, answer, close, hang
from tests.unit.sinks.samples import Clock, event


class Time:
    """A clock that stands still until it is told otherwise."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        """Return the seconds."""
        return self.seconds


class ByContract(httpx.AsyncBaseTransport):
    """Hides the fast path of our own transport, as that of others has none."""

    def __init__(self, inner):
        self.handle_async_request = inner.handle_async_request


@pytest.fixture(params=["fast path", "contract"])
def make_sink(request, make_sink, make_transport):
    """Build a sink on either way in to the transport."""

    def make(url, **changes):
        if request.param == "contract":
            changes.setdefault("transport", ByContract(make_transport()))
        return make_sink(url, **changes)

    return make


@pytest.fixture
async def tokens():
    """A token endpoint that gives t1 for an hour, then t2."""
    async with Receiver(granted("t1"), granted("t2")) as receiver:
        yield receiver


@pytest.fixture
async def hook():
    """A webhook that takes everything."""
    async with Receiver() as receiver:
        yield receiver


def sent(receiver):
    """Return what stood in Authorization, request by request."""
    return [request.headers["authorization"] for request in receiver.requests]


async def test_token_is_kept(make_sink, hook, tokens):
    """It is asked for once and sent with every event."""
    sink = make_sink(hook.url, auth=oauth2(tokens.url))

    for number in range(3):
        await sink.send([event(number)])

    assert sent(hook) == ["Bearer t1"] * 3
    assert len(tokens.requests) == 1


@pytest.mark.parametrize("mode", ["structured", "binary", "batch"])
async def test_token_stands_in_each_form(make_sink, hook, tokens, mode):
    """The body and the other header fields are those of any sink."""
    await make_sink(hook.url, mode=mode).send([event()])
    await make_sink(hook.url, mode=mode, auth=oauth2(tokens.url)).send([event()])

    without, with_token = hook.requests
    fields = dict(with_token.headers)
    assert fields.pop("authorization") == "Bearer t1"
    assert (fields, with_token.body) == (without.headers, without.body)


async def test_one_asks_for_all(make_sink, hook, tokens):
    """However many wait."""
    sink = make_sink(hook.url, auth=oauth2(tokens.url), concurrency=8)

    async with asyncio.TaskGroup() as sending:
        for number in range(8):
            sending.create_task(sink.send([event(number)]), name=f"send {number}")

    assert sent(hook) == ["Bearer t1"] * 8
    assert len(tokens.requests) == 1


async def test_one_fails_for_all(make_sink, hook):
    """Those who waited do not ask again one after the other."""
    async with Receiver(refused(401, "invalid_client")) as tokens:
        sink = make_sink(hook.url, auth=oauth2(tokens.url))
        async with asyncio.TaskGroup() as sending:
            tasks = [
                sending.create_task(fault_of(sink, number), name=f"send {number}")
                for number in range(8)
            ]

    assert {task.result().reason for task in tasks} == {"token"}
    assert (len(tokens.requests), hook.requests) == (1, [])


async def fault_of(sink, number=1):
    """Send an event that is not delivered; return why."""
    with pytest.raises((TemporarySinkError, SinkPausedError)) as caught:
        await sink.send([event(number)])
    return caught.value


async def test_next_one_asks_when_the_first_is_cut_off(make_sink, hook):
    """An attempt that ends early fails by itself, and not the others."""
    async with Receiver(hang, granted("t2")) as tokens:
        auth = oauth2(tokens.url)
        hasty = make_sink(hook.url, auth=auth, timeout_seconds=0.2)
        patient = make_sink(hook.url, auth=auth)
        async with asyncio.TaskGroup() as sending:
            cut = sending.create_task(fault_of(hasty), name="hasty")
            await tokens.wait_requests(1)
            sending.create_task(patient.send([event()]), name="patient")

    assert isinstance(cut.result(), TemporarySinkError)
    assert sent(hook) == ["Bearer t2"]


async def test_token_is_replaced_early_while_others_use_it(make_sink, hook):
    """Only who finds it old waits for the new one."""
    now = Time()
    gate = asyncio.Event()

    async def slowly(connection, request):
        await gate.wait()
        await granted("t2")(connection, request)

    async with Receiver(granted("t1"), slowly) as tokens:
        sink = make_sink(hook.url, auth=timed(tokens, now))
        await sink.send([event()])
        now.seconds = 3541
        async with asyncio.TaskGroup() as sending:
            sending.create_task(sink.send([event()]), name="renews")
            await tokens.wait_requests(2)
            await sink.send([event()])
            gate.set()

    assert sent(hook) == ["Bearer t1", "Bearer t1", "Bearer t2"]


def timed(tokens, now):
    """Build an authentication whose time a test moves."""
    auth = oauth2(tokens.url, now=now)
    auth._now = now
    return auth


async def test_old_token_serves_while_there_is_no_new_one(make_sink, hook):
    """Until it has expired; the endpoint is not asked for every event."""
    now = Time()
    async with Receiver(granted("t1"), refused(401, "invalid_client")) as tokens:
        sink = make_sink(hook.url, auth=timed(tokens, now))
        for now.seconds in (0, 3541, 3542):
            await sink.send([event()])
        now.seconds = 3600
        fault = await fault_of(sink)

    assert sent(hook) == ["Bearer t1"] * 3
    assert len(tokens.requests) == 3
    assert isinstance(fault, SinkPausedError)


async def test_401_is_answered_with_a_new_token_once(make_sink, tokens):
    """The same event goes again within the attempt."""
    async with Receiver(answer(401), answer(200, b"ok")) as hook:
        sink = make_sink(hook.url, auth=oauth2(tokens.url), concurrency=1)
        (got,) = await sink.send([event()])

    first, second = hook.requests
    assert (got.status, sent(hook)) == (200, ["Bearer t1", "Bearer t2"])
    assert first.body == second.body == event().body


async def test_second_401_pauses(make_sink, tokens):
    """A new token that is refused too is the operator's business."""
    async with Receiver(answer(401)) as hook:
        fault = await fault_of(make_sink(hook.url, auth=oauth2(tokens.url)))

    assert (fault.reason, fault.status) == ("status", 401)
    assert isinstance(fault, SinkPausedError)
    assert (len(hook.requests), len(tokens.requests)) == (2, 2)


async def test_token_at_hand_is_replaced_once_too(make_sink, tokens):
    """However the attempt began, it ends with the second 401."""
    async with Receiver(answer(), answer(401)) as hook:
        sink = make_sink(hook.url, auth=oauth2(tokens.url))
        await sink.send([event()])
        fault = await fault_of(sink)

    assert (fault.status, len(tokens.requests)) == (401, 2)
    assert sent(hook) == ["Bearer t1", "Bearer t1", "Bearer t2"]
    assert "Authorization" not in sink._headers.current()


@pytest.mark.parametrize("script", [(hang,), (answer(401), hang)])
async def test_deadline_is_that_of_the_attempt(make_sink, tokens, script):
    """All requests of an attempt together may take as long as one."""
    async with Receiver(answer(), *script) as hook:
        auth = oauth2(tokens.url)
        sink = make_sink(hook.url, auth=auth, timeout_seconds=0.3)
        await sink.send([event()])
        fault = await fault_of(sink)

    assert (fault.reason, len(hook.requests)) == ("timeout-answer", 1 + len(script))
    assert "no complete answer within 0.3 s" in str(fault)


async def test_many_401_make_one_new_token(make_sink, tokens):
    """Whoever was refused with the old one takes what another has fetched."""

    async def judge(connection, request):
        is_old = request.headers["authorization"] == "Bearer t1"
        await answer(401 if is_old else 204)(connection, request)

    async with Receiver(judge) as hook:
        sink = make_sink(hook.url, auth=oauth2(tokens.url), concurrency=8)
        async with asyncio.TaskGroup() as sending:
            for number in range(8):
                sending.create_task(sink.send([event(number)]), name=f"send {number}")

    assert sorted(sent(hook)) == ["Bearer t1"] * 8 + ["Bearer t2"] * 8
    assert len(tokens.requests) == 2


async def test_refused_token_is_not_taken_for_a_new_one():
    """Not even when somebody else has just failed to replace it early."""
    now = Time()
    gate = asyncio.Event()

    async def busy(connection, request):
        await gate.wait()
        await answer(503, headers={"Retry-After": "9"})(connection, request)

    async with Receiver(granted("t1"), busy, granted("t3")) as tokens:
        auth = timed(tokens, now)
        await auth.get()
        now.seconds = 3541
        async with asyncio.TaskGroup() as tasks:
            early = tasks.create_task(auth.get(), name="early")
            await tokens.wait_requests(2)
            late = tasks.create_task(auth.get(refused="t1"), name="refused")
            asyncio.get_running_loop().call_soon(gate.set)
        await auth.aclose()

    assert (early.result(), late.result()) == ("t1", "t3")


@pytest.mark.parametrize("behaviour", [close, answer(503), hang])
async def test_endpoint_that_is_down_is_a_temporary_fault_of_the_sink(
    make_sink, hook, behaviour
):
    """All its events wait, and nothing was sent."""
    async with Receiver(behaviour) as tokens:
        auth = oauth2(tokens.url, timeout_seconds=0.2)
        fault = await fault_of(make_sink(hook.url, auth=auth))

    assert isinstance(fault, TemporarySinkError)
    assert str(fault).startswith(f"sink hook: token endpoint {tokens.url}")
    assert (fault.reason, fault.scope) == ("token", "sink")
    assert (fault.retry_after_seconds, hook.requests) == (5.0, [])


@pytest.mark.parametrize("status", [400, 401])
async def test_endpoint_that_refuses_us_pauses_the_sink(make_sink, hook, status):
    """Somebody has to mend client or secret."""
    async with Receiver(refused(status, "invalid_client")) as tokens:
        fault = await fault_of(make_sink(hook.url, auth=oauth2(tokens.url)))

    assert isinstance(fault, SinkPausedError)
    assert str(fault).endswith(f"answered {status} invalid_client")
    assert (fault.reason, hook.requests) == ("token", [])


async def test_token_works_on_any_transport(make_sink, tokens):
    """It is an httpx.Auth; httpx's own test transport shows it."""
    seen = []

    def handle(request):
        seen.append(request.headers["authorization"])
        return httpx.Response(204)

    transport = httpx.MockTransport(handle)
    sink = make_sink("http://a/", auth=oauth2(tokens.url), transport=transport)
    await sink.send([event()])

    assert seen == ["Bearer t1"]


async def test_token_works_with_a_client_of_httpx(hook, tokens):
    """Whoever uses the part alone can do so; a synchronous client is refused."""
    auth = oauth2(tokens.url)
    async with httpx.AsyncClient(auth=auth, trust_env=False) as client:
        response = await client.post(hook.url)
    with pytest.raises(RuntimeError, match="expected an asynchronous client"):
        auth.sync_auth_flow(httpx.Request("POST", hook.url))
    await auth.aclose()

    assert (response.status_code, sent(hook)) == (204, ["Bearer t1"])


def test_fingerprint_changes_with_the_client_secret(make_sink, tmp_path):
    """A paused sink is tried at once when it was mended."""
    path = tmp_path / "secret"
    secret = SecretFromFile(path, now=Clock())
    sink = make_sink("https://a/", auth=oauth2("https://b/", client_secret=secret))
    found = [sink.fingerprint()]

    for text in ("one", "two"):
        path.write_text(text)
        found.append(sink.fingerprint())

    assert len(set(found)) == 3


async def test_client_secret_is_read_anew(tmp_path):
    """A rotated secret serves the next token, without a restart."""
    path = tmp_path / "secret"
    secret = SecretFromFile(path, now=Clock())
    async with Receiver(granted()) as tokens:
        one = endpoint(tokens.url, client_secret=secret, method="client_secret_post")
        for text in ("one", "two"):
            path.write_text(text)
            await one.ask()
        await one.aclose()

    bodies = [request.body.decode() for request in tokens.requests]
    assert [body.rpartition("=")[2] for body in bodies] == ["one", "two"]


async def test_token_in_an_answer_is_not_kept(make_sink, tokens):
    """Nor in a message, nor the one before it."""
    body = b"not t1 nor t2"
    async with Receiver(answer(401, body)) as hook:
        fault = await fault_of(make_sink(hook.url, auth=oauth2(tokens.url)))

    assert fault.excerpt == b"not *** nor ***"
    assert str(fault).endswith("answered 401 Unauthorized: not *** nor ***")
