"""Formats for stores of logs: batches, stable ids, an answer to each event."""

import msgspec
import pytest

from bridge.errors import PermanentSinkError, TemporarySinkError
from bridge.sinks import Accepted
from bridge.sinks.formats.elasticsearch import ElasticsearchFormat
from bridge.sinks.formats.lines import LinesFormat
from bridge.sinks.formats.loki import LokiFormat
from bridge.sinks.formats.otlp import OtlpFormat
from bridge.sinks.formats.splunk import SplunkFormat
from tests.unit.sinks.formats.samples import URL_OF_SINK, answer, classifier, sample

NANOSECONDS = "1796033100000000000"


def elastic(*, is_stream=False):
    """Return the format of the bulk API."""
    return ElasticsearchFormat(
        classifier=classifier(),
        sink="hook",
        index="events",
        is_stream=is_stream,
        max_batch=100,
    )


def loki():
    """Return the format of Loki."""
    return LokiFormat(
        classifier=classifier(),
        labels=("cluster", "namespace", "severitytext"),
        job="kubebridge",
        max_batch=100,
    )


def splunk(index=None):
    """Return the format of Splunk."""
    return SplunkFormat(
        classifier=classifier(), index=index, sourcetype="k8s", max_batch=100
    )


def otlp(body="message"):
    """Return the format of OpenTelemetry."""
    return OtlpFormat(classifier=classifier(), sink="hook", body=body, max_batch=100)


def lines_of(format_, events):
    """Return the decoded lines of a body."""
    body = format_.render(URL_OF_SINK, events).body
    return [msgspec.json.decode(line) for line in body.splitlines()]


def item(status, action="index"):
    """Return the answer to one document."""
    error = {"type": "x", "reason": "because"}
    return {action: {"status": status, **({"error": error} if status > 299 else {})}}


def test_documents_have_the_same_id_at_each_repeat():
    """So that an attempt that is repeated stores nothing twice."""
    action, document = lines_of(elastic(), [sample(7)])

    assert action == {"index": {"_index": "events", "_id": "kubernetes://prod uid-7"}}
    assert document["@timestamp"] == "2026-11-30T10:05:00Z"
    assert document["data"]["message"].startswith("Back-off")
    assert elastic().render(URL_OF_SINK, [sample()]).url.query["key"] == "1"


def test_data_streams_are_only_added_to():
    """They refuse any other action, and answer 409 to what they have."""
    action, _ = lines_of(elastic(is_stream=True), [sample()])
    said = answer(200, {"errors": True, "items": [item(409, "create")]})

    [result] = elastic(is_stream=True).judge(said, [sample()])

    assert list(action) == ["create"]
    assert isinstance(result, Accepted)


def test_ids_that_are_too_long_are_digests():
    """An id may have 512 bytes."""
    action, _ = lines_of(elastic(), [sample(source="kubernetes://" + "x" * 600)])

    assert len(action["index"]["_id"]) == 64


def test_each_document_has_its_own_result():
    """A bulk request of three, of which one is refused and one has to wait."""
    said = answer(200, {"errors": True, "items": [item(201), item(400), item(429)]})

    results = elastic().judge(said, [sample(1), sample(2), sample(3)])

    assert [type(one) for one in results] == [
        Accepted,
        PermanentSinkError,
        TemporarySinkError,
    ]
    assert "because" in str(results[1])
    assert results[2].scope == "sink"


def test_bulk_answers_without_errors_take_all():
    """Then nothing more of it is read."""
    results = elastic().judge(answer(200, {"errors": False}), [sample(1), sample(2)])

    assert [type(one) for one in results] == [Accepted, Accepted]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"errors":tr', {"errors": True, "items": [item(200)]}]
)
def test_bulk_answers_that_say_too_little_are_asked_for_in_parts(body):
    """Nothing counts as delivered that the answer does not name."""
    events = [sample(1), sample(2)]

    with pytest.raises(PermanentSinkError) as caught:
        elastic().judge(answer(200, body), events)

    assert caught.value.reason == "batch-size"


@pytest.mark.parametrize("body", [b"", {"errors": True, "items": [{"index": {}}]}])
def test_one_document_without_an_answer_is_sent_again(body):
    """It has an id: twice is once."""
    format_ = elastic()
    try:
        [result] = format_.judge(answer(200, body), [sample()])
    except TemporarySinkError as error:
        result = error

    assert isinstance(result, TemporarySinkError)
    assert result.reason == "bad-answer"


