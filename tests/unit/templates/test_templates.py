"""Templates keep types, leave out what is to be omitted, and reach nothing else."""

import weakref
from typing import Any

import msgspec
import pytest

from bridge.errors import TemplateError
from bridge.templates import Expression, Template, context_of

EVENT = {"type": "io.kubebridge.event.warning.v1", "subject": "shop/Pod/web-0"}
OBJECT = {
    "count": 3,
    "ratio": 1.5,
    "message": 'Back-off "x" </script>\n\u2028',
    "source": {"host": "node-1", "none": None},
    "labels": {"app.kubernetes.io/name": "web"},
    "lines": [1, {"a": 2}],
    "big": 2**70,
    "ok": True,
}


def context(data: Any = OBJECT, **more: Any) -> dict[str, Any]:
    """Return what expressions read of a copy of an object."""
    copy = msgspec.json.decode(msgspec.json.encode(data))
    return context_of(event=EVENT, data=copy, cluster="prod", **more)


def render(tree: Any, **more: Any) -> Any:
    """Render a tree with the event of this file."""
    return Template(tree).render(context(**more))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ object.count }}", 3),
        (" {{- object.ratio -}} ", 1.5),
        ("{{ object.ok }}", True),
        ("{{ object.source.none }}", None),
        ("{{ object.nothing.at.all }}", None),
        ("{{ object.lines }}", [1, {"a": 2}]),
        ("{{ object.lines[1].a }}", 2),
        ("{{ object.source }}", {"host": "node-1", "none": None}),
        ("{{ object.labels['app.kubernetes.io/name'] }}", "web"),
        ("{{ {'a': {'b': [object.count]}} }}", {"a": {"b": [3]}}),
        ("{{ object.count + 1 }} times", "4 times"),
        ("{{ event.subject }} in {{ cluster }}", "shop/Pod/web-0 in prod"),
        ("{% if object.ok %}yes{% else %}no{% endif %}", "yes"),
        ("{% for x in range(3) %}{{ loop.index }}{% endfor %}", "123"),
        ("{{ object.message }}", OBJECT["message"]),
        ("{{ object.message|upper|truncate(length=4, end='') }}", "BACK"),
        ("{# a note #}plain", "plain"),
        ("plain", "plain"),
        ("{{ object.items }}", None),
        ("{{ object.source|dictsort|length }}", 2),
        ("{{ object.count is odd and object.count is not even }}", True),
        ("{{ previous }}", None),
    ],
)
def test_expressions_that_are_all_of_a_text_keep_their_type(text, expected):
    """Anything else becomes a part of a text."""
    assert render(text) == expected


def test_omit_leaves_out_keys_and_elements():
    """A value that is null stays; ``omit`` leaves nothing."""
    tree = {"a": "{{ object.no or omit }}", "b": ["{{ omit }}", 1], "c": None, 5: True}

    assert render(tree) == {"b": [1], "c": None, 5: True}


def test_rendered_values_are_json_whatever_texts_hold():
    """A value is encoded, never pasted: quotes and line separators cannot break out."""
    body = msgspec.json.encode(render({"text": "{{ object.message }}{{ object.big }}"}))

    assert msgspec.json.decode(body) == {"text": f"{OBJECT['message']}{2**70}"}


def test_previous_is_the_object_before():
    """A template can show the change."""
    found = render("{{ previous.count }} -> {{ object.count }}", previous={"count": 2})

    assert found == "2 -> 3"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{{ object.count | nope }}", "unknown filter 'nope' at 1:19"),
        ("{{ object is callable }}", "unknown test 'callable' at 1:14"),
        ("{{ object is not weird }}", "unknown test 'weird'"),
        ("{{ objekt.count }}", "expected one of event, object, previous, cluster"),
        ("{{ object.pop('count') }}", "got a call of '.pop()' at 1:11"),
        ("{{ debug() }}", "unknown function 'debug'"),
        ("{{ object | attr('pop') }}", "unknown filter 'attr'"),
        ("{{ object.lines * 1000 }}", "expected no '*' at 1:17"),
        ("a\n{% set x = 1 %}", "expected if or for, got 'set' at 2:1"),
        ("{% macro f() %}{% endmacro %}", "got 'macro'"),
        ("{% include 'x' %}", "got 'include'"),
        ("{% %}", "expected if or for, got ''"),
        ("{{ object.count", "expected '}}' after '{{' at 1:1"),
        ("{{ (object.count }}", "unexpected `}`, expected `)` in line 1"),
        ("{% if object", "expected '%}' after '{%'"),
        ("{# no end", "expected '#}' after '{#'"),
        ("{{ object. }}", "unexpected"),
        ("{% if object.count %}", "unexpected end"),
        ("{% endset %}{{ 1 }}", "got 'endset'"),
        ("x" * 8193, "at most 8192 characters, got 8193"),
        (
            "{% for a in [1] %}{% for b in [1] %}{% for c in [1] %}x",
            "expected no loop in a loop in a loop",
        ),
    ],
)
def test_faults_are_told_when_a_template_is_read(text, problem):
    """With the place in the text, and the way to the text."""
    with pytest.raises(TemplateError) as caught:
        Template({"fields": [text]})

    assert problem in str(caught.value)
    assert caught.value.path == ("fields", 0)


