"""Where nothing is sent: the rules, and that no way around them is left."""

import asyncio
import socket
from ipaddress import ip_network

import pytest
from yarl import URL

from bridge.errors import SinkPausedError
from bridge.sinks.transports.egress import DeniedAddressError, Egress, place_of
from tests.unit.sinks.authorization import oauth2
from tests.unit.sinks.receiver import Receiver, answer
from tests.unit.sinks.samples import event
from tests.unit.sinks.ways import post

METADATA = "169.254.169.254"
DENIED = {
    METADATA: "link-local",
    "169.254.170.2": "link-local",
    "fe80::1": "link-local",
    "fe80::1%1": "link-local",
    "::ffff:169.254.169.254": "link-local",
    "::ffff:a9fe:a9fe": "link-local",
    "64:ff9b::a9fe:a9fe": "link-local",
    "2002:a9fe:a9fe::": "link-local",
    **dict.fromkeys(
        (
            "::169.254.169.254",
            "::ffff:0:169.254.169.254",
            "2002:a9fe:a9fe:1:2:3:4:5",
            "2001:0:a9fe:a9fe::1",
            "2001:0:808:808:8000:63bf:5601:5601",
            "64:ff9b:1:a9fe:00a9:fe00::",
            "64:ff9b:1:fe:00a9:fe00::",
            "64:ff9b:1:12a9:fe:a9fe::",
            "64:ff9b:1:1234:a9:fea9:fe00:0",
            "64:ff9b:1::169.254.169.254",
            "64:ff9b:1:1:2:3:169.254.169.254",
            "2001:db8::5efe:169.254.169.254",
            "fd00::200:5efe:169.254.169.254",
        ),
        "link-local",
    ),
    "::ffff:100.100.100.200": "metadata of Alibaba Cloud",
    "64:ff9b::168.63.129.16": "metadata of Azure",
    "::ffff:0.0.0.0": "no address",
    "64:ff9b::224.0.0.1": "multicast",
    "100.100.100.200": "metadata of Alibaba Cloud",
    "168.63.129.16": "metadata of Azure",
    "fd00:ec2::254": "metadata of AWS",
    "fd20:ce::254": "metadata of Google Cloud",
    "0.0.0.0": "no address",
    "::": "no address",
    "224.0.0.1": "multicast",
    "ff02::1": "multicast",
    "255.255.255.255": "broadcast",
}
ALLOWED = [
    *("127.0.0.1", "::1", "10.96.0.1", "192.168.1.1", "8.8.8.8", "2001:db8::1"),
    *("::ffff:10.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b:1::8.8.8.8", "2002:808:808::1"),
    *("2001:0:808:808::f7f7:f7f7", "2001:db8::5efe:10.0.0.1", "64:ff9b:1:808:8:800::"),
]


@pytest.mark.parametrize("address", DENIED)
def test_address_that_is_nobodys_webhook_is_denied(address):
    """In each of the forms in which it can be written (issue 10, item 49)."""
    with pytest.raises(DeniedAddressError) as caught:
        Egress().check(address, 80)

    assert str(caught.value) == f"{address}, which is denied ({DENIED[address]})"


@pytest.mark.parametrize("address", ALLOWED)
def test_other_addresses_are_not(address):
    """Most sinks are inside the cluster, some on the same machine."""
    Egress().check(address, 80)


def test_deny_wins_over_allow_and_allow_over_the_defaults():
    """What an operator allows is allowed, unless an operator denies it."""
    egress = Egress(
        allow=[ip_network("169.254.0.0/16"), ip_network("10.0.0.0/8")],
        deny=[ip_network("10.1.0.0/16"), ip_network(METADATA)],
    )

    egress.check("169.254.1.1", 80)
    egress.check("10.2.0.1", 80)
    egress.check("::ffff:169.254.1.1", 80)
    egress.check("64:ff9b::169.254.1.1", 80)
    for address in ("10.1.0.1", METADATA, f"::ffff:{METADATA}", f"64:ff9b::{METADATA}"):
        with pytest.raises(DeniedAddressError, match=r"egress\.deny"):
            egress.check(address, 80)


def test_address_around_an_allowed_one_needs_all_of_them():
    """Teredo has two inside; the whole may be allowed, too (issue 10, item 49)."""
    around = "2001:0:808:808::5601:5601"
    with pytest.raises(DeniedAddressError, match="link-local"):
        Egress(allow=[ip_network("8.8.8.8")]).check(around, 80)

    for blocks in (["8.8.8.8", METADATA], ["2001::/32"]):
        Egress(allow=[ip_network(one) for one in blocks]).check(around, 80)


def test_api_server_is_denied_with_its_port():
    """Another port of the machine is another server; the newest addresses count."""
    egress = Egress()
    egress.deny_servers([("10.0.0.9", 443)])
    egress.deny_servers([("10.0.0.1", 6443), ("::1", 6443)])

    for address in ("10.0.0.1", "::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "::1"):
        with pytest.raises(DeniedAddressError, match="the API server"):
            egress.check(address, 6443)
    egress.check("10.0.0.1", 443)
    egress.check("10.0.0.9", 443)


def test_api_server_can_be_allowed():
    """Its proxy leads to services of the cluster."""
    egress = Egress(allow=[ip_network("10.0.0.1")])
    egress.deny_servers([("10.0.0.1", 6443)])

    egress.check("10.0.0.1", 6443)


def info(address, port=80):
    """Return an answer of getaddrinfo."""
    if ":" in address:
        return (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, port, 0, 0))
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))


