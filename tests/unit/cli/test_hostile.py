"""What strangers say reaches no terminal as it is: a hostile bridge, and every verb."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import typer

from bridge.cli import app, main, output
from bridge.text.escaping import escape_controls
from tests.unit.cli.conftest import invoke

EVIL = "a\x1b]0;x\x07b\x9b31mc\u202ed\u2066e\x7ff\x08g\u200bh\U000e0041i\ud800j\r\nk"
STEERING = frozenset(EVIL) - frozenset("abcdefghijk\n]0;x31m")
TIME = "2026-01-01T00:00:00Z"

TRY = {"number": 1, "at": EVIL, "durationSeconds": 0.5, "ending": EVIL, "status": 1}
TRY |= {"reason": EVIL, "excerpt": EVIL}
ITEM = {
    "attributes": {"reason": EVIL, "subject": EVIL, "id": EVIL},
    "tries": [TRY],
    "event": {EVIL: EVIL},
    "content": {EVIL: EVIL},
    "lastSuccessAt": TIME,
    "lastErrorAt": TIME,
    "failing": True,
    "configured": True,
    "backlog": 1,
    "outcome": "held",
    "replayed": 1,
    "skipped": 2,
    "purged": 3,
    "kept": 1,
    "oldest": EVIL,
    "listed": [
        {
            "replayed": 1,
            "listed": 1,
            "resource": EVIL,
            "namespace": EVIL,
            "oldest": EVIL,
        }
    ],
}
NAMES = (
    "handle sink state status died id subject stored waiting cluster resource "
    "namespace name fieldSelector labelSelector resourceVersion moved inUse sources "
    "lastProgress "
    "error lastError reason until due kept routes answer"
)
ITEM = dict.fromkeys(NAMES.split(), EVIL) | ITEM
ANSWER = ITEM | {"items": [ITEM], "next": None, "follow": EVIL}
MORE = ANSWER | {"next": EVIL}

CONFIG = "{sources: [{}], sinks: [{name: hook, url: 'http://h'}]}"
VERBS = {
    "send-test": ("hook",),
    "sources list": (),
    "sources objects": ("pods", "--limit", "1"),
    "sinks list": (),
    "sinks pause": ("hook",),
    "sinks resume": ("hook",),
    "sinks purge": ("hook", "--yes"),
    "events list": ("--limit", "1"),
    "events show": ("e1",),
    "events replay": ("hook", "e1"),
    "deliveries list": ("--limit", "1"),
    "deliveries show": ("e1", "hook"),
    "deliveries replay": ("e1", "--to-sink", "hook"),
    "deliveries purge": ("hook", "--yes"),
    "dead-letters list": ("--limit", "1"),
    "dead-letters show": ("d1",),
    "dead-letters replay": ("d1",),
    "dead-letters purge": ("d1", "--yes"),
    "cursors list": (),
    "cursors set": ("c", "1", "--yes"),
    "cursors reset": ("c", "--yes"),
}
WITHOUT_A_BRIDGE = {"run", "demo", "validate", "schema", "version", "doctor", "rbac"}
WITHOUT_A_BRIDGE |= {"queue recover", "convert", "render", "explain", "test"}


class Bridge(ThreadingHTTPServer):
    """Answers everything with `status` and `body`."""

    status = 200
    body = b""

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}"

    def say(self, content: object, status: int = 200) -> None:
        """Give this answer from now on."""
        self.body, self.status = json.dumps(content).encode(), status


class Handler(BaseHTTPRequestHandler):
    """Says what the bridge says."""

    def do_GET(self):
        """Answer, whatever the method."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815  # as the base calls them

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def bridge() -> Iterator[Bridge]:
    """A hostile bridge."""
    with Bridge(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(bridge, verb, *more):
    """Run a verb."""
    return invoke(*verb.split(), *VERBS[verb], *more, "--url", bridge.url)


def assert_harmless(result):
    """Assert that nothing steers a terminal and nothing crashed."""
    assert not STEERING & set(result.output)
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_every_verb_is_tried_here():
    """One that is added later is noticed."""
    command = typer.main.get_command(app)
    verbs = {
        f"{name} {sub}".strip()
        for name, one in command.commands.items()
        for sub in getattr(one, "commands", {"": None})
    }

    assert verbs == set(VERBS) | WITHOUT_A_BRIDGE


@pytest.mark.parametrize("form", ["text", "wide"])
@pytest.mark.parametrize("verb", VERBS)
def test_a_hostile_answer_is_shown_without_its_controls(bridge, verb, form):
    """Escape sequences, C1 and bidi controls are written out (issue 10, item 38)."""
    step = verb.endswith(("replay", "purge")) and verb != "sinks purge"
    bridge.say(ANSWER if step else MORE)

    result = ask(bridge, verb, "-o", form)

    assert_harmless(result)
    assert result.exit_code == (verb == "send-test"), result.output
    if not verb.endswith(("replay", "purge", "pause", "resume", "reset")):
        assert "\\u001b" in result.stdout


@pytest.mark.parametrize(
    "verb", [one for one in VERBS if one.endswith(("list", "show"))]
)
def test_json_means_the_same(bridge, verb):
    """Escaped, not changed (issue 10, item 38)."""
    bridge.say(ANSWER)

    result = ask(bridge, verb, "-o", "json")

    assert_harmless(result)
    shown = json.loads(result.stdout)
    one = shown["items"][0] if verb.endswith("list") else shown
    assert one["reason"] == EVIL


@pytest.mark.parametrize("verb", VERBS)
def test_a_hostile_refusal_is_a_harmless_line(bridge, verb):
    """Exit code 1 (issue 10, item 38)."""
    bridge.say({"error": EVIL}, 422)

    result = ask(bridge, verb)

    assert_harmless(result)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "\\u001b" in result.stderr


SHAPES = (
    [],
    {},
    {"items": [1], "next": "x", "replayed": 1, "purged": 1},
    {"items": [{"attributes": EVIL}], "next": {}},
    {"next": None, "replayed": EVIL, "purged": None, "listed": 5, "oldest": EVIL},
    {"outcome": EVIL, "id": 5, "sink": [EVIL], "reason": 7, "tries": [5]},
)


@pytest.mark.parametrize("shape", SHAPES, ids=ascii)
def test_an_answer_of_any_shape_is_no_traceback(bridge, shape):
    """It is shown or refused with a line (issue 10, items 38 and 42)."""
    bridge.say(shape)

    for verb in VERBS:
        result = ask(bridge, verb, "-o", "text")

        assert_harmless(result)
        assert result.exit_code in {0, 1}, (verb, result.output)


def test_an_answer_that_nobody_can_read_is_no_traceback(bridge):
    """Nested too deeply, or a number of too many digits (issue 10, item 42)."""
    for body in (b"[" * 10**6, b"9" * 10**5, b'"\xff', b""):
        bridge.body, bridge.status = body, 200

        result = ask(bridge, "sinks list")

        assert (result.exit_code, result.stdout) == (1, "")
        assert "expected the API of kubebridge" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("sinks", "pause", "\udcff"),
        ("sinks", "pause", "hook", "--reason", "\udcff"),
        ("events", "list", "--attribute", "id=\udcff"),
        ("send-test", "hook", "--timeout", "nan"),
        ("sinks", "list", "--url", "http://\udcff/"),
        ("sinks", "list", "--url", "http://h/\x00"),
        ("deliveries", "list", "--since", "\udcff"),
        ("deliveries", "list", "--limit", "9" * 5000),
        (EVIL,),
        ("sinks", EVIL),
        ("sinks", "list", f"--{EVIL}"),
        ("sinks", "list", "-o", EVIL),
        ("sinks", "purge", EVIL),
        ("cursors", "set", EVIL, EVIL),
        ("validate", "--config", f"/none/{EVIL}"),
        ("rbac", "--config", f"/none/{EVIL}"),
        ("doctor", "--config", f"/none/{EVIL}"),
        ("run", "--config", f"/none/{EVIL}"),
    ],
    ids=ascii,
)
def test_words_that_make_no_sense_are_a_usage_error(bridge, words):
    """With a line that steers nothing, never a traceback (issue 10, items 38, 42)."""
    bridge.say(ANSWER)

    result = invoke(*words, env={"KUBEBRIDGE_URL": bridge.url})

    assert_harmless(result)
    assert result.exit_code == 2, result.output
    assert result.stderr


