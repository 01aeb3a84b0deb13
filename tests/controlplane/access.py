"""Who may speak to the API server, and the files that let a program do so."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user with a static token; without groups it may do what a Role grants."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    token: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)


def write_tokens(users: Iterable[User], path: Path) -> None:
    """Write the file for kube-apiserver's `--token-auth-file`."""
    lines = (
        f'{user.token},{user.name},{user.uid or user.name},"{",".join(user.groups)}"\n'
        for user in users
    )
    write_secret("".join(lines), path)


def write_kubeconfig(
    path: Path, *, url: str, certificate_authority: Path, user: str, token: str
) -> None:
    """Write a kubeconfig with one cluster, one user and one context."""
    cluster = {"server": url, "certificate-authority": str(certificate_authority)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "kubebridge", "cluster": cluster}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [
            {"name": "kubebridge", "context": {"cluster": "kubebridge", "user": user}}
        ],
        "current-context": "kubebridge",
    }
    write_secret(yaml.safe_dump(config, sort_keys=False), path)


def write_secret(text: str, path: Path) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.new")
    unfinished.touch(mode=0o600)
    unfinished.write_text(text)
    unfinished.replace(path)
