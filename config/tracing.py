"""The way of a mail as OpenTelemetry spans, for whoever names a collector (`[tracing] endpoint`): OTLP over HTTP, in JSON.

In: `begin` once a process; then spans of work that has ended, in UTC ms. Out: POSTs to ENDPOINT/v1/traces in batches, by a
thread of their own, so that nobody waits for a collector. All spans of a campaign are one trace: its id follows from the
campaign's number, so processes that share the database alone agree on it. No span names a person or an address. Without an
endpoint nothing is imported, started or kept; what a collector does not take is dropped. (The SDK would be ten packages with
protobuf, in every installation, for one POST of JSON that the specification describes.) Raises nothing. Logs `failed`, once
an outage. https://opentelemetry.io/docs/specs/otlp/ (JSON Protobuf Encoding)
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import queue
import secrets
import time
from collections.abc import Iterator
from typing import Any

_ROOM = 10_000  # spans that wait at most
_BATCH, _EVERY = 500, 2.0  # spans of one request; seconds between two
_PATIENCE = 5.0  # seconds that a collector gets

_sender: _Sender | None = None


def begin(endpoint: str, domain: str, process: str) -> None:
    """Send the spans of this process to a collector from now on; nothing for an empty endpoint."""
    global _sender
    end()
    if endpoint:
        _sender = _Sender(endpoint, domain, process)
        atexit.register(end)


def on() -> bool:
    """Whether somebody wants spans."""
    return _sender is not None


def end() -> None:
    """Send what waits, within a moment, and stop."""
    global _sender
    if _sender is not None:
        _sender.close()
        _sender = None


def span(trace: str, name: str, start: int, finish: int, *, root: bool = False, **attributes: Any) -> None:
    """One piece of work of a trace ("campaign 3"), instants in UTC ms; the `root` is the parent of all others."""
    if _sender is not None:
        _sender.add(trace, name, start, finish, root, attributes)


class Way:
    """The steps of one mail until it is known what became of it."""

    def __init__(self, ref: str, received_at: int) -> None:
        self._ref, self._received_at = ref, received_at
        self._steps: list[tuple[str, int, int]] = [("spool", received_at, _now())]

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step."""
        start = _now()
        yield
        self._steps.append((name, start, _now()))

    def end(self, campaign: int | None, answer: str = "") -> None:
        """It became a campaign, or got an `answer` that says why not."""
        if on():
            trace = f"campaign {campaign}" if campaign is not None else f"mail {self._ref}"
            told = {"ref": self._ref, "campaign": campaign, "answer": answer or None}
            span(trace, "mail", self._received_at, _now(), root=True, **told)
            for name, start, finish in self._steps:
                span(trace, name, start, finish)


def _now() -> int:
    return time.time_ns() // 1_000_000


class _Sender:
    """The thread that talks to the collector."""

    def __init__(self, endpoint: str, domain: str, process: str) -> None:
        import threading

        self._endpoint, self._domain = endpoint.rstrip("/") + "/v1/traces", domain
        self._resource = _attributes(
            {
                "service.name": "mail2campaign",
                "service.namespace": domain,
                "process": process,
                "process.pid": os.getpid(),
            }
        )
        self._waiting: queue.Queue[dict[str, Any] | None] = queue.Queue(_ROOM)
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="tracing", daemon=True)
        self._thread.start()

    def add(self, trace: str, name: str, start: int, finish: int, root: bool, attributes: dict[str, Any]) -> None:
        """Put a span into the line; a full one drops it."""
        first = self._id(f"{trace} root", 8)
        one = {
            "traceId": self._id(trace, 16),
            "spanId": first if root else secrets.token_hex(8),
            "name": name,
            "kind": 1,  # internal
            "startTimeUnixNano": str(start * 1_000_000),
            "endTimeUnixNano": str(max(start, finish) * 1_000_000),
            "attributes": _attributes(attributes),
        }
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(one if root else one | {"parentSpanId": first})

    def close(self) -> None:
        """Send what waits and end."""
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)
        self._thread.join(_PATIENCE)

    def _id(self, text: str, size: int) -> str:
        return hashlib.sha256(f"{self._domain} {text}".encode()).hexdigest()[: 2 * size]

    def _run(self) -> None:
        ended = False
        while not ended:
            first = self._waiting.get()
            deadline, batch = time.monotonic() + _EVERY, [first]
            while batch[-1] is not None and len(batch) < _BATCH:
                try:
                    batch.append(self._waiting.get(timeout=max(0.0, deadline - time.monotonic())))
                except queue.Empty:
                    break
            ended = batch[-1] is None
            spans = [one for one in batch if one is not None]
            if spans:
                self._post(spans)

    def _post(self, spans: list[dict[str, Any]]) -> None:
        import json
        from urllib.request import Request, urlopen

        scoped = [{"scope": {"name": "mail2campaign"}, "spans": spans}]
        body = {"resourceSpans": [{"resource": {"attributes": self._resource}, "scopeSpans": scoped}]}
        request = Request(self._endpoint, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310 the operator's own
        try:
            with urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310
                answer.read(65_536)
            self._failing = False
        except (OSError, ValueError) as error:
            if not self._failing:
                from config.logging import log

                log("failed", what="tracing", error=error)
            self._failing = True


def _attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Key and value pairs as OTLP writes them; None is left out."""

    def typed(value: Any) -> dict[str, Any]:
        if isinstance(value, bool):
            return {"boolValue": value}
        return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": str(value)}

    return [{"key": key, "value": typed(value)} for key, value in values.items() if value is not None]
