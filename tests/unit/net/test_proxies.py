"""Which proxy leads where, for sinks and the API server alike (issue 10, item 5)."""

import pytest
from yarl import URL

from bridge.errors import ConfigError
from bridge.net.proxies import is_excluded, proxy_for

SINK = URL("https://hook.example.com/a")
PROXY = URL("http://proxy:3128")
BOTH = {"HTTPS_PROXY": "http://proxy:3128", "https_proxy": "http://other"}


@pytest.mark.parametrize(
    ("proxy", "environ", "expected"),
    [
        (None, {}, None),
        (None, {"HTTPS_PROXY": "http://proxy:3128"}, PROXY),
        (None, {"https_proxy": "http://proxy:3128"}, PROXY),
        (None, {"HTTPS_PROXY": "proxy:3128"}, PROXY),
        (None, BOTH, PROXY),
        (None, {"HTTPS_PROXY": "", "https_proxy": "proxy:3128"}, PROXY),
        (None, {"HTTP_PROXY": "http://proxy:3128"}, None),
        (None, {"HTTPS_PROXY": "proxy:3128", "NO_PROXY": "example.com"}, None),
        ("none", {"HTTPS_PROXY": "http://proxy:3128"}, None),
        ("http://proxy:3128", {}, PROXY),
        ("http://proxy:3128", {"NO_PROXY": "*"}, PROXY),
    ],
)
def test_proxy_is_the_sinks_or_that_of_the_environment(proxy, environ, expected):
    """The sink's word comes first, then the environment's, in upper case first (Go)."""
    assert proxy_for(SINK, proxy=proxy, environ=environ) == expected


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("socks5://u:hush@proxy:1080", "socks5"),
        ("http://", "no host"),
        ("http://[::1]@", "no "),
        ("http://proxy:hush", "no URL"),
    ],
)
@pytest.mark.parametrize("where", ["proxy", "https_proxy"])
def test_proxy_of_another_kind_is_refused(where, text, got):
    """It is never spoken to as HTTP; the error names where it was written."""
    named = {"proxy": text} if where == "proxy" else {"proxy": None}

    with pytest.raises(ConfigError) as caught:
        proxy_for(SINK, environ={"https_proxy": text}, **named)

    expected = f"{where}: expected an http or https URL, got '{got}"
    assert str(caught.value).startswith(expected)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "no_proxy", "expected"),
    [
        ("http://a.example.com", "", False),
        ("http://a.example.com", "*", True),
        ("http://a.example.com", "example.com", True),
        ("http://example.com", "example.com", True),
        ("http://EXAMPLE.com.", "b.org, Example.Com ,", True),
        ("http://a.example.com", ".example.com", True),
        ("http://example.com", ".example.com", False),
        ("http://a.example.com", "*.example.com", True),
        ("http://example.com", "*.example.com", False),
        ("http://badexample.com", "example.com", False),
        ("http://example.com", "example.com:80", True),
        ("https://example.com", "example.com:443", True),
        ("http://example.com:81", "example.com:80", False),
        ("http://example.com:81", ":81", False),
        ("http://10.1.2.3", "10.0.0.0/8", True),
        ("http://10.1.2.3", "10.9.9.9/8", True),
        ("http://11.1.2.3", "10.0.0.0/8", False),
        ("http://10.1.2.3", "10.0.0.0/99", False),
        ("http://10.1.2.3", "10.1.2.3", True),
        ("http://[::ffff:10.1.2.3]", "10.0.0.0/8", True),
        ("http://10.1.2.3:8080", "10.1.2.3:8080", True),
        ("http://10.1.2.3:8080", "10.1.2.3:80", False),
        ("http://10.1.2.3", "1.2.3", False),
        ("http://[fd00::1]", "fd00::/8", True),
        ("http://[fd00::1]", "[fd00::1]", True),
        ("http://[fd00::1]", "fd00:0::1", True),
        ("http://[fd00::1]:8080", "[fd00::1]:8080", True),
        ("http://[fd00::1]:8080", "[fd00::1]:80", False),
        ("http://a.example.com", "10.0.0.0/8", False),
        ("http://localhost:8080", "", True),
        ("http://127.0.0.1", "", True),
        ("http://[::1]:8080", "", True),
        ("http://[::ffff:127.0.0.1]", "", True),
        ("unix://example.com", "example.com:80", False),
    ],
)
def test_no_proxy_names_what_is_reached_directly(url, no_proxy, expected):
    """The entries mean what they mean to Go's programs in the same cluster."""
    assert is_excluded(URL(url), no_proxy) is expected
