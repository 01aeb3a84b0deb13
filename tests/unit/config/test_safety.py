"""Sizes and addresses that nothing is sent to, as they stand in the document."""

from ipaddress import ip_network

from bridge.config import describe, parse_config
from tests.unit.config.faults import HOOK


def parsed(text=""):
    """Return the configuration."""
    return parse_config(HOOK + text, name="bridge.yaml", env={})


def test_without_a_word_64_kib_are_the_ceiling_and_nothing_is_cut():
    """What is larger is sent, counted and logged: nothing is lost."""
    (sink,) = parsed().sinks

    assert (sink.size.max, sink.size.policy) == (65536, "send")


def test_addresses_and_blocks_are_taken_and_shown_as_written():
    """IPv4 and IPv6; an address is a block of one."""
    config = parsed("egress: {deny: [10.0.0.0/8, '::1'], allow: [169.254.1.1]}\n")

    assert config.egress.deny == (ip_network("10.0.0.0/8"), ip_network("::1"))
    assert config.egress.allow == (ip_network("169.254.1.1"),)
    assert describe(config)["egress"] == {
        "deny": ["10.0.0.0/8", "::1/128"],
        "allow": ["169.254.1.1/32"],
    }
