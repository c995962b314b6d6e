"""`/metrics` for Prometheus: counters of all processes, and how the queue is at this moment.

In: a request from this machine, or with the token of `[metrics]`; a proxy on this machine is told by what it adds to the
request. Out: text, or 404 for everybody else. The queue is asked for at most every FRESH seconds, whoever asks. Raises
nothing that no page foresees; a database that does not answer leaves `mail2campaign_up` at 0.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import time
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from config import metrics
from config.logging import log
from config.metrics import PREFIX
from gateway.backup import taking
from gateway.web import context
from store import health
from store.engine import now_ms
from store.health import Queue

FRESH = 5.0  # seconds
_ANSWER = 5.0  # seconds that the database gets


class Reading:
    """The last look at the queue; one a process."""

    def __init__(self) -> None:
        self._at = -FRESH
        self._queue: Queue | None = None
        self._lock = asyncio.Lock()

    async def queue(self, request: Request) -> Queue | None:
        """The queue as it was FRESH seconds ago at most; None when the database does not answer."""
        async with self._lock:
            if time.monotonic() - self._at >= FRESH:
                self._queue = await self._look(request)
                self._at = time.monotonic()
            return self._queue

    async def _look(self, request: Request) -> Queue | None:
        try:
            async with asyncio.timeout(_ANSWER), context.of(request).db.read() as conn:
                return await health.queue(conn, now_ms())
        except Exception as error:
            log("failed", what="metrics", error=error)
            return None


async def show(request: Request) -> Response:
    """The metrics, for those who may read them."""
    if not allowed(request, request.app.state.metrics_token):
        raise HTTPException(404)
    queue = await request.app.state.metrics.queue(request)
    desk = context.of(request).desk
    data = desk.settings.gateway.data_dir if desk is not None else None
    text = await asyncio.to_thread(metrics.exposition, Moment(queue, data))
    return Response(text, media_type=metrics.MEDIA)


def allowed(request: Request, token: str) -> bool:
    """Whether this reader may see the metrics."""
    return metrics.may_read(request.headers, request.client.host if request.client else "", token)


class Moment:
    """What is true at this moment, as gauges."""

    def __init__(self, queue: Queue | None, data: Path | None) -> None:
        self._queue, self._data = queue, data

    def collect(self) -> Iterator[Metric]:
        """The gauges."""
        version = importlib.metadata.version("mail2campaign")
        build = GaugeMetricFamily(f"{PREFIX}build_info", "The program's version.", labels=["version"])
        build.add_metric([version], 1)
        yield build
        yield _gauge("up", "Whether the database answers.", int(self._queue is not None))
        if self._data is not None:
            yield from _folder(self._data)
        if self._queue is not None:
            yield from _of(self._queue)


def _of(queue: Queue) -> Iterator[Metric]:
    states = GaugeMetricFamily(f"{PREFIX}campaigns", "Campaigns, by state.", labels=["state"])
    for state, n in sorted(queue.campaigns.items()):
        states.add_metric([state], n)
    yield states
    statuses = GaugeMetricFamily(
        f"{PREFIX}recipients", "Recipients of campaigns that have not ended, by status.", labels=["status"]
    )
    for status, n in sorted(queue.recipients.items()):
        statuses.add_metric([status.code], n)
    yield statuses
    yield _gauge("queue_recipients", "Recipients in the queue.", queue.waiting)
    yield _gauge("queue_lag_seconds", "How long the oldest due recipient has waited for a sender.", queue.late / 1000)
    yield _gauge("leased_recipients", "Recipients that senders hold.", queue.leased)
    yield _gauge("notices_waiting", "System mails in the queue.", queue.notices)
    yield _gauge("notices_lag_seconds", "How long the oldest due system mail has waited.", queue.notices_late / 1000)
    yield _gauge("hits_waiting", "Pixels and clicks that are not judged yet.", queue.hits)
    yield _gauge("senders", "Sender processes that gave a sign of life within 20 seconds.", queue.senders)
    yield _gauge("sites_paused", "Sites that take nothing for now.", queue.pauses)


def _folder(data: Path) -> Iterator[Metric]:
    spool = GaugeMetricFamily(f"{PREFIX}spool_mails", "Mails in the folders of the spool.", labels=["folder"])
    for name in ("new", "shunt", "postmaster", "restored"):
        folder = data / "spool" / name
        n = sum(1 for path in folder.iterdir() if path.suffix != ".txt") if folder.is_dir() else 0
        spool.add_metric([name], n)
    yield spool
    last = taking.last(data)
    yield _gauge(
        "last_backup_timestamp_seconds", "When the last backup was taken; 0: never.", last["at"] if last else 0
    )


def _gauge(name: str, text: str, value: float) -> Metric:
    gauge = GaugeMetricFamily(PREFIX + name, text)
    gauge.add_metric([], value)
    return gauge
