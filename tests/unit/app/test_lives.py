"""Start, reload and stop, in this process, on real sockets and files."""

import asyncio
import errno

import pytest

from bridge.api.server import bind
from bridge.deliver.supervisor import SenderSupervisor
from bridge.demo.apiserver import ApiServer
from bridge.errors import CredentialsError, QueueError, first_cause
from bridge.queue.sqlite.lockfile import locked_now
from bridge.queue.sqlite.queue import SqliteQueue
from tests.ports import free_port
from tests.unit.app.running import Running, keep_logs
from tests.unit.sinks.receiver import Receiver, answer, hang

SUCCESS = "kubebridge_config_reload_success"
SINCE = "kubebridge_config_last_reload_success_timestamp_seconds"


@pytest.fixture
async def running(tmp_path, monkeypatch):
    """Return a bridge that is not started, and its cluster."""
    keep_logs(monkeypatch)
    async with ApiServer() as cluster:
        yield Running(tmp_path, cluster)


def other(receiver, name="hook"):
    """Return the same sink with another setting, for which it gets a new sender."""
    return hook(receiver, name, concurrency=7)


def senders(running):
    """Return the supervisor of senders."""
    return running.lives._alive[-1].parts.store.senders


def hook(receiver, name="hook", **more):
    """Return a sink; only a test ends an attempt that hangs."""
    return {"name": name, "url": receiver.url, "timeout": "1h", **more}


async def test_started_names_configuration_cluster_queue_and_sinks(running):
    """So that a log says what it is the log of (issue 10, item 20)."""
    running.write(cluster={**running.document["cluster"], "name": "prod"})

    async with running.run():
        line = running.logs[0]

    assert line["event"] == "Started."
    assert (line["configuration"], line["cluster"]) == (str(running.file), "prod")
    assert (line["queue"], line["sinks"]) == (str(running.folder / "queue.db"), ["out"])
    assert line["server"] == running.cluster.url
    assert running.logs[-1]["event"] == "Stopped."


async def test_reload_takes_the_new_configuration(running):
    """And says so; the metrics say that it was usable (issue 10, items 2 and 20)."""
    async with Receiver() as receiver, running.run():
        began = await running.metric(SINCE)
        running.write(sinks=[hook(receiver)])
        line = await running.reload()
        await running.watches()
        name = running.emit()
        await receiver.wait_requests(1)

        assert (line["log_level"], line["sinks"]) == ("info", ["hook"])
        assert name.encode() in receiver.requests[0].body
        assert await running.metric(SUCCESS) == 1
        assert await running.metric(SINCE) > began


