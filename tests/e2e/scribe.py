"""Writes objects of one kind without a pause, whatever becomes of the API server."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import httpx

from bench.load import event
from tests.controlplane.apiserver import ApiServer
from tests.controlplane.custom import GROUP

Body = dict[str, Any]
_NAMES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What is written, and how etcd and the bridge call it.

    Attributes:
        name: Of the kind, e.g. `ConfigMap`.
        source: What the bridge's configuration says to watch them everywhere.
        path: Of the collection; `{}` is the namespace.
        prefix: Of its keys in etcd.
        make: Returns a new object of a name.
        patches: Return merge patches for the n-th change, one of them is taken.
    """

    name: str
    source: Body
    path: str
    prefix: str
    make: Callable[[str, str], Body]
    patches: tuple[Callable[[int], Body], ...]

    @property
    def plural(self) -> str:
        """Its name in URLs."""
        return self.path.rsplit("/", 1)[1]


def _event(namespace: str, name: str) -> Body:
    return dict(event(namespace, name, "Back-off restarting failed container"))


def _count(number: int) -> Body:
    return {"count": number}


def _series(number: int) -> Body:
    time = f"2026-11-20T10:00:00.{number % 1_000_000:06d}Z"
    return {"series": {"count": number, "lastObservedTime": time}}


def _object(kind: str, api_version: str) -> Callable[[str, str], Body]:
    def make(namespace: str, name: str) -> Body:
        metadata = {"namespace": namespace, "name": name}
        return {"kind": kind, "apiVersion": api_version, "metadata": metadata}

    return make


def _data(number: int) -> Body:
    return {"data": {"number": str(number)}}


def _label(number: int) -> Body:
    return {"metadata": {"labels": {"number": str(number)}}}


EVENTS = Kind(
    name="Event",
    source={"kind": "Event"},
    path="/api/v1/namespaces/{}/events",
    prefix="/registry/events/",
    make=_event,
    patches=(_count, _series),
)

CONFIG_MAPS = Kind(
    name="ConfigMap",
    source={"kind": "ConfigMap"},
    path="/api/v1/namespaces/{}/configmaps",
    prefix="/registry/configmaps/",
    make=_object("ConfigMap", "v1"),
    patches=(_data, _label),
)

WIDGETS = Kind(
    name="Widget",
    source={"kind": "Widget", "apiVersion": f"{GROUP}/v1"},
    path=f"/apis/{GROUP}/v1/namespaces/{{}}/widgets",
    prefix=f"/registry/{GROUP}/widgets/",
    make=_object("Widget", f"{GROUP}/v1"),
    patches=(_data, _label),
)


class Scribe:
    """One kind's writer; `with` runs it in a thread of its own.

    It creates, patches, deletes and creates again objects of few names. What an API
    server that restarts refuses is tried no second time: etcd tells what was written.

    Attributes:
        written: How many requests succeeded.
    """

    def __init__(
        self,
        server: ApiServer,
        kind: Kind,
        *,
        namespace: str,
        seed: int,
        pause_seconds: float = 0.01,
    ) -> None:
        """Bind it to a namespace; nothing is written yet."""
        self._pause_seconds = pause_seconds
        self.written = 0
        self._server = server
        self._kind = kind
        self._namespace = namespace
        self._path = kind.path.format(namespace)
        self._chance = random.Random(f"{seed} {kind.name}")
        self._number = 0
        self._lives: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"scribe {kind.name}")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)

    def _run(self) -> None:
        headers = {"Authorization": f"Bearer {self._server.token()}"}
        with httpx.Client(
            base_url=self._server.url,
            headers=headers,
            verify=self._server.ssl_context(),
            trust_env=False,
            timeout=5,
        ) as client:
            while not self._stop.wait(self._pause_seconds):
                try:
                    self._write(client)
                except httpx.TransportError:
                    self._stop.wait(0.1)

    def _write(self, client: httpx.Client) -> None:
        """Do one thing to one object: mostly patch it, sometimes end it."""
        name = f"{self._kind.plural}-{self._chance.randrange(_NAMES):02d}"
        path = f"{self._path}/{name}"
        self._number += 1
        if name not in self._lives:
            body = self._kind.make(self._namespace, name)
            answer = client.post(self._path, json=body)
            self._lives.add(name)
        elif self._chance.random() < 0.1:
            answer = client.delete(path)
            self._lives.discard(name)
        else:
            patch = self._chance.choice(self._kind.patches)(self._number)
            answer = client.request(
                "PATCH",
                path,
                json=patch,
                headers={"Content-Type": "application/merge-patch+json"},
            )
        self.written += answer.is_success
        if answer.status_code == httpx.codes.NOT_FOUND:
            self._lives.discard(name)
