"""Probes and metrics."""

import pytest

PROBES = ["/livez", "/readyz", "/startupz", "/healthz"]


@pytest.mark.parametrize("path", PROBES)
async def test_a_probe_that_passes_says_ok(client, path):
    """As kube-apiserver does."""
    answer = await client.get(path)

    assert (answer.status_code, answer.text) == (200, "ok")
    assert answer.headers["content-type"].startswith("text/plain")


async def test_a_verbose_probe_has_a_line_for_each_check(client):
    """`?verbose` needs no value."""
    answer = await client.get("/readyz?verbose")

    assert answer.text == (
        "[+]stopping ok\n[+]queue ok\n[+]reader events events in shop ok\n"
        "readyz check passed\n"
    )


async def test_a_probe_that_fails_says_why(client, world):
    """503 with the lines of all checks, asked for or not."""
    world.health.readers[0].state = "waiting"
    world.health.readers[0].error = "connection refused"

    answer = await client.get("/readyz")

    assert answer.status_code == 503
    assert "[-]reader events events in shop failed: connection refused" in answer.text
    assert answer.text.endswith("readyz check failed\n")


@pytest.mark.parametrize("state", ["absent", "failed"])
async def test_an_optional_source_may_be_absent_or_refused(client, world, state):
    """Neither probe minds; it is shown all the same (issue 10, item 12)."""
    reader = world.health.readers[0]
    reader.is_optional, reader.state, reader.started = True, state, False
    reader.error = "not there"

    answers = [await client.get(f"{path}?verbose") for path in ("/readyz", "/startupz")]

    assert [one.status_code for one in answers] == [200, 200]


@pytest.mark.parametrize("state", ["starting", "syncing", "silent", "waiting"])
async def test_an_optional_source_that_could_be_read_is_waited_for(
    client, world, state
):
    """As any other is (issue 10, item 12)."""
    world.health.readers[0].is_optional = True
    world.health.readers[0].state = state

    assert (await client.get("/readyz")).status_code == 503


@pytest.mark.parametrize("state", ["absent", "failed", "silent"])
async def test_a_source_that_is_not_read_is_not_ready(client, world, state):
    """Unless it is optional (issue 10, item 12)."""
    world.health.readers[0].state = state

    assert (await client.get("/readyz")).status_code == 503


async def test_a_full_queue_is_not_ready_but_alive(client, world):
    """A restart would not help, so livez passes."""
    world.health.readers[0].full = "the volume is full"

    codes = [(await client.get(path)).status_code for path in PROBES]

    assert codes == [200, 503, 200, 503]


async def test_a_sink_never_makes_it_unready(client, world):
    """Waiting for sinks is the queue's business."""
    world.health.sinks["hook"].state = "paused"

    assert (await client.get("/readyz")).status_code == 200


async def test_startupz_fails_until_each_reader_has_been_watching(client, world):
    """Kubernetes asks nothing else before."""
    world.health.readers[0].started = False

    assert (await client.get("/startupz")).status_code == 503


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "text/plain"),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text"),
    ],
)
async def test_metrics_are_in_the_format_that_is_accepted(client, accept, media_type):
    """Prometheus asks for OpenMetrics, a person takes what comes."""
    answer = await client.get("/metrics", headers={"Accept": accept})

    assert answer.headers["content-type"].startswith(media_type)
    assert 'kubebridge_build_info{version="1.2.3"} 1.0' in answer.text


@pytest.mark.parametrize("path", [*PROBES, "/metrics"])
async def test_head_is_answered_as_get_is(client, path):
    """Load balancers and `curl -I` ask so (issue 10, item 22)."""
    answer = await client.head(path)

    assert answer.status_code == 200
