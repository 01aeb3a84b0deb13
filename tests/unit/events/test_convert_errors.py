"""What cannot be converted is named, without showing it."""

import pytest
from msgspec.structs import replace as altered

from bridge.cluster import CORE_EVENTS
from bridge.errors import ConversionError
from tests.unit.events.samples import PODS, converted, kubernetes_event

METADATA = '"metadata":{"name":"n","uid":"secret-uid"}'


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("", "truncated"),
        ("{", "truncated"),
        ("secret", "malformed"),
        ("[]", "Expected `object`"),
        ("{}", "missing required field `metadata`"),
        ('{"metadata":null}', "metadata"),
        ('{"metadata":{"name":"secret"}}', "missing required field `uid`"),
        ('{"metadata":{"uid":"secret"}}', "missing required field `name`"),
        ('{"metadata":{"name":"n","uid":""}}', "metadata.uid: expected text"),
        (f'{{{METADATA},"reason":"\udcff"}}', "'utf-8' codec can't decode"),
        (f'{{{METADATA},"x":"\udcff"}}', "data: expected JSON in UTF-8"),
        pytest.param(
            f'{{{METADATA},"x":{"[" * 99_999}', "at most 500 lists", id="nested"
        ),
        (f'{{{METADATA},"reason":5}}', r"Expected `str`, got `int` - at `\$.reason`"),
        (f'{{{METADATA},"count":"secret"}}', r"got `str` - at `\$.count`"),
        (f'{{{METADATA},"count":2147483648}}', "'count': expected a signed 32-bit"),
        (f'{{{METADATA},"spec":NaN}}', "malformed"),
    ],
)
def test_convert_says_what_is_wrong_with_an_object(raw, message):
    """The error names resource, version and fault, and shows no payload."""
    change = altered(kubernetes_event(), object=raw.encode("utf-8", "surrogateescape"))

    with pytest.raises(ConversionError, match=message) as caught:
        converted(change)

    assert str(caught.value).startswith("events at version '7': ")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("resource", [CORE_EVENTS, PODS])
def test_convert_refuses_what_receivers_cannot_read(resource):
    """Five hundred lists and objects inside each other are taken, one more is not."""
    taken, refused = (
        altered(
            kubernetes_event(),
            resource=resource,
            object=f'{{{METADATA},"x":{"[" * inner}{"]" * inner}}}'.encode(),
        )
        for inner in (499, 500)
    )

    assert converted(taken).data.count(b"[") == 499
    with pytest.raises(ConversionError, match="at most 500 lists"):
        converted(refused)


def test_convert_needs_a_version():
    """Without one the id would not be unique."""
    change = altered(kubernetes_event(), resource_version="")

    with pytest.raises(ConversionError, match="resourceVersion: expected text"):
        converted(change)


def test_convert_refuses_a_broken_pod():
    """A spec that is no object is refused, not guessed at."""
    change = altered(
        kubernetes_event(),
        resource=PODS,
        object=f'{{{METADATA},"spec":"x"}}'.encode(),
    )

    with pytest.raises(ConversionError, match="pods at version '7': Expected `object`"):
        converted(change)