@pytest.mark.parametrize(
    "text",
    [
        "{% for i in range(99999) %}{{ i }}{{ i }}{{ i }}{{ i }}{% endfor %}",
        "{{ 'a'|indent(100000000) }}",
        "{{ '%0900000000d'|format(3) }}",
        "{{ range(1000000000)|list }}",
        "{{ [object.message|replace('', 'y')|indent(99999999)] }}",
    ],
)
def test_what_costs_too_much_fails(text):
    """Neither time nor memory goes to an expression without end."""
    with pytest.raises(TemplateError):
        render(text)


def test_texts_that_are_too_large_together_fail():
    """The object itself may be written out some times, but not for ever."""
    texts = ["{{ object.text }}"] * 5

    with pytest.raises(TemplateError, match="ValueError"):
        render(texts, data={"text": "x" * 1_000_000})


@pytest.mark.parametrize("name", ["pop", "__class__", "copy", "__init__", "append"])
def test_attributes_of_python_are_not_there(name):
    """Only keys are."""
    found = render([f"{{{{ object.{name} }}}}", f"{{{{ object.lines.{name} }}}}"])

    assert found == [None, None]


def test_objects_nested_too_deeply_are_refused():
    """Such an object cannot be read, whatever the template wants of it."""
    deep: Any = 1
    for _ in range(5_000):
        deep = {"a": deep}

    with pytest.raises(TemplateError, match="nested too deeply"):
        context_of(event=EVENT, data=deep)


def test_templates_nested_too_deeply_are_refused():
    """A tree has an end."""
    deep: Any = "x"
    for _ in range(40):
        deep = [deep]

    with pytest.raises(TemplateError, match="at most 32 levels"):
        Template(deep)


def test_a_template_without_expressions_is_constant():
    """Nothing has to be computed for each event."""
    assert Template({"a": ["b", 1]}).is_constant
    assert not Template("{{ 1 }}").is_constant


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("object.count > 3", False),
        ("object.count > 2 and 'Back-off' in object.message", True),
        ("object.no.such > 3", False),
        ("'x' in object.no", False),
        ("event.type.startswith", None),
    ],
)
def test_expressions_have_a_value(text, expected):
    """Of what is not there nothing is more, or in it."""
    assert Expression(text).evaluate(context()) == expected


@pytest.mark.parametrize("text", ["", "object.count)", "}}{{ 1", "a b", "1 }} {{ 2"])
def test_what_is_no_expression_is_refused(text):
    """It is one expression, without the brackets of a template."""
    with pytest.raises(TemplateError):
        Expression(text)


def test_an_expression_that_fails_says_why_without_values():
    """A value may be a secret."""
    with pytest.raises(TemplateError) as caught:
        Expression("object.message + 1").evaluate(context())

    assert "Back-off" not in str(caught.value)
    assert Expression("object.count").evaluate(context()) == 3


@pytest.mark.parametrize("text", ["{{ _put }}", "{{ _put|string }}", "{{ _text }}"])
def test_names_of_ours_are_unknown(text):
    """Texts are put together with them, which nobody has to know."""
    with pytest.raises(TemplateError, match="expected one of event, object"):
        Template(text)


def test_a_template_is_freed_with_its_last_user():
    """MiniJinja's environments are not seen by the garbage collector."""
    template = Template({"a": "{{ object.count }}"})
    template.render(context())
    values = weakref.ref(template._run._values)

    del template

    assert values() is None


def test_a_template_that_fails_says_which_of_its_texts():
    """By its place in the tree."""
    tree = {
        "a": "{{ object.count }}",
        "b": ["x", "{{ object.message + 1 }}", "{{ 1 }}"],
    }

    with pytest.raises(TemplateError) as caught:
        render(tree)

    assert caught.value.path == ("b", 1)


def test_an_expression_that_is_too_long_is_refused():
    """Nobody reads such a line."""
    with pytest.raises(TemplateError, match="at most 8192"):
        Expression("1 + " * 4_000 + "1")


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ("2024-01-02T03:04:05Z", 1704164645000),
        ("2024-01-02T03:04:05.678901Z", 1704164645678),
        ("2024-01-02T03:04:05", 1704164645000),
        (None, None),
    ],
)
def test_times_in_milliseconds(time: str | None, expected: int | None) -> None:
    """Of UTC, if the time does not say."""
    made = Template("{{ object.time|unixms }}").render(context({"time": time}))

    assert made == expected


def test_a_text_that_is_no_time_is_an_error() -> None:
    """The reason does not quote it."""
    with pytest.raises(TemplateError, match=r"^ValueError in an expression$"):
        Template("{{ object.time|unixms }}").render(context({"time": "soon"}))


def test_json_within_a_text_is_a_text() -> None:
    """Of no class of MiniJinja's, which no encoder knows."""
    made = render({"x": "{{ object.source|tojson }}"})["x"]

    assert type(made) is str
    assert msgspec.json.decode(made) == OBJECT["source"]
