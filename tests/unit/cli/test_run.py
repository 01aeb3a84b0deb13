"""Verbs that need no running bridge."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import bridge
import bridge.app
import bridge.demo.run
from bridge.config import json_schema
from tests.unit.cli.conftest import invoke

GOOD = "sinks: [{name: hook, url: 'https://u:hunter2@h/x'}, {name: o, type: stdout}]\n"
BAD = "sinks: [{name: hook, url: https://h, timout: 1s}]\ngrce: 1s\n"


@pytest.fixture
def write(tmp_path):
    """Return what writes a configuration and gives its path."""

    def write_(text: str) -> str:
        path = tmp_path / "bridge.yaml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write_


@pytest.mark.parametrize("code", [0, 1, 3])
def test_run_ends_with_the_exit_code_of_the_process(monkeypatch, code):
    """The path is handed on, from -c or from the environment."""
    seen = []

    def main(*, config_path):
        seen.append(config_path)
        return code

    monkeypatch.setattr(bridge.app, "main", main)

    given = invoke("run", "-c", "a.yaml")
    found = invoke("run", env={"KUBEBRIDGE_CONFIG": "b.yaml"})

    assert (given.exit_code, found.exit_code) == (code, code)
    assert seen == [Path("a.yaml"), Path("b.yaml")]


def test_demo_hands_on_what_it_is_told(monkeypatch):
    """And ends with its exit code."""
    seen = {}

    def main(**options):
        seen.update(options)
        return 4

    monkeypatch.setattr(bridge.demo.run, "main", main)

    result = invoke("demo", "--once", "--json", "--kubeconfig", "f", "--context", "c")

    assert result.exit_code == 4
    assert seen == {
        "once": True,
        "as_json": True,
        "kubeconfig": Path("f"),
        "context": "c",
    }


def test_validate_sums_up_what_is_usable(write):
    """A person sees what would run, and no secret."""
    result = invoke("validate", "-c", write(GOOD), "-o", "text")

    assert result.exit_code == 0
    assert "source events: Event in all namespaces" in result.stdout
    assert "sink hook: https://***@h/x" in result.stdout
    assert "sink o: standard output" in result.stdout
    assert "no routes: every event to every sink" in result.stdout


def test_validate_sums_up_routes(write):
    """Each with what it leads to."""
    routes = (
        "routes: [{name: r, sinks: [hook]}, {name: s, filters: [{exact: {reason: b}}]}]"
    )

    result = invoke("validate", "-c", write(GOOD + routes), "-o", "text")

    assert "route r: 0 filters, to hook" in result.stdout
    assert "route s: 1 filters, to all sinks" in result.stdout


def test_validate_gives_a_pipe_the_effective_configuration(write):
    """As JSON, with all defaults and no secret."""
    result = invoke("validate", "-c", write(GOOD))

    answer = json.loads(result.stdout)
    assert (answer["valid"], answer["problems"]) == (True, [])
    assert answer["config"]["grace"] == "20s"
    assert "hunter2" not in result.output


def test_validate_names_every_fault(write):
    """On standard error, each with its place; exit code 2."""
    path = write(BAD)

    result = invoke("validate", "-c", path, "-o", "text")

    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == (
        f"kubebridge: {path}:1:38: sinks[0].timout: unknown key, did you mean "
        "'timeout'?\n"
        f"kubebridge: {path}:2:1: grce: unknown key, did you mean 'grace'?\n"
    )


def test_validate_gives_a_pipe_the_faults_too(write):
    """As JSON on standard output."""
    result = invoke("validate", "-c", write(BAD))

    answer = json.loads(result.stdout)
    assert not answer["valid"]
    assert len(answer["problems"]) == 2


def test_validate_warns_of_certificates_that_nobody_looks_at(write):
    """Of a sink and of its token endpoint (issue 10, item 7)."""
    tls = "tls: {insecureSkipVerify: true}"
    oauth2 = f"{{tokenUrl: 'http://t', clientId: a, clientSecret: {{env: A}}, {tls}}}"
    sink = f"{{name: a, url: 'https://h', {tls}, auth: {{oauth2: {oauth2}}}}}"

    result = invoke("validate", "-c", write(f"sinks: [{sink}]"), "-o", "text")

    assert result.exit_code == 0
    for place in ("sinks[0].tls", "sinks[0].auth.oauth2.tls"):
        assert f"warning: {place}.insecureSkipVerify: any certi" in result.stderr


def test_validate_takes_the_sink_of_the_environment():
    """No file is needed where K_SINK is set."""
    result = invoke("validate", "-o", "text", env={"K_SINK": "http://broker"})

    assert "sink k-sink: http://broker" in result.stdout


def test_validate_warns_of_what_does_nothing(write):
    """Filters that never match, files and variables that are missing (item 14)."""
    text = GOOD + "routes: [{name: r, filters: [{exact: {type: Warning}}]}]\n"
    text += "server: {token: {file: nowhere}}\ncluster: {kubeconfig: nowhere}\n"
    path = write(text)

    result = invoke("validate", "-c", path)

    warnings = json.loads(result.stdout)["warnings"]
    assert result.exit_code == 0
    column = text.splitlines()[1].index("Warning") + 1
    assert f"{path}:2:{column}: routes[0].filters[0].exact.type: never" in warnings[0]
    assert [line.partition(": ")[0] for line in warnings[1:]] == [
        "cluster.kubeconfig",
        "server.token.file",
    ]
    assert all(f"warning: {line}" in result.stderr for line in warnings)


async def test_validate_warns_of_deliveries_that_would_be_left(ask, world, write):
    """A running bridge knows what waits for a sink that is gone."""
    await world.store("a", "b", sinks=("spare",))
    await world.store("c", sinks=("hook",))

    result = await ask("validate", "-c", write(GOOD))

    [warning] = json.loads(result.stdout)["warnings"]
    assert warning.startswith("2 deliveries wait for sink 'spare', which this")
    assert f"warning: {warning}" in result.stderr


def test_schema_prints_the_schema():
    """As it is committed."""
    result = invoke("schema")

    assert json.loads(result.stdout) == json_schema()


@pytest.mark.parametrize(
    ("form", "printed"),
    [
        (["-o", "text"], f"kubebridge {bridge.__version__}"),
        (["-o", "json"], f'{{\n  "version": "{bridge.__version__}"\n}}'),
        ([], f'{{\n  "version": "{bridge.__version__}"\n}}'),
    ],
    ids=["text", "json", "pipe"],
)
def test_version_is_printed_in_the_form_that_is_asked_for(form, printed):
    """A pipe gets JSON."""
    assert invoke("version", *form).stdout.strip() == printed


def python(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a real process."""
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=False
    )


def test_the_module_can_be_run():
    """`python -m bridge` is `kubebridge`; without a verb it explains itself."""
    result = python("-m", "bridge")

    assert result.returncode == 2
    assert "dead-letters" in result.stdout + result.stderr


def test_a_wrong_option_is_a_usage_error():
    """Exit code 2, and no traceback."""
    result = python("-m", "bridge", "run", "--nothing")

    assert result.returncode == 2
    assert "No such option: --nothing" in result.stderr
    assert "Traceback" not in result.stderr


def test_help_imports_nothing_that_is_slow():
    """So it is there at once; verbs import what they need."""
    slow = ("aiohttp", "fastapi", "httpx", "kubernetes_asyncio", "pydantic", "rich")
    program = (
        "import sys, bridge.cli; "
        f"print([name for name in {slow!r} if name in sys.modules])"
    )

    assert python("-c", program).stdout.strip() == "[]"
