"""Credentials from a program (client authentication, ExecCredential).

Run here rather than by kubernetes_asyncio, whose `ExecProvider` waits without a limit,
leaves the program behind when it is cancelled, and hangs on a talkative stderr.
"""

import asyncio
import os
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec

from bridge.cluster.session.complaint import one_line, presentable, secret_values
from bridge.cluster.session.credentials import Identity, bearer
from bridge.cluster.session.forms import Exec
from bridge.cluster.session.kubeconfig import KubeconfigEntry
from bridge.cluster.session.program import Ended, run_program
from bridge.errors import CredentialsError

PLUGIN_SECONDS = 60.0
"""A plugin that asks a cloud takes a second; one that asks a person never ends."""

_LEEWAY_SECONDS = 300.0


class _StatusForm(msgspec.Struct, rename="camel"):
    """`status` of an ExecCredential."""

    token: str | None = None
    client_certificate_data: str | None = None
    client_key_data: str | None = None
    expiration_timestamp: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class _CredentialForm(msgspec.Struct, rename="camel"):
    """What a plugin prints."""

    api_version: str = ""
    kind: str = ""
    status: _StatusForm | None = None


async def run_plugin(
    config: Exec, *, entry: KubeconfigEntry, cluster: dict[str, Any] | None = None
) -> Identity:
    """Run an exec plugin and return what it says.

    Args:
        config: What to run; see `check_exec`.
        entry: The user it stands in.
        cluster: What it is told of the cluster, see `exec_cluster`; None: nothing.

    Raises:
        CredentialsError: It cannot be run, fails, takes longer than a minute or
            prints something else. What it wrote to stderr is quoted in part.
    """
    name = f"{entry.field('exec')}: {config.command}"
    command = _command(config.command or "", entry)
    try:
        async with asyncio.timeout(PLUGIN_SECONDS):
            ended = await run_program(
                command, config.args or (), environ=_environment(config, cluster)
            )
    except TimeoutError as error:
        raise CredentialsError(
            f"{name} gave no answer within {PLUGIN_SECONDS:.0f} s"
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a null byte in a word
        why = getattr(error, "strerror", None) or "a word that no program can be given"
        hint = f"; {one_line(config.install_hint)}" if config.install_hint else ""
        raise CredentialsError(f"{name} cannot be run: {why}{hint}") from error
    return _identity(_output(ended, config, name=name), config, name=name)


def _output(ended: Ended, config: Exec, *, name: str) -> bytes:
    if ended.code:
        raise CredentialsError(
            f"{name} ended with {ended.code}: {_complaint(ended, config)}"
        )
    if ended.is_output_cut:
        size = len(ended.output) // 1024
        raise CredentialsError(f"{name}: expected at most {size} KiB of output")
    return ended.output


def _complaint(ended: Ended, config: Exec) -> str:
    text = ended.trouble.decode(errors="replace")
    given = [variable.value for variable in config.env or ()]
    secrets = [*given, *secret_values(os.environ)]
    return presentable(text, secrets=secrets, is_cut=ended.is_trouble_cut)


def _command(command: str, entry: KubeconfigEntry) -> str:
    # As kubectl: a path is relative to the kubeconfig, a bare name is looked up.
    return str(entry.resolve(command)) if "/" in command else command


def _environment(config: Exec, cluster: dict[str, Any] | None) -> dict[str, str]:
    spec: dict[str, Any] = {"interactive": False}
    if cluster is not None:
        spec["cluster"] = cluster
    info = {"kind": "ExecCredential", "apiVersion": config.api_version, "spec": spec}
    named = {variable.name: variable.value for variable in config.env or ()}
    return {
        **os.environ,
        **named,
        "KUBERNETES_EXEC_INFO": msgspec.json.encode(info).decode(),
    }


def _identity(output: bytes, config: Exec, *, name: str) -> Identity:
    try:
        form = msgspec.json.decode(output, type=_CredentialForm)
    except (msgspec.DecodeError, RecursionError) as error:
        why = one_line(str(error))
        raise CredentialsError(f"{name} printed no ExecCredential: {why}") from error
    if form.kind != "ExecCredential":
        raise CredentialsError(f"{name} printed no ExecCredential, but another kind")
    if form.api_version != config.api_version:
        raise CredentialsError(
            f"{name}: expected apiVersion {config.api_version}, "
            f"got {presentable(form.api_version)}"
        )
    status = form.status or _StatusForm()
    certificate, key = status.client_certificate_data, status.client_key_data
    if bool(certificate) != bool(key) or not (status.token or certificate):
        raise CredentialsError(f"{name}: expected a token, or a certificate and key")
    return Identity(
        authorization=_authorization(status.token, name=name),
        certificate=_bytes(certificate),
        key=_bytes(key),
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