def test_name_leads_where_it_may():
    """Denied addresses among those of a name are left out; none at all is no denial."""
    egress = Egress()
    found = [info(METADATA), info("10.0.0.1"), info("::1")]

    assert egress.permitted(found, place_of) == found[1:]
    assert egress.permitted([], place_of) == []
    with pytest.raises(DeniedAddressError, match=METADATA):
        egress.permitted(found[:1], place_of)


class Names:
    """A name server that says something else each time, as a test wants."""

    def __init__(self, monkeypatch, *answers):
        self.answers = list(answers)
        self.asked = []
        loop = asyncio.get_running_loop()
        self._real = loop.getaddrinfo
        monkeypatch.setattr(loop, "getaddrinfo", self._resolve)

    async def _resolve(self, host, port, **settings):
        if host[0].isdigit() or ":" in host:
            return await self._real(host, port, **settings)
        self.asked.append(host)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [info(address, port) for address in found]


async def denied(sink):
    """Return why nothing was sent."""
    with pytest.raises(SinkPausedError) as caught:
        await sink.send([event()])
    assert caught.value.reason == "denied"
    assert caught.value.status is None
    return str(caught.value)


@pytest.fixture
def strict():
    """Rules that deny the second address of loopback, where a test can listen."""
    return Egress(deny=[ip_network("127.0.0.2")])


async def test_denied_address_pauses_and_names_everything(make_sink):
    """Sink, host and address; nothing was sent."""
    message = await denied(make_sink(f"http://{METADATA}/latest?token=hidden"))

    assert message == (
        f"sink hook: {METADATA} leads to {METADATA}, which is denied (link-local)"
    )


@pytest.mark.parametrize("address", ["[::ffff:169.254.169.254]", "[fe80::1]"])
async def test_other_forms_of_an_address_are_denied_too(address, make_sink):
    """IPv6 is no way around."""
    assert "which is denied" in await denied(make_sink(f"http://{address}/"))


async def test_name_that_leads_to_metadata_is_denied(make_sink, monkeypatch):
    """The address counts that was found, whatever the name looks like."""
    names = Names(monkeypatch, [METADATA, "fd00:ec2::254"])

    message = await denied(make_sink("http://innocent.example/"))

    assert message.startswith(f"sink hook: innocent.example leads to {METADATA}, which")
    assert names.asked


async def test_name_that_changes_its_mind_is_denied(
    make_transport, monkeypatch, strict
):
    """The address that is connected to is the one that was looked at, every time."""
    names = Names(monkeypatch, ["127.0.0.1"], ["127.0.0.2"], ["127.0.0.1"])
    async with Receiver(answer(204, headers={"Connection": "close"})) as receiver:
        url = f"http://rebind.example:{receiver.port}/"
        transport = make_transport(url=URL(url), egress=strict)
        first, _ = await post(transport, url)
        await asyncio.sleep(0)
        transport = make_transport(url=URL(url), egress=strict)
        with pytest.raises(Exception, match=r"leads to 127\.0\.0\.2, which is denied"):
            await post(transport, url)

    assert (first, receiver.connections, len(names.asked)) == (204, 1, 2)


async def test_denied_address_of_a_name_is_left_out(make_sink, monkeypatch, strict):
    """The name is reached where it may be."""
    Names(monkeypatch, ["127.0.0.2", "127.0.0.1"])
    async with Receiver() as receiver:
        sink = make_sink(f"http://two.example:{receiver.port}/", egress=strict)
        (got,) = await sink.send([event()])

    assert (got.status, receiver.connections) == (204, 1)


async def test_proxy_is_looked_at_and_what_is_behind_it_is_not(make_sink, strict):
    """It resolves names itself, so that only it can tell."""
    async with Receiver() as proxy:
        far = make_sink(f"http://{METADATA}/", proxy=f"http://127.0.0.1:{proxy.port}")
        (got,) = await far.send([event()])
        near = make_sink("http://a.example/", proxy="http://127.0.0.2:1", egress=strict)
        message = await denied(near)

    assert (got.status, proxy.requests[0].target) == (204, f"http://{METADATA}/")
    assert message.startswith("sink hook: 127.0.0.2 leads to 127.0.0.2, which")


async def test_token_endpoint_is_looked_at(make_sink, strict):
    """Nor is a secret sent to where nothing is sent."""
    async with Receiver() as receiver:
        auth = oauth2("http://127.0.0.2:1/token", egress=strict)
        message = await denied(make_sink(receiver.url, auth=auth))

    assert "token endpoint http://127.0.0.2:1/token: 127.0.0.2 leads to" in message
    assert receiver.requests == []


async def test_address_in_no_usual_form_leads_nowhere(make_sink, engine):
    """2852039166 is 169.254.169.254 to some; no engine connects to it."""
    sink = make_sink("http://2852039166/")

    with pytest.raises(Exception, match=r"which is denied|cannot resolve") as caught:
        await sink.send([event()])

    assert caught.value.reason == {"llhttp": "denied", "aiohttp": "dns"}[engine]


async def test_connection_that_stands_is_used_on(make_sink):
    """An address is looked at when a connection is made, not at each request."""
    egress = Egress()
    async with Receiver() as receiver:
        sink = make_sink(receiver.url, egress=egress)
        await sink.send([event()])
        egress.deny_servers([("127.0.0.1", receiver.port)])
        (got,) = await sink.send([event()])
        other = make_sink(receiver.url, egress=egress)
        message = await denied(other)

    assert (got.status, receiver.connections) == (204, 1)
    assert message.endswith("(the API server)")
