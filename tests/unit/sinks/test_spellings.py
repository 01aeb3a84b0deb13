"""A secret that comes back in another spelling is hidden too (issue 10, item 39)."""

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.sinks.text import without

SECRET = "p\u00e4ss/w\u00f6rd+\"<&'> \\%42~x"

WAYS = {
    "raw": str,
    "json": lambda text: json.dumps(text)[1:-1],
    "json in utf-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "json in json": lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
    "json of php": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "json of go": lambda text: (
        json.dumps(text)[1:-1]
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026")
    ),
    "url": lambda text: quote(text, safe=""),
    "path": quote,
    "form": quote_plus,
    "url in url": lambda text: quote(quote(text, safe=""), safe=""),
    "small letters": lambda text: quote(text, safe="").lower(),
    "html": html.escape,
    "html of go": lambda text: (
        html.escape(text, quote=False).replace('"', "&#34;").replace("'", "&#39;")
    ),
    "html in numbers": lambda text: "".join(
        one if one.isalnum() and one.isascii() else f"&#x{ord(one):x};" for one in text
    ),
    "html names": lambda text: html.escape(text).replace("\u00e4", "&auml;"),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 of urls": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
}


@pytest.mark.parametrize("way", WAYS)
def test_secret_in_another_spelling_is_hidden(way):
    """In whatever text it stands (issue 10, item 39)."""
    spelled = WAYS[way](SECRET.lower() if way == "small letters" else SECRET)

    found = without(f"a {spelled} b".encode(), [SECRET])

    assert found.rstrip(b"= b") == b"a ***"


@given(before=st.binary(max_size=9), after=st.binary(max_size=9))
def test_secret_within_base64_is_hidden(before, after):
    """As a user's password is in Authorization (issue 10, item 39)."""
    secret = "hunter2-of-the-hook"
    whole = base64.b64encode(before + secret.encode() + after)

    found = without(whole, [secret])

    assert b"***" in found
    assert len(found) <= len(whole) - len(secret)


@given(
    secret=st.text(min_size=1, max_size=30),
    way=st.sampled_from([one for one in WAYS if one != "small letters"]),
)
def test_any_secret_is_hidden(secret, way):
    """Whatever letters it is made of (issue 10, item 39)."""
    if way.startswith("base64") and len(secret.encode()) < 6:
        return
    spelled = WAYS[way](secret).encode()

    assert b"***" in without(b"<" + spelled + b">", [secret])


@pytest.mark.parametrize("way", [one for one in WAYS if one != "small letters"])
def test_secret_that_is_cut_off_is_hidden_in_any_spelling(way):
    """An excerpt ends after 4 kB, within an escape or not (issue 10, item 39)."""
    secret = "hunter2/" + SECRET
    spelled = WAYS[way](secret).encode()

    for length in range(12, len(spelled)):
        found = without(b"x " + spelled[:length], [secret], is_cut=True)
        assert found.startswith(b"x ***"), spelled[:length]


def test_what_is_no_secret_stays():
    """As it came (issue 10, item 39)."""
    text = b'{"reason": "no such hook", "path": "/a%20b", "more": "aHVudGVy"}'

    assert without(text, ["hunter2/of-the-hook"], is_cut=True) == text
