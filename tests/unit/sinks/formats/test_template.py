"""A request of one's own: typed bodies, encoded paths, safe header fields."""

import msgspec
import pytest
from pydantic import ValidationError

from bridge.errors import PermanentSinkError
from bridge.sinks.formats.template import TemplateConfig, TemplateFormat
from tests.unit.sinks.formats.samples import (
    BACK_OFF,
    URL_OF_SINK,
    answer,
    classifier,
    sample,
)


def template(body, **settings):
    """Return the format with a body and further settings."""
    config = TemplateConfig.model_validate(
        {"type": "template", "body": body, **settings}
    )
    return TemplateFormat(classifier=classifier(), sink="hook", settings=config)


def body(made, **settings):
    """Return the decoded body that a template makes."""
    return msgspec.json.decode(
        template(made, **settings).render(URL_OF_SINK, [sample()]).body
    )


def test_bodies_keep_their_types():
    """Numbers are numbers, objects objects, and omit leaves out."""
    made = {
        "count": "{{ object.count }}",
        "about": "{{ object.involvedObject }}",
        "line": "{{ event.reason }} x{{ object.count }} in {{ cluster }}",
        "owner": "{{ object.owner or omit }}",
        "fixed": [1, True, None],
    }

    assert body(made) == {
        "count": 7,
        "about": BACK_OFF["involvedObject"],
        "line": "BackOff x7 in prod",
        "fixed": [1, True, None],
    }


def test_a_text_is_sent_as_it_is():
    """With the Content-Type that is said."""
    format_ = template("{{ object.message }}", contentType="text/plain")

    request = format_.render(URL_OF_SINK, [sample()])

    assert request.body.decode() == BACK_OFF["message"]
    assert format_.content_type == "text/plain"
    assert len(format_.judge(answer(200), [sample()])) == 1


def test_paths_and_parameters_are_encoded_and_the_host_stays():
    """No value can lead the request elsewhere."""
    request = template(
        {},
        method="PUT",
        path="/api/{{ object.message }}/{{ event.name }}",
        query={"reason": "{{ event.reason }}&x", "count": "{{ object.count }}"},
    ).render(URL_OF_SINK, [sample(data={**BACK_OFF, "message": "../a?b@c"})])

    assert str(request.url) == (
        "https://receiver.example/api/..%2Fa%3Fb%40c/web-0"
        "?key=1&reason=BackOff%26x&count=7"
    )
    assert request.method == "PUT"


def test_the_rest_of_a_path_is_encoded_too():
    """It has no white space, no query of its own, and what was encoded stays."""
    path = "a b/\v\r\n?c#d/%2F/{{ event.reason }}é"

    request = template({}, path=path).render(URL_OF_SINK, [sample()])

    assert request.url.raw_path == "/a%20b/%0B%0D%0A%3Fc%23d/%2F/BackOff%C3%A9"


def test_header_fields_are_made_too():
    """In lower case, as they go over the wire."""
    request = template({}, headers={"X-Reason": "{{ event.reason }}"}).render(
        URL_OF_SINK, [sample()]
    )

    assert request.fields == [(b"x-reason", b"BackOff")]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (
            {"headers": {"X-A": "{{ object.message }}\nb"}},
            "headers.X-A: expected print",
        ),
        ({"headers": {"X-A": "{{ object.nothing }}x\u00e4"}}, "headers.X-A"),
        ({"body": "{{ object.message }}"}, "body: expected JSON, as contentType says"),
        ({"body": "{{ omit }}"}, "body: expected a body, got omit"),
        ({"body": ["{{ [object.items] }}"]}, "body: cannot be written as JSON"),
        ({"body": ["{{ object.message + 1 }}"]}, "InvalidOperation"),
    ],
)
def test_events_that_do_not_fit_become_dead_letters(settings, problem):
    """The reason names the text, not the values."""
    format_ = template(**{"body": {}, **settings})

    with pytest.raises(PermanentSinkError) as caught:
        format_.render(URL_OF_SINK, [sample()])

    assert problem in str(caught.value)
    assert caught.value.reason == "format"
    assert "Back-off" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"body": {"a": ["{{ nope }}"]}}, "body.a[0]: expected one of event, object"),
        ({"body": {}, "path": "/{{ x"}, "path: expected '}}'"),
        (
            {"body": {}, "query": {"q": "{% set a = 1 %}"}},
            "query.q: expected if or for",
        ),
        ({"body": {}, "headers": {"X-A": "{{ a.b() }}"}}, "headers.X-A"),
    ],
)
def test_faults_are_told_when_the_configuration_is_read(settings, problem):
    """With the way to the text."""
    with pytest.raises(ValidationError) as caught:
        TemplateConfig.model_validate({"type": "template", **settings})

    assert problem in str(caught.value)


def test_json_texts_are_sent_if_they_are_json():
    """Whoever writes JSON by hand is checked."""
    made = '{"message": {{ object.message | tojson }}}'

    assert body(made) == {"message": BACK_OFF["message"]}


def test_json_within_a_list_is_a_text():
    """`tojson` gives text of a class of its own, wherever it stands."""
    assert body(["{{ [object.reason|tojson] }}"]) == [['"BackOff"']]
