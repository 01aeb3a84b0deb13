"""One kubeconfig, and what both programs make of it."""

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.kubeconfig_matrix.recorder import CERTIFICATES, Seen

NOTHING = None
"""No request comes: a refusal, a question to a person, or a server without trust."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """kubebridge refuses to begin; its error names the key."""

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreachable:
    """kubebridge finds no server that it may speak to; the error has this phase."""

    phase: str


SAME = object()
"""kubectl does what kubebridge does; refusals and failures are `NOTHING`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One row of the matrix.

    In files and environment HTTPS://, HTTP:// and PORT stand for the recording server;
    CA_DATA, CLIENT_DATA and FOLDER for what `Place` puts there.

    Attributes:
        name: What it is about.
        files: Content of each file that KUBECONFIG names; None: it does not exist.
        ours: What kubebridge does.
        theirs: What kubectl does.
        why: Why kubebridge does otherwise; empty: it does the same.
        environ: Added to the environment.
    """

    name: str
    files: tuple[str | None, ...]
    ours: Seen | Refused | Unreachable
    theirs: Any = SAME
    why: str = ""
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def expected_of_kubectl(self) -> Seen | None:
        """What the recording server sees of kubectl."""
        if self.theirs is not SAME:
            return self.theirs
        return self.ours if isinstance(self.ours, Seen) else NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The folder of a case, and where its server is."""

    folder: Path
    port: int

    def write(self, case: Case) -> str:
        """Write the files; return KUBECONFIG."""
        paths = [self.folder / f"config{number}" for number in range(len(case.files))]
        for path, content in zip(paths, case.files, strict=True):
            if content is not None:
                path.write_text(self.filled(content), encoding="utf-8")
        return ":".join(map(str, paths))

    def filled(self, text: str) -> str:
        """Return a text with what only the place knows."""
        known = {
            "HTTPS://": f"https://127.0.0.1:{self.port}",
            "HTTP://": f"http://127.0.0.1:{self.port}",
            "PORT": str(self.port),
            "FOLDER": str(self.folder),
            "CA_DATA": _data("ca.pem"),
            "CLIENT_DATA": _data("client.pem"),
        }
        for name, value in known.items():
            text = text.replace(name, value)
        return text

    def furnish(self) -> None:
        """Put certificates and tokens there."""
        for name in ("ca.pem", "client.pem"):
            (self.folder / name).write_bytes((CERTIFICATES / name).read_bytes())
        ca = (CERTIFICATES / "ca.pem").read_text()
        (self.folder / "comments.pem").write_text(f"# Autorità\n{ca}# Ende\n")
        (self.folder / "garbage.pem").write_text("no certificate")
        (self.folder / "empty").write_text("")
        (self.folder / "token").write_text("from-file\n")
        (self.folder / "netrc").write_text("default login n password hush\n")
        (self.folder / "broken").write_text("machine x login\npassword ???")


def _data(name: str) -> str:
    return base64.b64encode((CERTIFICATES / name).read_bytes()).decode()


TRUST = {"certificate-authority": "ca.pem"}


def config(
    user: object = None, *, cluster: object = (), server="HTTPS://", trust=TRUST, **top
) -> str:
    """Return a kubeconfig with one context; its user has a token, if none is given."""
    login = {"token": "t"} if user is None else user
    there = {"server": server, **trust, **dict(cluster)}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": there}],
        "users": [{"name": "u", "user": login}],
        **top,
    }
    return yaml.safe_dump(content, allow_unicode=True)


def case(name: str, ours: Any, *files: str | None, **more: Any) -> Case:
    """Return a row; without files it is `config()`."""
    return Case(name=name, ours=ours, files=files or (config(),), **more)


TOKEN = Seen(authorization="Bearer t")
"""Seen of the user of `config`."""
