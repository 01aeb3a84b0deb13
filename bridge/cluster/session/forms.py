"""The forms in a kubeconfig (kubernetes.io, kubeconfig v1), null as good as absent."""

from typing import Any

import msgspec


class NamedExtension(msgspec.Struct):
    """One of `clusters[].cluster.extensions`."""

    name: str
    extension: Any = None


class KubeconfigCluster(msgspec.Struct, rename="kebab"):
    """`clusters[].cluster`."""

    server: str | None = None
    certificate_authority: str | None = None
    certificate_authority_data: str | None = None
    insecure_skip_tls_verify: bool | None = None
    tls_server_name: str | None = None
    proxy_url: str | None = None
    disable_compression: bool | None = None
    extensions: list[NamedExtension] | None = None


class ExecVariable(msgspec.Struct):
    """One of `users[].user.exec.env`."""

    name: str = ""
    value: str = ""


class Exec(msgspec.Struct, rename="camel"):
    """`users[].user.exec`: a program that prints credentials."""

    api_version: str | None = None
    command: str | None = None
    args: list[str] | None = None
    env: list[ExecVariable] | None = None
    install_hint: str | None = None
    provide_cluster_info: bool | None = None
    interactive_mode: str | None = None


class KubeconfigUser(msgspec.Struct, rename="kebab"):
    """`users[].user`, less the ways of logging in that are refused."""

    client_certificate: str | None = None
    client_certificate_data: str | None = None
    client_key: str | None = None
    client_key_data: str | None = None
    token: str | None = None
    token_file: str | None = msgspec.field(default=None, name="tokenFile")
    username: str | None = None
    password: str | None = None
    exec: Exec | None = None
    as_: str | None = msgspec.field(default=None, name="as")
    as_uid: str | None = None
    as_groups: list[str] | None = None
    as_user_extra: dict[str, list[str] | None] | None = None
    extensions: Any = None


class KubeconfigContext(msgspec.Struct):
    """`contexts[].context`; its namespace is kubectl's, not ours: sources say where."""

    cluster: str | None = None
    user: str | None = None


class Kubeconfig(msgspec.Struct, rename="kebab"):
    """One file; its entries are looked at when a context leads to them."""

    api_version: str | None = msgspec.field(default=None, name="apiVersion")
    kind: str | None = None
    clusters: list[Any] | None = None
    users: list[Any] | None = None
    contexts: list[Any] | None = None
    current_context: str | None = None
