"""What spam filters think of a campaign's first mail: SpamAssassin (spamd, its own protocol) and rspamd (HTTP /checkv2).

In: the mail's bytes, the settings. Out: a finding for each filter that answered in time; a filter that is away, slow or not
understood gives none and is logged as failed. Raises nothing but CancelledError.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable
from dataclasses import dataclass

import orjson

from config.durations import milliseconds
from config.logging import log
from config.section import split_hostport
from config.settings_advice import Advice
from gateway.findings.finding import Finding, Where
from mail.fetch import Client, Fetched

_ANSWER = 200_000  # bytes
_NEAR = 0.6  # of the limit
_RULES = 3
_SPAM = re.compile(rb"^Spam:\s*(?:True|False|Yes|No)\s*;\s*(-?[0-9.]{1,12})\s*/\s*(-?[0-9.]{1,12})\s*$", re.I | re.M)
_NAME = re.compile(r"[A-Z0-9_]{2,60}")


@dataclass(frozen=True, slots=True)
class Score:
    """What a filter says: its points, the limit from which it is spam, the rules that gave most."""

    tool: str
    points: float
    limit: float
    rules: tuple[str, ...] = ()


async def of_mail(raw: bytes, settings: Advice, client: Client) -> list[Finding]:
    """Ask the filters that the settings name, at once."""
    patience = milliseconds(settings.spam_timeout) / 1000
    asked = []
    if settings.spamd and raw:
        asked.append(_bounded("spamd", _spamd(raw, *split_hostport(settings.spamd)), patience))
    if settings.rspamd and raw:
        asked.append(_bounded("rspamd", _rspamd(raw, client, *split_hostport(settings.rspamd)), patience))
    return [finding(score) for score in await asyncio.gather(*asked) if score is not None]


def finding(score: Score) -> Finding:
    """What a score says of the mail."""
    limit = max(score.limit, 0.1)
    code = "spam_high" if score.points >= limit else "spam_near" if score.points >= _NEAR * limit else "spam_low"
    rules = ", ".join(score.rules) or "–"
    values: dict[str, str | int | float] = {
        "tool": score.tool,
        "score": score.points,
        "limit": score.limit,
        "rules": rules,
    }
    return Finding(code, Where.MESSAGE, values)


async def _bounded(what: str, asking: Awaitable[Score], patience: float) -> Score | None:
    try:
        async with asyncio.timeout(patience):
            return await asking
    except (TimeoutError, OSError, ValueError, asyncio.IncompleteReadError) as error:
        log("failed", what=what, error=type(error).__name__)
        return None


async def _spamd(raw: bytes, host: str, port: int) -> Score:
    """Protocol SPAMC/1.5, command SYMBOLS: the score in a header, the names of the rules in the body."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(b"SYMBOLS SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(raw))
        writer.write(raw)
        await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()
        answer = b""
        while len(answer) < _ANSWER and (piece := await reader.read(16_384)):
            answer += piece
    finally:
        writer.transport.abort()
    return read_spamd(answer)


def read_spamd(answer: bytes) -> Score:
    """Read spamd's answer; ValueError when it is none."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(b"\r\n")[0].split()
    found = _SPAM.search(head.replace(b"\r\n", b"\n"))
    if len(status) < 2 or not status[0].startswith(b"SPAMD/") or status[1] != b"0" or found is None:
        raise ValueError("spamd did not give a score")
    rules = [name for name in body.decode("ascii", "replace").strip().split(",") if _NAME.fullmatch(name)]
    return Score("SpamAssassin", float(found[1]) + 0.0, float(found[2]), tuple(rules[:_RULES]))


async def _rspamd(raw: bytes, client: Client, host: str, port: int) -> Score:
    answer = await client.ask_peer(host, port, "/checkv2", raw, _ANSWER)
    if not isinstance(answer, Fetched) or answer.status != 200:
        raise ValueError("rspamd did not answer")
    return read_rspamd(answer.body)


def read_rspamd(body: bytes) -> Score:
    """Read rspamd's answer; ValueError when it is none."""
    found = orjson.loads(body)
    if not isinstance(found, dict) or not all(
        isinstance(found.get(name), int | float) for name in ("score", "required_score")
    ):
        raise ValueError("rspamd did not give a score")
    symbols = found.get("symbols")
    points = {
        name: float(one["score"])
        for name, one in (symbols.items() if isinstance(symbols, dict) else ())
        if _NAME.fullmatch(name) and isinstance(one, dict) and isinstance(one.get("score"), int | float)
    }
    worst = sorted((name for name in points if points[name] > 0), key=lambda name: -points[name])[:_RULES]
    rules = tuple(f"{name} {points[name]:.1f}" for name in worst)
    return Score("rspamd", float(found["score"]), float(found["required_score"]), rules)
