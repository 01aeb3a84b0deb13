"""Answers that are not success, as errors."""

import json

import pytest

from bridge.cluster.answers import status_error
from bridge.errors import (
    ApiStatusError,
    ExpiredError,
    ForbiddenError,
    FutureVersionError,
    NotServedError,
    ThrottledError,
    UnauthorizedError,
)

REFUSAL = (
    'events is forbidden: User "bridge" cannot list resource "events" in API group ""'
    ' in the namespace "shop"'
)


def status(**fields):
    """A Status as JSON."""
    return json.dumps({"kind": "Status", **fields}).encode()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (401, UnauthorizedError),
        (403, ForbiddenError),
        (404, NotServedError),
        (405, NotServedError),
        (410, ExpiredError),
        (429, ThrottledError),
        (500, ApiStatusError),
    ],
)
def test_each_status_has_its_error(code, kind):
    """By the HTTP status, or by the code of an ERROR line."""
    by_header = status_error(b"<html>", doing="list events", status=code)
    by_body = status_error(status(code=code), doing="watch events")

    assert (type(by_header), by_header.status) == (kind, code)
    assert (type(by_body), by_body.status) == (kind, code)


def test_a_refusal_names_verb_resource_and_namespace():
    """The server's own sentence says it all."""
    error = status_error(status(message=REFUSAL), doing="list events", status=403)

    assert str(error) == f"list events: 403: {REFUSAL}"


@pytest.mark.parametrize("reason", ["Expired", "Gone"])
def test_a_reason_without_a_code_is_enough(reason):
    """Some ERROR lines have no code."""
    assert isinstance(status_error(status(reason=reason), doing=""), ExpiredError)


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"code":"no"}', b""])
def test_an_error_that_says_nothing_is_still_an_error(body):
    """Neither reason nor code, nor even a Status."""
    error = status_error(body, doing="watch events")

    assert (error.status, str(error)) == (
        500,
        "watch events: 500: no Status in the answer",
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"details": {"causes": [{"reason": "ResourceVersionTooLarge"}]}},
        {"message": "Too large resource version: 9, current: 5"},
    ],
)
def test_a_version_from_the_future_is_told_by_cause_or_text(fields):
    """The status alone, 504, may be any timeout."""
    error = status_error(status(**fields), doing="list events", status=504)

    assert isinstance(error, FutureVersionError)


@pytest.mark.parametrize(
    ("details", "header", "seconds"),
    [
        (None, "", None),
        (None, "7", 7.0),
        ({"retryAfterSeconds": 3}, "", 3.0),
        ({"retryAfterSeconds": 3}, "7", 7.0),
        ({}, "Wed, 21 Oct 2026 07:28:00 GMT", None),
    ],
)
def test_the_server_says_when_to_come_back(details, header, seconds):
    """The header wins over the body; dates are not used by API servers."""
    body = status(details=details)

    error = status_error(body, doing="", status=429, retry_after=header)

    assert error.retry_after_seconds == seconds


@pytest.mark.parametrize(
    ("details", "header", "seconds"),
    [
        ("{}", "31536000", 300.0),
        ("{}", "9" * 30, 300.0),
        ("{}", "9" * 400, None),
        ("{}", "٣", None),
        ("{}", "-1", None),
        ('{"retryAfterSeconds":31536000}', "", 300.0),
        ('{"retryAfterSeconds":-1}', "", None),
        ('{"retryAfterSeconds":1e400}', "", None),
        ('{"retryAfterSeconds":%s}' % ("9" * 400), "", None),
        ('{"retryAfterSeconds":"7"}', "", None),
        ("null", "7", 7.0),
    ],
)
def test_a_rest_has_a_ceiling_and_nonsense_is_none(details, header, seconds):
    """And what stands beside it is read all the same (issue 10, item 40)."""
    body = b'{"message":"slow down","code":429,"details":%b}' % details.encode()

    error = status_error(body, doing="", retry_after=header)

    assert (type(error), error.retry_after_seconds) == (ThrottledError, seconds)
    assert "slow down" in str(error)


@pytest.mark.parametrize("code", ["0", "-1", "99", "600", "9" * 400])
def test_a_code_that_is_none_of_http_is_not_told(code):
    """The reason may say it (issue 10, item 40)."""
    body = b'{"reason":"Expired","code":%b}' % code.encode()

    assert status_error(body, doing="").status == 410


def test_a_long_message_is_cut():
    """Errors end up in logs and probes."""
    error = status_error(status(message="x" * 1000), doing="get", status=500)

    assert len(str(error)) < 300
