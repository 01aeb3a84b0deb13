"""Credentials from a program (client authentication, ExecCredential).

Run here rather than by kubernetes_asyncio, whose `ExecProvider` waits without a limit,
leaves the program behind when it is cancelled, and hangs on a talkative stderr.
"""

import asyncio
import json
import os
from asyncio.subprocess import DEVNULL, PIPE
from datetime import UTC, datetime

import msgspec

from bridge.cluster.session.access import Identity, bearer
from bridge.cluster.session.kubeconfig import Entry, Exec
from bridge.errors import CredentialsError

PLUGIN_SECONDS = 60.0
"""A plugin that asks a cloud takes a second; one that asks a person never ends."""

_LEEWAY_SECONDS = 300.0
_TEXT_LIMIT = 256


class _StatusForm(msgspec.Struct, rename="camel"):
    """`status` of an ExecCredential."""

    token: str | None = None
    client_certificate_data: str | None = None
    client_key_data: str | None = None
    expiration_timestamp: datetime | None = None


class _CredentialForm(msgspec.Struct, rename="camel"):
    """What a plugin prints."""

    api_version: str
    status: _StatusForm


async def run_plugin(config: Exec, *, entry: Entry) -> Identity:
    """Run an exec plugin and return what it says.

    Args:
        config: What to run.
        entry: The user it stands in.

    Raises:
        CredentialsError: It cannot be run, fails, takes longer than a minute or
            prints something else. What it wrote to stderr is quoted in part.
    """
    name = f"{entry.field('exec')}: {config.command}"
    try:
        async with asyncio.timeout(PLUGIN_SECONDS):
            return _identity(await _output(config, entry, name=name), config, name=name)
    except TimeoutError as error:
        raise CredentialsError(
            f"{name} gave no answer within {PLUGIN_SECONDS:.0f} s"
        ) from error
    except OSError as error:
        raise CredentialsError(f"{name} cannot be run: {error.strerror}") from error


async def _output(config: Exec, entry: Entry, *, name: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        _command(config.command, entry),
        *(config.args or ()),
        env=_environment(config),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        output, trouble = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        text = " ".join(trouble.decode(errors="replace").split())[:_TEXT_LIMIT]
        raise CredentialsError(f"{name} ended with {process.returncode}: {text}")
    return output


def _command(command: str, entry: Entry) -> str:
    # As kubectl: a path is relative to the kubeconfig, a bare name is looked up.
    return str(entry.resolve(command)) if "/" in command else command


def _environment(config: Exec) -> dict[str, str]:
    info = {
        "apiVersion": config.api_version,
        "kind": "ExecCredential",
        "spec": {"interactive": False},
    }
    named = {variable.name: variable.value for variable in config.env or ()}
    return {**os.environ, **named, "KUBERNETES_EXEC_INFO": json.dumps(info)}


def _identity(output: bytes, config: Exec, *, name: str) -> Identity:
    try:
        form = msgspec.json.decode(output, type=_CredentialForm)
    except msgspec.DecodeError as error:
        raise CredentialsError(
            f"{name} printed no ExecCredential: {str(error)[:_TEXT_LIMIT]}"
        ) from error
    if form.api_version != config.api_version:
        raise CredentialsError(
            f"{name}: expected apiVersion {config.api_version}, got {form.api_version}"
        )
    status = form.status
    if not status.token and not (
        status.client_certificate_data and status.client_key_data
    ):
        raise CredentialsError(f"{name}: expected a token, or a certificate and key")
    return Identity(
        authorization=_authorization(status.token, name=name),
        certificate=_bytes(status.client_certificate_data),
        key=_bytes(status.client_key_data),
        renew_after_seconds=_renew_after_seconds(status.expiration_timestamp),
    )


def _authorization(token: str | None, *, name: str) -> str | None:
    return bearer(token.encode(), field=f"{name}: token") if token else None


def _bytes(text: str | None) -> bytes | None:
    return text.encode() if text else None


def _renew_after_seconds(expires: datetime | None) -> float:
    if expires is None:
        return float("inf")
    left = (expires - datetime.now(UTC)).total_seconds()
    # Half its life for one that lives shorter than the leeway.
    return max(left - _LEEWAY_SECONDS, left / 2, 1.0)