BAD = {
    "not YAML": "sinks: [",
    "a fault": "sinks: [{name: a, typ: stdout}]",
    "a URL that parses": 'sinks: [{name: a, url: "http://a\\\\b"}]',
    "empty": "",
    "a scalar of no kind": "grace: !!int x",
    "an alias in itself": "sinks: &a [*a]",
    "a lone surrogate": 'sinks: [{name: "\\ud800", type: stdout}]',
    "a bomb": "a: &a [x, x, x, x]\nb: &b [*a, *a]\n" + "c: [*b, *b, *b]\n" * 20_000,
    "no filter": "routes: [{name: r, filters: [{exact: {message: x}}]}]",
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
async def test_a_bad_file_leaves_the_old_configuration(running, text):
    """One error line says why, and the metric says so (issue 10, items 2 and 33)."""
    async with running.run():
        began = await running.metric(SINCE)
        running.write_text(text)
        line = await running.reload(refused=True)

        errors = [one for one in running.logs if one["log_level"] == "error"]
        assert errors == [line]
        assert str(running.file) in line["error"]
        assert (await running.metric(SUCCESS), await running.metric(SINCE)) == (
            0,
            began,
        )
        await running.watches()


def taken_port(running):
    """Somebody else listens there."""
    return {"server": {"port": int(running.cluster.url.rpartition(":")[2])}}


def unwritable_folder(running):
    """A file is where the folder should be."""
    return {"queue": {"path": str(running.file / "queue.db")}}


def missing_kubeconfig(running):
    """It is not there."""
    return {"cluster": {"kubeconfig": str(running.folder / "nowhere")}}


def foreign_file(running):
    """The queue's file is something else."""
    path = running.folder / "other.db"
    path.write_bytes(b"no database " * 1000)
    return {"queue": {"path": str(path)}}


@pytest.mark.parametrize(
    ("break_", "said"),
    [
        (taken_port, "server: cannot listen on"),
        (unwritable_folder, "queue folder"),
        (missing_kubeconfig, "nowhere"),
        (foreign_file, "other.db"),
    ],
)
async def test_what_cannot_be_opened_leaves_the_old_configuration(
    running, break_, said
):
    """It is tried before anything is stopped (issue 10, items 2 and 33)."""
    async with Receiver() as receiver:
        running.write(sinks=[hook(receiver)])
        async with running.run():
            lives = list(running.lives._alive)
            running.write(**break_(running))
            line = await running.reload(refused=True)
            assert running.lives._alive == lives
            await running.watches()
            running.emit()
            await receiver.wait_requests(1)

            assert said in line["error"]
            assert await running.metric(SUCCESS) == 0


async def test_a_refused_reload_can_be_followed_by_a_good_one(running):
    """The metric is 1 again (issue 10, item 2)."""
    async with running.run():
        running.write_text("sinks: [")
        await running.reload(refused=True)
        running.write()
        await running.reload()

        assert await running.metric(SUCCESS) == 1


async def test_an_unforeseen_error_never_ends_the_process(running):
    """Its text, which may hold a secret, is not shown (issue 10, item 2)."""

    def read():
        raise RuntimeError("hunter2")

    async with running.run():
        running.lives._read = read
        line = await running.reload(refused=True)

        assert "RuntimeError" in line["error"]
        assert "hunter2" not in line["error"]


async def test_what_was_checked_is_what_is_used(running):
    """A file that becomes invalid after it was read changes nothing (item 2)."""
    reads = []

    def read():
        config = running.read()
        running.write_text("sinks: [")
        reads.append(config)
        return config

    async with running.run():
        running.lives._read = read
        await running.reload()

        assert len(reads) == 1
        assert await running.metric(SUCCESS) == 1


async def test_a_storm_of_signals_is_a_few_reloads(running):
    """60 of them, 7 ms apart; the API is there all the time (issue 10, item 2)."""
    running.write(server={"port": free_port()})
    async with running.run():
        for number in range(60):
            running.lives.reload.set()
            await asyncio.sleep(0.007)
            if number % 6 == 0:
                assert (await running.ask("/livez")).status_code == 200
        await running.watches()

    assert all(one["log_level"] != "error" for one in running.logs)


async def test_a_hanging_sink_stops_nobody_at_a_reload(running):
    """It has an hour of grace; the others go on at once (issue 10, item 3)."""
    async with Receiver(hang) as hanging, Receiver() as healthy:
        running.write(sinks=[hook(hanging, "hangs"), hook(healthy)])
        async with running.run():
            await running.watches()
            running.emit()
            await hanging.wait_requests(1)
            running.write(sinks=[other(hanging, "hangs"), hook(healthy)])
            await running.reload()
            await running.watches()
            running.emit()
            await healthy.wait_requests(2)
            await hanging.wait_requests(2)
            await senders(running).cut()

    bodies = [one.body for one in hanging.requests]
    assert len(set(bodies)) == 2  # the one under way was not sent a second time


async def test_an_attempt_under_way_at_a_reload_is_recorded(running):
    """So it is not repeated: its lease is held until it ends (issue 10, item 3)."""
    release = asyncio.Event()

    async def slow(connection, request):
        await release.wait()
        await answer(204)(connection, request)

    async with Receiver(slow, answer(204)) as receiver:
        running.write(sinks=[hook(receiver)])
        async with running.run():
            await running.watches()
            running.emit()
            await receiver.wait_requests(1)
            running.write(sinks=[other(receiver)])
            await running.reload()
            release.set()
            queue = running.lives._alive[-1].parts.store.queue
            await running.until(lambda: queue.tally("hook").delivered)

            assert (await queue.depth("hook")).waiting == 0
            assert len(receiver.requests) == 1


async def test_an_old_attempt_that_is_cut_goes_back_to_the_queue(running):
    """The new life sends it, though its lease had half an hour left (item 3)."""
    async with Receiver(hang, answer(204)) as receiver:
        running.write(sinks=[hook(receiver)])
        async with running.run():
            await running.watches()
            running.emit()
            await receiver.wait_requests(1)
            running.write(sinks=[other(receiver)])
            await running.reload()
            senders(running)._draining[0].task.cancel()
            await receiver.wait_requests(2)

            assert receiver.requests[0].body == receiver.requests[1].body


async def test_few_senders_of_a_sink_drain_at_a_time(running):
    """The oldest is cut: a storm may not pile up attempts (issue 10, item 3)."""
    async with Receiver(hang) as hanging, running.run():
        for number in range(1, 7):
            running.write(sinks=[hook(hanging, concurrency=number)])
            await running.reload()
            await running.watches()
            running.emit()
            await hanging.wait_requests(number)
        draining = senders(running)._draining
        await running.until(lambda: sum(not o.task.done() for o in draining) <= 3)
        await senders(running).cut()


async def test_a_sink_that_did_not_change_keeps_its_sender(running):
    """So its connections, tokens and breaker live on; a changed one is replaced."""
    async with Receiver() as receiver:
        running.write(sinks=[hook(receiver), hook(receiver, "b")])
        async with running.run():
            before = senders(running).senders
            running.write(sinks=[hook(receiver), other(receiver, "b")], log={})
            await running.reload()
            after = senders(running).senders

    assert after["hook"] is before["hook"]
    assert after["b"] is not before["b"]


def watches(running, *resources):
    """Return how often each of these resources was watched."""
    paths = [one.path for one in running.cluster.requests if "watch" in one.query]
    return [sum(path.endswith(f"/{one}") for path in paths) for one in resources]


PODS = {"name": "pods", "kind": "Pod"}


async def test_readers_whose_settings_stay_go_on_over_a_reload(running):
    """No watch is opened, and the one of a changed source alone is opened again."""
    running.write(sources=[{"name": "events"}, PODS])
    async with running.run():
        await running.watches()
        running.write(grace="5m")
        await running.reload()
        await running.watches()
        same = watches(running, "events", "pods")
        running.write(sources=[{"name": "events"}, {**PODS, "labelSelector": "a"}])
        await running.reload()
        await running.watches()

        assert (same, watches(running, "events", "pods")) == ([1, 1], [1, 2])


async def test_another_cluster_section_makes_all_readers_new(running):
    """The old ones have ended before."""
    async with running.run():
        await running.watches()
        running.write(cluster={**running.document["cluster"], "name": "prod"})
        await running.reload()
        await running.watches()

        assert watches(running, "events") == [2]
        assert len(running.lives._alive[-1].parts.store.readers) == 1


async def test_a_kubeconfig_that_leads_elsewhere_makes_all_readers_new(running):
    """Its path is the same."""
    async with ApiServer() as cluster, running.run():
        await running.watches()
        cluster.kubeconfig(running.folder / "kubeconfig")
        line = await running.reload()
        await running.watches()

        assert line["server"] == cluster.url


async def test_an_attempt_under_way_is_the_only_one_over_a_reload(running):
    """Its sender did not change, so it hears nothing of the reload."""
    release = asyncio.Event()

    async def slow(connection, request):
        await release.wait()
        await answer(204)(connection, request)

    async with Receiver(slow) as receiver:
        running.write(sinks=[hook(receiver)])
        async with running.run():
            await running.watches()
            running.emit()
            await receiver.wait_requests(1)
            await running.reload()
            await running.until(lambda: len(running.lives._alive) == 1)
            release.set()
            queue = running.lives._alive[0].parts.store.queue
            await running.until(lambda: queue.tally("hook").delivered)

    assert len(receiver.requests) == 1


async def test_what_an_old_attempt_says_does_not_close_the_new_gate(running):
    """It was sent under another configuration, which may have been the fault."""
    release = asyncio.Event()

    async def refuse(connection, request):
        await release.wait()
        await answer(401)(connection, request)

    async with Receiver(refuse, answer(204)) as receiver:
        running.write(sinks=[hook(receiver)])
        async with running.run():
            await running.watches()
            running.emit()
            await receiver.wait_requests(1)
            running.write(sinks=[other(receiver)])
            await running.reload()
            release.set()
            await receiver.wait_requests(2)  # at once, not after the minute of a pause
            sinks = (await running.ask("/api/v1/sinks")).json()["items"]

            assert sinks[0]["state"] == "active"


async def test_another_port_is_bound_before_the_old_one_is_left(running):
    """Then the old one is free."""
    old, new = free_port(), free_port()
    running.write(server={"port": old})
    async with running.run():
        left = running.lives._endpoints.current
        running.write(server={"port": new})
        line = await running.reload()
        assert line["api"] == f"http://127.0.0.1:{new}"
        assert (await running.ask("/livez")).status_code == 200
        await left.is_closed.wait()
        with bind("127.0.0.1", old):
            pass


async def test_another_address_on_the_same_port_can_be_had(running):
    """0.0.0.0 is refused as long as we listen on 127.0.0.1 ourselves."""
    port = free_port()
    running.write(server={"port": port})
    async with running.run():
        running.write(
            server={"port": port, "host": "0.0.0.0", "token": {"env": "NONE"}}
        )
        line = await running.reload()

        assert line["api"] == f"http://0.0.0.0:{port}"
        assert (await running.ask("/livez")).status_code == 200


async def test_a_life_that_cannot_begin_leaves_the_old_configuration(
    running, monkeypatch
):
    """Whatever fails after the old life was stopped: it begins again (item 2)."""
    real, failing = SenderSupervisor.apply, []

    async def apply(*parts, **more):
        if failing:
            raise failing.pop()
        await real(*parts, **more)

    monkeypatch.setattr(SenderSupervisor, "apply", apply)
    async with running.run():
        failing.append(QueueError("no luck"))
        line = await running.reload(refused=True)
        await running.said("Old configuration goes on.")
        await running.watches()

        assert line["error"] == "no luck"
        assert await running.metric(SUCCESS) == 0


async def test_the_queue_stays_open_over_a_reload(running):
    """Its new size is in force; nothing was opened or closed."""
    async with running.run():
        queue = running.lives._alive[0].parts.store.queue
        running.write(queue={**running.document["queue"], "maxSize": "64MiB"})
        await running.reload()

        assert running.lives._alive[-1].parts.store.queue is queue
        assert (await queue.storage()).max_bytes == 64 * 1024 * 1024


async def test_another_queue_file_is_opened_beside_the_old_one(running):
    """The old one is closed, and its lock given up, once nobody uses it."""
    async with running.run():
        running.write(queue={"path": str(running.folder / "new.db"), "reserve": "0B"})
        line = await running.reload()
        await running.until(lambda: len(running.lives._alive) == 1)

        assert line["queue"].endswith("new.db")
        with locked_now(running.folder / "queue.db"):
            pass


async def test_a_first_configuration_that_cannot_be_used_is_an_error(running):
    """Nothing goes on then."""
    running.write(**missing_kubeconfig(running))

    with pytest.raises(BaseExceptionGroup) as caught:
        await running.lives.run(running.read())

    assert isinstance(first_cause(caught.value), CredentialsError)


async def test_stop_wins_while_the_lock_is_waited_for(running):
    """Another process owns the queue (issue 10, item 1)."""
    with locked_now(running.folder / "queue.db"):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(running.lives.run(running.read()))
            await asyncio.sleep(0.05)
            running.lives.stop.set()


async def test_stop_wins_while_a_reload_waits_for_a_lock(running):
    """The old life ends too (issue 10, item 1)."""
    with locked_now(running.folder / "new.db"):
        async with running.run():
            running.write(queue={"path": str(running.folder / "new.db")})
            running.lives.reload.set()
            await running.said("Waiting for the queue.")


async def test_stop_wins_while_a_replaced_life_drains(running):
    """Its grace ends with that of the whole process (issue 10, item 1)."""
    async with Receiver(hang) as hanging:
        running.write(sinks=[hook(hanging)], grace="50ms")
        async with running.run():
            await running.watches()
            running.emit()
            await hanging.wait_requests(1)
            running.lives.reload.set()


async def test_stop_wins_at_every_step_of_a_start(running):
    """However far it got, it ends well (issue 10, item 1)."""
    for steps in range(0, 60, 3):
        lives = type(running.lives)(read=running.read, path=running.file)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(lives.run(running.read()))
            for _ in range(steps):
                await asyncio.sleep(0)
            lives.stop.set()

    with locked_now(running.folder / "queue.db"):
        pass


async def test_stop_wins_at_every_step_of_a_reload(running):
    """However far it got, it ends well (issue 10, item 1)."""
    for steps in range(0, 60, 6):
        running.lives = type(running.lives)(read=running.read, path=running.file)
        async with running.run():
            running.lives.reload.set()
            for _ in range(steps):
                await asyncio.sleep(0)

    with locked_now(running.folder / "queue.db"):
        pass


async def test_a_part_that_fails_later_ends_the_process(running):
    """Whoever started it starts it again."""

    async def fail():
        async with running.run():
            queue = running.lives._alive[0].parts.store.queue
            queue._writer._fail(QueueError("the disk is gone"), [])
            await asyncio.Event().wait()

    with pytest.raises(BaseExceptionGroup) as caught:
        await fail()

    assert str(first_cause(caught.value)) == "the disk is gone"


def test_a_port_that_is_taken_is_named():
    """And the error is one of the configuration."""
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            Exception, match=f"cannot listen on 127.0.0.1:{port}"
        ) as one:
            bind("127.0.0.1", port)

    assert one.value.__cause__.errno == errno.EADDRINUSE
    assert SqliteQueue.max_entries
