"""Programs that print credentials."""

import json
import os
import sys
from datetime import UTC, datetime, timedelta

import pytest

from bridge.cluster.session import exec_plugin
from bridge.cluster.session.exec_plugin import run_plugin
from bridge.cluster.session.kubeconfig import Exec, ExecVariable, KubeconfigEntry
from bridge.errors import CredentialsError

VERSION = "client.authentication.k8s.io/v1"


@pytest.fixture
def entry(tmp_path):
    """The user that the plugin stands in."""
    return KubeconfigEntry(label="users[u]", file=tmp_path / "config")


def python(code, *arguments):
    """A plugin written in Python."""
    return Exec(
        api_version=VERSION, command=sys.executable, args=["-c", code, *arguments]
    )


def printing(**status):
    """A plugin that prints this status."""
    answer = {"apiVersion": VERSION, "kind": "ExecCredential", "status": status}
    return python("import sys; print(sys.argv[1])", json.dumps(answer))


async def test_a_token_is_taken(entry):
    """Without an expiry it is good until it is refused."""
    identity = await run_plugin(printing(token="t"), entry=entry)

    assert identity.authorization == "Bearer t"
    assert identity.renew_after_seconds == float("inf")


async def test_a_certificate_is_taken(entry):
    """Plugins may give a certificate and key instead."""
    plugin = printing(clientCertificateData="cert", clientKeyData="key")

    identity = await run_plugin(plugin, entry=entry)

    assert (identity.authorization, identity.certificate, identity.key) == (
        None,
        b"cert",
        b"key",
    )


@pytest.mark.parametrize(("lives", "renew"), [(3600, 3300), (400, 200), (-10, 1)])
async def test_it_is_run_again_before_the_expiry(entry, lives, renew):
    """Five minutes before, or at half of a short life; never in a hot loop."""
    expires = datetime.now(UTC) + timedelta(seconds=lives)
    plugin = printing(token="t", expirationTimestamp=expires.isoformat())

    identity = await run_plugin(plugin, entry=entry)

    assert identity.renew_after_seconds == pytest.approx(renew, abs=60)


async def test_the_environment_is_extended(entry):
    """`env` of the kubeconfig, and what the protocol says."""
    code = (
        "import json, os; print(json.dumps({'apiVersion': '%s',"
        " 'kind': 'ExecCredential', 'status':"
        " {'token': os.environ['WHO'] + str('KUBERNETES_EXEC_INFO' in os.environ)}}))"
    )
    plugin = python(code % VERSION)
    plugin.env = [ExecVariable(name="WHO", value="me")]

    assert (await run_plugin(plugin, entry=entry)).authorization == "Bearer meTrue"


async def test_a_path_is_relative_to_the_kubeconfig(entry, tmp_path):
    """As kubectl does it."""
    script = tmp_path / "bin" / "plugin"
    script.parent.mkdir()
    script.write_text(f"#!/bin/sh\necho '{json.dumps(ANSWER)}'\n")
    script.chmod(0o755)

    identity = await run_plugin(
        Exec(api_version=VERSION, command="./bin/plugin"), entry=entry
    )

    assert identity.authorization == "Bearer scripted"


ANSWER = {
    "apiVersion": VERSION,
    "kind": "ExecCredential",
    "status": {"token": "scripted"},
}


@pytest.mark.parametrize(
    ("plugin", "message"),
    [
        (python("import sys; sys.exit('log in first')"), "ended with 1: log in first"),
        (python("print('no json')"), "printed no ExecCredential"),
        (printing(), "expected a token, or a cert"),
        (printing(clientCertificateData="c"), "expected a token, or a cert"),
        (printing(token=7), "Expected `str | null`, got `int`"),
        (
            Exec(api_version=VERSION, command="no-such-plugin"),
            "cannot be run: No such file",
        ),
    ],
)
async def test_a_plugin_that_fails_is_an_error(entry, plugin, message):
    """It names the user, the program, and what it said."""
    with pytest.raises(CredentialsError) as caught:
        await run_plugin(plugin, entry=entry)

    assert f"{entry.file}: users[u].exec: {plugin.command}" in str(caught.value)
    assert message in str(caught.value)


async def test_a_plugin_that_hangs_is_given_up_and_ended(entry, monkeypatch, tmp_path):
    """It may wait for a person who is not there."""
    monkeypatch.setattr(exec_plugin, "PLUGIN_SECONDS", 1.0)
    script = f"echo $$ > {tmp_path}/pid; exec sleep 60"
    plugin = Exec(api_version=VERSION, command="sh", args=["-c", script])

    with pytest.raises(CredentialsError, match="gave no answer"):
        await run_plugin(plugin, entry=entry)

    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


async def test_a_plugin_may_say_a_lot(entry):
    """Its stderr is read while it runs."""
    plugin = printing(token="t")
    plugin.args[1] += "; sys.stderr.write('x' * 1_000_000)"

    assert (await run_plugin(plugin, entry=entry)).authorization == "Bearer t"


async def test_what_a_plugin_complains_of_is_shown_without_secrets(entry, monkeypatch):
    """Not those that it was given, and no control characters (issue 10, item 34)."""
    monkeypatch.setenv("CLOUD_PASSWORD", "correct horse")
    plugin = python(
        "import os, sys; sys.exit('\\x1b[31m' + os.environ['KEY'] + '\\x9b'"
        " + os.environ['CLOUD_PASSWORD'] + ' token=abc')"
    )
    plugin.env = [ExecVariable(name="KEY", value="battery staple")]

    with pytest.raises(CredentialsError) as caught:
        await run_plugin(plugin, entry=entry)

    assert str(caught.value).endswith("ended with 1: [31m*** *** token=***")


async def test_a_plugin_that_prints_without_end_is_an_error(entry):
    """An ExecCredential is short (issue 10, item 34)."""
    plugin = python("print('x' * 2_000_000)")

    with pytest.raises(CredentialsError, match="expected at most 1024 KiB of output"):
        await run_plugin(plugin, entry=entry)


async def test_a_plugin_that_is_not_installed_comes_with_its_hint(entry):
    """`installHint`, less what would move a terminal's cursor."""
    hint = "get it\nat \x1b[1mx"
    plugin = Exec(api_version=VERSION, command="no-such", install_hint=hint)

    with pytest.raises(CredentialsError, match=r"No such file .*; get it at \[1mx$"):
        await run_plugin(plugin, entry=entry)


async def test_a_word_that_no_program_can_be_given_is_an_error(entry):
    """A null byte."""
    plugin = Exec(api_version=VERSION, command="sh", args=["a\0b"])

    with pytest.raises(CredentialsError, match="cannot be run: a word that no program"):
        await run_plugin(plugin, entry=entry)


async def test_a_plugin_of_another_version_is_an_error(entry):
    """It would speak of other things by the same names."""
    plugin = printing(token="t")
    plugin.api_version = "client.authentication.k8s.io/v7"

    with pytest.raises(CredentialsError, match=r"v7, got .*/v1"):
        await run_plugin(plugin, entry=entry)