def test_a_refused_bulk_request_is_judged_by_its_status():
    """The whole of it was refused."""
    with pytest.raises(TemporarySinkError, match="503"):
        elastic().judge(answer(503), [sample()])


def test_streams_of_loki_have_few_labels_and_lines_their_time():
    """What has many values is structured metadata."""
    calm = sample(2, severitytext="")
    body = loki().render(URL_OF_SINK, [sample(1), calm, sample(3)]).body

    first, second = msgspec.json.decode(body)["streams"]

    assert first["stream"] == {
        "job": "kubebridge",
        "cluster": "prod",
        "namespace": "shop",
        "severitytext": "WARN",
    }
    assert len(first["values"]) == 2
    assert "severitytext" not in second["stream"]
    time, line, metadata = second["values"][0]
    assert time == NANOSECONDS
    assert msgspec.json.decode(line)["id"] == "uid-2"
    assert metadata["reason"] == "BackOff"


def test_events_without_a_time_are_stored_too():
    """Such an object has no time at all."""
    event = sample(time=None)
    body = msgspec.json.decode(loki().render(URL_OF_SINK, [event]).body)

    assert body["streams"][0]["values"][0][0] == "0"
    assert "time" not in lines_of(splunk(), [event])[0]
    assert "timeUnixNano" not in str(otlp().render(URL_OF_SINK, [event]).body)


@pytest.mark.parametrize("format_", [loki(), splunk()])
def test_batches_with_a_line_that_is_refused_are_halved(format_):
    """400 does not say which line it was: `deliver` halves what is refused whole."""
    with pytest.raises(PermanentSinkError, match="answered 400"):
        format_.judge(answer(400), [sample(1), sample(2)])

    assert len(format_.judge(answer(204), [sample(1), sample(2)])) == 2


def test_events_of_splunk_carry_time_host_and_fields():
    """The event itself is the CloudEvent, unchanged."""
    first, second = lines_of(splunk("main"), [sample(1), sample(2, node="")])

    assert first["time"] == 1796033100.0
    assert (first["host"], first["index"]) == ("node-1", "main")
    assert first["fields"]["reason"] == "BackOff"
    assert first["event"]["id"] == "uid-1"
    assert "host" not in second


def test_log_records_have_severity_time_and_names():
    """Names are those of the semantic conventions."""
    body = otlp().render(URL_OF_SINK, [sample()]).body

    [resource] = msgspec.json.decode(body)["resourceLogs"]
    [record] = resource["scopeLogs"][0]["logRecords"]
    named = {one["key"]: one["value"]["stringValue"] for one in record["attributes"]}

    assert record["severityNumber"] == 13
    assert record["timeUnixNano"] == NANOSECONDS
    assert record["body"]["stringValue"].startswith("Back-off")
    assert named["k8s.namespace.name"] == "shop"
    assert named["k8s.event.reason"] == "BackOff"


def test_log_records_can_hold_the_whole_event():
    """For those who want the object there."""
    body = otlp("event").render(URL_OF_SINK, [sample()]).body

    assert "involvedObject" in body.decode()


@pytest.mark.parametrize(
    ("said", "events", "reason"),
    [
        ({"partialSuccess": {"rejectedLogRecords": "1"}}, 2, "batch-size"),
        ({"partialSuccess": {"rejectedLogRecords": 1}}, 1, "status"),
    ],
)
def test_partial_success_is_asked_for_in_parts(said, events, reason):
    """It says how many records were refused, not which."""
    with pytest.raises(PermanentSinkError) as caught:
        otlp().judge(answer(200, said), [sample()] * events)

    assert caught.value.reason == reason


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"x", {"partialSuccess": {}}])
def test_answers_of_a_collector_that_refuse_nothing_take_all(body):
    """Most answer with an empty object."""
    assert len(otlp().judge(answer(200, body), [sample()] * 2)) == 2


def test_lines_are_the_events_as_they_are_stored():
    """One each."""
    format_ = LinesFormat(classifier=classifier(), max_batch=100)

    body = format_.render(URL_OF_SINK, [sample(1), sample(2)]).body

    assert body == sample(1).body + b"\n" + sample(2).body + b"\n"
    assert len(format_.judge(answer(204), [sample(1), sample(2)])) == 2
