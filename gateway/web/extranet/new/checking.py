"""What would become of a draft if it were sent now: read by the reading process as intake reads it, nothing stored or
sent.

In: the desk, the account, the draft's mail on the disk. Out: a JSON-ready `Check`: counts of the list, what holds it,
advice, the first mails as their recipients would get them. Kept beside the draft until that changes. Raises Unread when
the mail cannot be read, and what the database raises.
"""

from __future__ import annotations

import asyncio
import contextlib
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.findings import listing, sender
from gateway.findings.finding import Finding, from_json, sorted_by_weight
from gateway.intake import advising, alignment, judge
from gateway.intake.desk import Desk
from gateway.intake.loading import sentence
from gateway.letters import answers
from gateway.letters.advice import typos
from gateway.letters.held import reason
from mail.identity import identity
from parsers import mime
from parsers.liste import Fault
from store import accounts, advice, rulings, suppressions, talks
from store.engine import now_ms
from store.spool import Envelope
from store.values import Account

SHOWN = 20  # bad lines that are told one by one
Check = dict[str, Any]


def write(path: Path, pieces: Iterator[bytes], most: int) -> bool:
    """Write the mail where the reading process finds it (behind a first line); False when it is too large."""
    size = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(b"\n")
        for piece in pieces:
            size += len(piece)
            if size > most:
                return False
            file.write(piece)
    return True


async def look(desk: Desk, account: Account, path: Path, locale: str) -> Check:
    """Read the mail at `path` and tell what would become of it."""
    now, size = now_ms(), (await asyncio.to_thread(path.stat)).st_size
    envelope = Envelope("campaign", "", (), "", "web", now, account.id)
    request = judge.request(desk, account, envelope, str(path)) | {"specimen": True}
    counts: Counter[str] = Counter()
    bad: list[list[str]] = []
    async with contextlib.aclosing(desk.readers.ask(request, size)) as found:  # type: ignore[type-var]
        summary: dict[str, Any] = await anext(found)
        if summary["refused"] is not None:
            async for _ in found:
                pass
            said = answers.words(locale, desk.domain, summary["refused"])
            greeting, comma, rest = said.partition(", ")
            return {"refused": (rest[:1].upper() + rest[1:]) if comma and len(greeting) < 10 else said}
        async for chunk in found:
            if chunk["kind"] == "lines":
                await _count(desk, account, chunk["lines"], counts, bad, locale)
    return await _told(desk, account, summary, counts, bad, locale)


async def _count(
    desk: Desk, account: Account, lines: list[dict[str, Any]], counts: Counter[str], bad: list[list[str]], locale: str
) -> None:
    keys = [line["key"] for line in lines if not line["fault"]]
    async with desk.database.read() as conn:
        known = await suppressions.find(conn, account.id, keys, desk.suppression, now_ms())
    for line in lines:
        kind, detail = line["fault"], line["detail"]
        if not kind and (gone := known.get(line["key"])) is not None:
            kind, detail = Fault.SUPPRESSED.value, f"{gone.reason} {gone.at}"
        counts["lines"] += 1
        counts[kind or "good"] += 1
        if kind and len(bad) < SHOWN:
            number = f"{line['number']}.{line['part']}" if line["part"] else str(line["number"])
            bad.append([number, line["address"][:100], sentence(locale, account.timezone, kind, detail)])


async def _told(
    desk: Desk, account: Account, summary: dict[str, Any], counts: Counter[str], bad: list[list[str]], locale: str
) -> Check:
    choices = summary["choices"]
    async with desk.database.read() as conn:
        senders = await accounts.list_senders(conn, account.id)
        habit = await talks.validates(conn, account.id)
    held = [*summary["held"], *judge.held(account, choices), *judge.strangers(desk, choices, senders)]
    found = await _advice(desk, account, summary, counts)
    duplicates, suppressed = counts[Fault.DUPLICATE.value], counts[Fault.SUPPRESSED.value]
    return {
        "refused": "",
        "lines": counts["lines"], "good": counts["good"], "duplicate": duplicates, "suppressed": suppressed,
        "invalid": counts["lines"] - counts["good"] - duplicates - suppressed,
        "bad": bad, "held": [reason(locale, one) for one in held], "typos": list(typos(locale, summary)),
        "advice": [one.as_json(locale) for one in found], "columns": summary["columns"][:30],
        "samples": summary.get("samples", []), "has_html": bool(summary.get("specimen")),
        "specimen": summary.get("specimen", ""), "subject": summary["subject"],
        "waits": habit or choices["validation"] is True,
    }  # fmt: skip


async def _advice(desk: Desk, account: Account, summary: dict[str, Any], counts: Counter[str]) -> list[Finding]:
    """As intake advises (advising.conclude), before there is a campaign."""
    choices = summary["choices"]
    told = await advising.ask(desk, summary, choices["from_address"])
    digests = [digest for address in summary["sample"] for digest in desk.suppression.hashes(address)]
    async with desk.database.read() as conn:
        rules = await rulings.rules_of(conn, account.id)
        known, any_known = await advice.known(conn, account.id, digests), await advice.any_known(conn, account.id)
    way = alignment.way(told.author, counts["good"], rules.unaligned_held)
    house = judge.footer(account)[0]
    who = identity(
        choices["from_name"], choices["from_address"], choices["reply_to"], way is alignment.Way.VIA, desk.domain, house
    )
    found = [*(from_json(one) for one in summary["findings"]), *told.findings]
    found += sender.of_sender(told.author, way, who, desk.domain, desk.signers)
    found += sender.of_answers(who.reply_to)
    found += sender.of_account(account, choices["type"] == "marketing")
    found += listing.of_lines(counts["lines"], counts)
    found += listing.of_use(len(summary["sample"]), known, any_known, bool(summary["asks"]))
    return sorted_by_weight(found)


def page_of(specimen: bytes) -> bytes:
    """The HTML of a mail as a page of its own, its pictures inside."""
    mail = mime.read(specimen)
    html = mail.html or ""
    for part in mail.related:
        if part.content_id and part.content_type.startswith("image/") and len(part.data) < 2_000_000:
            inside = f"data:{part.content_type};base64,{b64encode(part.data).decode()}"
            html = html.replace(f"cid:{part.content_id.strip('<>')}", inside)
    return html.encode("utf-8", "replace")
