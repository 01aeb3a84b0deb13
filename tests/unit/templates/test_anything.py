"""Whatever stands in a template, and in an event: requests are well formed."""

import json

from hypothesis import given, settings, strategies

from tests.fuzz.target_templates import TemplatesRun, TemplatesTarget

_WORDS = [word.decode("utf-8", "replace") for word in TemplatesTarget.words]
_PLACES = ["object", "object.a", "object.b[0]", "event.reason", "cluster", "1.5", "'x'"]
_EXPRESSIONS = strategies.recursive(
    strategies.sampled_from(_PLACES),
    lambda inner: strategies.builds(
        "{}{}{}".format,
        inner,
        strategies.sampled_from(
            [" + ", " ~ ", " > ", " in ", " or ", " and not ", "|default(", "|join("]
        ),
        inner,
    ),
    max_leaves=4,
)
_TEXTS = (
    strategies.lists(strategies.sampled_from(_WORDS), max_size=8).map("".join)
    | strategies.builds("{{{{ {} }}}}".format, _EXPRESSIONS)
    | strategies.builds("a {{{{ {} }}}} b".format, _EXPRESSIONS)
    | _EXPRESSIONS
    | strategies.text(max_size=30)
)
_OBJECTS = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.floats(allow_nan=False, allow_infinity=False)
    | strategies.text(max_size=10),
    lambda inner: (
        strategies.lists(inner, max_size=3)
        | strategies.dictionaries(
            strategies.sampled_from(["a", "b", "items", "keys", ""]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(_TEXTS, _OBJECTS)
def test_requests_are_well_formed_or_refused(text, data):
    """No crash, no hang, no value in a message; what is called JSON is JSON."""
    TemplatesRun().try_text(text, json.dumps(data))
