"""Get credentials from an exec plugin (client authentication, ExecCredential).

Run here rather than by kubernetes_asyncio, whose `ExecProvider` waits without a limit,
leaves the program behind when it is cancelled, and hangs on a talkative stderr.
"""

import asyncio
import base64
import os
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Self

import msgspec

from bridge.cluster.session.credentials import Identity, bearer
from bridge.cluster.session.kubeconfig import Exec, KubeconfigCluster, KubeconfigEntry
from bridge.cluster.session.presentable import one_line, presentable, secret_values
from bridge.errors import CredentialsError

PLUGIN_SECONDS = 60.0
"""A plugin that asks a cloud takes a second; one that asks a person never ends."""

_LEEWAY_SECONDS = 300.0


MOST_OUTPUT_BYTES = 1024 * 1024
"""An ExecCredential with a chain of certificates has 10 kB."""

MOST_TROUBLE_BYTES = 16 * 1024
"""So much of standard error is kept; the rest is read and dropped."""

_CHUNK_BYTES = 64 * 1024

_PIPE_BYTES = 1024 * 1024
"""Most that a pipe of Linux holds (fs.pipe-max-size), though 64 kB are usual."""

_REAP_SECONDS = 1.0
"""A process that was killed ends at once, unless the kernel itself hangs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The result of a program.

    Attributes:
        code: Its exit code; negative: the signal that ended it.
        output: The beginning of its standard output.
        trouble: The beginning of its standard error.
        is_output_cut: Whether there was more output.
        is_trouble_cut: Whether there was more on standard error.
    """

    code: int
    output: bytes
    trouble: bytes
    is_output_cut: bool
    is_trouble_cut: bool


async def run_program(
    command: str, arguments: Sequence[str], *, environ: Mapping[str, str]
) -> Ended:
    """Run a program to its end, without standard input.

    Its end is the end of the process that was started: children that it leaves behind
    are not waited for, though they hold its output open, but ended with its process
    group, as is everything when this is cancelled.

    Raises:
        OSError: It cannot be started.
    """
    with ExitStack() as stack:
        output = stack.enter_context(_Pipe(MOST_OUTPUT_BYTES))
        trouble = stack.enter_context(_Pipe(MOST_TROUBLE_BYTES))
        process = await asyncio.create_subprocess_exec(
            command,
            *arguments,
            env=environ,
            stdin=DEVNULL,
            stdout=output.write_end,
            stderr=trouble.write_end,
            start_new_session=True,
        )
        try:
            code = await process.wait()
        finally:
            await _end(process)
        output.drain()
        trouble.drain()
        return Ended(
            code=code,
            output=bytes(output.kept),
            trouble=bytes(trouble.kept),
            is_output_cut=output.is_cut,
            is_trouble_cut=trouble.is_cut,
        )


async def _end(process: Process) -> None:
    """End the process and everything that is left in its group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(TimeoutError):
        async with asyncio.timeout(_REAP_SECONDS):
            await process.wait()


class _Pipe:
    """Reads what is written, so that no writer waits, and keeps the beginning."""

    def __init__(self, limit: int) -> None:
        self.kept = bytearray()
        self.is_cut = False
        self._limit = limit
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)

    def __enter__(self) -> Self:
        asyncio.get_running_loop().add_reader(self._read_end, self._read)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._read_end)
        os.close(self._read_end)
        os.close(self.write_end)

    def drain(self) -> None:
        """Read what the pipe still holds; not more, for a child may write on."""
        for _ in range(1 + _PIPE_BYTES // _CHUNK_BYTES):
            if not self._read():
                break

    def _read(self) -> bool:
        """Read once; return whether there was anything.

        There is no end of file, for this process holds the other end open too.
        """
        try:
            chunk = os.read(self._read_end, _CHUNK_BYTES)
        except BlockingIOError:
            return False
        room = self._limit - len(self.kept)
        self.kept += chunk[:room]
        self.is_cut = self.is_cut or len(chunk) > room
        return True


class _StatusForm(msgspec.Struct, rename="camel"):
    """`status` of an ExecCredential."""

    token: str | None = None
    client_certificate_data: str | None = None
    client_key_data: str | None = None
    expiration_timestamp: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class _CredentialForm(msgspec.Struct, rename="camel"):
    """The output of a plugin."""

    api_version: str = ""
    kind: str = ""
    status: _StatusForm | None = None


async def run_plugin(
    config: Exec, *, entry: KubeconfigEntry, cluster: dict[str, Any] | None = None
) -> Identity:
    """Run an exec plugin and return the identity that it prints.

    Args:
        config: What to run; see `check_exec`.
        entry: The user it stands in.
        cluster: The cluster in its environment, see `exec_cluster`; None: none.

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


_EXTENSION = "client.authentication.k8s.io/exec"


def exec_cluster(
    cluster: KubeconfigCluster, *, authority: bytes | None
) -> dict[str, Any]:
    """Return the form that client-go gives (client.authentication.k8s.io, Cluster).

    Args:
        cluster: As it stands in the kubeconfig.
        authority: The CA bundle, inline or from a file; None: none.
    """
    data = base64.b64encode(authority).decode() if authority else None
    optional = {
        "tls-server-name": cluster.tls_server_name,
        "insecure-skip-tls-verify": cluster.insecure_skip_tls_verify,
        "certificate-authority-data": data,
        "proxy-url": cluster.proxy_url,
        "disable-compression": cluster.disable_compression,
    }
    extensions = {one.name: one.extension for one in cluster.extensions or ()}
    return {
        "server": cluster.server,
        **{key: value for key, value in optional.items() if value},
        "config": extensions.get(_EXTENSION),
    }
