"""The dialect ``when``: an expression over the whole event."""

import msgspec
import pytest
from structlog.testing import capture_logs

from bridge.errors import FilterError
from bridge.events import CloudEvent
from bridge.filters.expressions import ExpressionFailures, failures
from bridge.filters.subscriptions import attributes_of, compile_filters


def event(data=b'{"count":7,"message":"OOMKilled"}'):
    """Return an Event; its data stays unchecked, as that from an API server does."""
    made = CloudEvent(
        id="1",
        source="kubernetes://prod",
        type="t",
        extensions={"reason": "BackOff", "cluster": "prod"},
    )
    msgspec.structs.force_setattr(made, "data", data)
    return made


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("object.count > 3 and 'OOM' in object.message", True),
        ("object.count > 7", False),
        ("event.reason == 'BackOff' and cluster == 'prod'", True),
        ("object.missing.place", False),
        ("not object.missing", True),
    ],
)
def test_events_pass_for_which_the_expression_is_true(expression, expected):
    """Attributes, data and cluster can be read."""
    assert compile_filters([{"when": expression}])(event()) is expected


def test_expressions_combine_with_the_other_dialects():
    """`when` is a dialect as any other."""
    passes = compile_filters(
        [{"any": [{"not": {"when": "object.count"}}, {"exact": {"reason": "BackOff"}}]}]
    )

    assert passes(event())


@pytest.mark.parametrize("data", [b"[" * 2000 + b"]" * 2000, b'{"count":"x"}'])
def test_an_expression_that_fails_is_no_match_and_is_counted(data):
    """Its reason is kept, without values."""
    text = "object.count + 1 > 0"
    before, _ = failures.all().get(text, (0, ""))

    assert not compile_filters([{"when": text}])(event(data))

    count, why = failures.all()[text]
    assert count == before + 1
    assert why


@pytest.mark.parametrize("argument", ["", "object.", "nope == 1", 3, "object.pop('x')"])
def test_what_is_no_expression_is_refused(argument):
    """When the configuration is read, with the place."""
    with pytest.raises(FilterError) as caught:
        compile_filters([{"all": [{"when": argument}]}])

    assert caught.value.path == (0, "all", 0, "when")


def test_attributes_that_an_expression_reads_are_known():
    """So that they are looked up for it."""
    spec = [{"when": "event.node == 'n' or object.x and event.reason in ['a']"}]

    assert attributes_of(spec) == {"node", "reason"}


def test_failures_are_logged_at_powers_of_ten():
    """With the reason, so that an operator can mend the expression."""
    failures = ExpressionFailures()

    with capture_logs() as said:
        for _ in range(200):
            failures.add("object.a + 1", "no sum")

    assert [one["count"] for one in said] == [1, 10, 100]
    assert {one["error"] for one in said} == {"no sum"}
