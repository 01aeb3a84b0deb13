"""Nothing that is put into a header field can end it, and begin another."""

import socket

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict
from yarl import URL

from bridge.config import parse_config
from bridge.errors import ConfigError, InvalidEventError, SinkPausedError
from bridge.events import CloudEvent, EncodedEvent
from bridge.events.encode import binary
from bridge.sinks.http.auth import BearerAuth
from bridge.sinks.http.signing import StandardSigner
from bridge.sinks.secrets import SecretFromEnv
from tests.unit.sinks.authorization import granted, oauth2
from tests.unit.sinks.receiver import Receiver
from tests.unit.sinks.samples import event

EVIL = ["a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\rX-Evil: 1", "a\0b", "a\r\n\r\nGET /"]
KEY = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

by_evil = pytest.mark.parametrize("evil", EVIL)


@by_evil
def test_configuration_takes_no_line_breaks_into_a_field(evil):
    """Neither as a name nor as a value."""
    for fields in ({"X-A": evil}, {evil: "b"}):
        text = f"sinks: [{{name: a, url: 'http://h', headers: {fields!r}}}]"
        text = text.replace("'a", '"a').replace("1'", '1"').replace("b'", 'b"')
        with pytest.raises(ConfigError):
            parse_config(text, name="bridge.yaml", env={})


@by_evil
async def test_secret_with_a_line_break_pauses_and_is_not_shown(evil, make_sink):
    """Nothing is sent with it."""
    secret = SecretFromEnv("TOKEN", environ={"TOKEN": evil})
    async with Receiver() as receiver:
        for settings_ in (
            {"auth": BearerAuth(token=secret)},
            {"headers": {"K": secret}},
        ):
            with pytest.raises(SinkPausedError, match="variable TOKEN") as caught:
                await make_sink(receiver.url, **settings_).send([event()])
            assert (caught.value.reason, "Evil" in str(caught.value)) == (
                *("secret", False),
            )

    assert receiver.requests == []


@by_evil
async def test_token_with_a_line_break_pauses(evil, make_sink):
    """An authorization server has no more say than others."""
    async with Receiver(granted(evil)) as tokens, Receiver() as receiver:
        sink = make_sink(receiver.url, auth=oauth2(tokens.url))
        with pytest.raises(SinkPausedError, match="token of printable ASCII"):
            await sink.send([event()])

    assert receiver.requests == []


@by_evil
def test_event_takes_no_line_breaks_into_an_attribute(evil):
    """None is made that has one; nor a type of its data."""
    required = {"id": "1", "source": "s", "type": "t"}
    for more in (
        {"id": evil},
        {"type": evil},
        {"subject": evil},
        {"extensions": {"a": evil}},
        {"datacontenttype": f"application/json; a={evil}"},
    ):
        with pytest.raises(InvalidEventError):
            CloudEvent(**required | more)


@given(text=st.text(max_size=20), evil=st.sampled_from(["", *EVIL]))
def test_fields_of_any_attribute_are_one_line_of_ascii(text, evil):
    """Also of an event that is none: whatever wrote the row in the queue."""
    body = CloudEventBody(id="1", a=text + evil + text)

    headers, _ = binary(body.encoded())

    for name, value in headers:
        assert (name + value).isascii()
        assert (name + value).decode().isprintable()


class CloudEventBody:
    """An event that nobody has checked."""

    def __init__(self, **members):
        self.members = members

    def encoded(self):
        """Return it as it would be stored."""
        head = msgspec.json.encode({"specversion": "1.0", **self.members})[:-1]
        body = head + b',"data":1}'
        return EncodedEvent(id=self.members["id"], body=body, data_offset=len(body) - 2)


async def test_attribute_that_breaks_lines_arrives_as_one_field(make_sink):
    """Percent-encoded (CloudEvents HTTP binding 3.1.3.2), signed and all."""
    evil = CloudEventBody(id="1\r\nX-Evil: 1", a='\u20ac "\r\nX-Evil: 1\0').encoded()
    async with Receiver() as receiver:
        sign = StandardSigner([SecretFromEnv("K", environ={"K": KEY})])
        await make_sink(receiver.url, mode="binary", sign=sign).send([evil])

    got = receiver.requests[0].headers
    assert "x-evil" not in got
    assert got["ce-a"] == "%E2%82%AC%20%22%0D%0AX-Evil:%201%00"
    assert got["webhook-id"] == "1~0D~0AX-Evil~3A~201"


@by_evil
async def test_engine_writes_no_field_that_has_two_lines(evil, make_transport):
    """What slipped through everything above is refused before a byte is sent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        for fields in ({"A": evil}, {evil: "b"}):
            with pytest.raises(ValueError, match=r".+"):
                await make_transport().request(
                    "POST", URL(url), CIMultiDict(fields), b"1"
                )
        listener.setblocking(False)
        assert read(listener) == b""


def read(listener):
    """Return what was sent to a listener, if anybody connected."""
    try:
        connection, _ = listener.accept()
    except BlockingIOError:
        return b""
    with connection:
        connection.settimeout(0.1)
        try:
            return connection.recv(9999)
        except TimeoutError:
            return b""