def test_a_damaged_file_with_a_hostile_name_is_named_harmlessly(tmp_path):
    """It is the operator's, but perhaps not his invention."""
    path = tmp_path / EVIL.replace("\ud800", "")
    path.write_bytes(b"no database")

    result = invoke("queue", "recover", str(path))

    assert_harmless(result)
    assert result.exit_code == 3


def test_a_crash_is_shown_harmlessly(capsys):
    """A traceback holds whatever was in the text of the error."""
    output.show_crash(RuntimeError, RuntimeError(EVIL), None)

    said = capsys.readouterr().err
    assert said.startswith("RuntimeError: a")
    assert not STEERING & set(said)


def test_a_question_is_asked_harmlessly(monkeypatch):
    """A name in it may be a stranger's."""
    asked = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "confirm", lambda text, **_: asked.append(text))

    output.confirm(EVIL, yes=False)

    assert not STEERING & set(asked[0])


def test_what_is_no_control_stays():
    """Letters of every script, tabs and lines."""
    text = "Zoë\t日本語\nदुनिया 🙂"

    assert escape_controls(text) == text


def test_the_program_shows_crashes_harmlessly(monkeypatch):
    """Whatever the terminal's encoding."""
    monkeypatch.setattr("sys.argv", ["kubebridge", "version"])
    monkeypatch.setattr("sys.excepthook", None)

    with pytest.raises(SystemExit):
        main()

    assert output.sys.excepthook is output.show_crash


def test_validate_and_doctor_ask_a_hostile_bridge_harmlessly(bridge, tmp_path):
    """Whatever it lists (issue 10, item 38)."""
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    for items in ([ITEM], [1], None, [{"name": EVIL, "backlog": True}]):
        bridge.say({"items": items})
        for verb in ("validate", "doctor"):
            words = (verb, "-c", str(path), "--url", bridge.url, "-o", "text")
            result = invoke(*words, env={"KUBECONFIG": "/none"})

            assert_harmless(result)
            assert result.exit_code in {0, 1, 2}, result.output
