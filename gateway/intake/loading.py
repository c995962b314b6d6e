"""The lines of a list become rows: each chunk judged and written in one short transaction.

In: chunks from the reading process, who is suppressed, which domains take no mail. Out: rows of the campaign, and a file
of the lines with their faults for LISTE_corrigee. Raises what the database raises, and Unread from the process.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from gateway.i18n import instant, text
from gateway.intake.corrected import ALL_LINES
from gateway.intake.desk import Desk
from parsers.address import Fault, a_label
from parsers.columns import canonical
from store import campaigns, consents, suppressions
from store.engine import now_ms
from store.suppressions import Suppressed
from store.values import Campaign, NewFault, NewRecipient, Tracked

_YES = frozenset({"oui", "o", "yes", "y", "1", "x", "true", "vrai", "ok"})
_NO = frozenset({"non", "n", "no", "0", "false", "faux", "refus", "refuse", "refusee", "refused", "jamais", "never"})
DUE = 0  # recipients are due at once, for whom the date of their campaign comes first: it may be changed in one row


@dataclass(frozen=True, slots=True)
class Plan:
    """How the lines of one campaign are judged."""

    campaign_id: int
    account_id: int
    locale: str
    zone: str
    attested: bool
    tracking: str  # auto | full | anonymous | none
    dead: Mapping[str, str]
    send_at: int
    hygiene: bool = False  # service mail of an account that watches for inactive addresses
    by: str = ""  # who sent the list
    sender_id: int = 0


@dataclass(slots=True)
class Tally:
    """What the lines amounted to."""

    lines: int = 0
    faults: int = 0
    people: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    modes: Counter[Tracked] = field(default_factory=Counter)
    domains: Counter[str] = field(default_factory=Counter)


def tracked(plan: Plan, said: str, stands: bool | None) -> Tracked:
    """How one person is followed (SPEC 6), by the column Suivi and the register; what is not sure takes the stricter mode.

    Only a plain yes agrees (deliberation 2026-042, §1.4: silence is a refusal), and a refusal on record always wins. Whoever
    refused is not followed by the day of the last open either.
    """
    if plan.tracking == "none":
        return Tracked.NONE
    refused = stands is False or canonical(said) in _NO
    agreed = canonical(said) in _YES if said.strip() else stands or plan.attested
    if agreed and not refused and plan.tracking in ("auto", "full"):
        return Tracked.FULL
    if plan.hygiene and not refused and plan.tracking == "auto":
        return Tracked.HYGIENE
    return Tracked.ANONYMOUS


def word(plan: Plan, address: str, said: str, stands: bool | None, now: int) -> consents.New | None:
    """What the column Suivi adds to the register: a plain yes or no that is news there (§1.7: who, when, what, how)."""
    plain = canonical(said)
    agreed = True if plain in _YES else False if plain in _NO else None
    if agreed is None or stands is agreed or (agreed and stands is False):
        return None
    return consents.New(
        address, agreed, now, "list", f"Suivi : {said.strip()[:100]}", plan.by, campaign_id=plan.campaign_id
    )


async def load(desk: Desk, plan: Plan, chunks: AsyncIterator[dict[str, Any]], copy: Path) -> Tally:
    """Write every chunk of lines; `copy` gets them too, one JSON line each."""
    tally = Tally()
    with copy.open("wb") as file:
        async for chunk in chunks:
            lines = chunk["lines"]
            keys = [line["key"] for line in lines if not line["fault"]]
            async with desk.database.read() as conn:
                known = await suppressions.find(conn, plan.account_id, keys, desk.suppression, now_ms(), plan.sender_id)
                said = await consents.standing(conn, plan.account_id, keys, desk.suppression)
            all_lines = tally.lines <= ALL_LINES  # a longer list comes back with its faults only
            people, bad, copied, words = await asyncio.to_thread(_sort, plan, lines, known, said, all_lines)
            async with desk.database.write() as conn:
                await campaigns.add_rows(conn, plan.campaign_id, people, bad, plan.send_at)
                await consents.record(conn, plan.account_id, words, desk.suppression, now_ms())
            await asyncio.to_thread(file.write, copied)
            tally.lines += len(lines)
            tally.faults += len(bad)
            tally.people += len(people)
            tally.modes.update(person.tracked for person in people)
            tally.domains.update(person.address.rpartition("@")[2] for person in people)
            for fault in bad:
                tally.kinds[fault.kind] = tally.kinds.get(fault.kind, 0) + 1
    return tally


def _sort(
    plan: Plan,
    lines: Sequence[Mapping[str, Any]],
    known: Mapping[str, Suppressed],
    stands: Mapping[str, bool],
    all_lines: bool,
) -> tuple[list[NewRecipient], list[NewFault], bytes, list[consents.New]]:
    now, words = now_ms(), list[consents.New]()
    people: list[NewRecipient] = []
    bad: list[NewFault] = []
    copied: list[bytes] = []
    modes: dict[tuple[str, bool | None], Tracked] = {}
    clean = not known and not plan.dead
    for line in lines:
        number, part, values = line["number"], line["part"], tuple(line["values"])
        said = ""
        kind, detail = ("", "") if clean and not line["fault"] else _fault(plan, line, known)
        if kind:
            bad.append(NewFault(number, part, line["address"], kind, detail, values))
            said = sentence(plan.locale, plan.zone, kind, detail)
        else:
            column, register = line["suivi"], stands.get(line["key"])
            if (mode := modes.get((column, register))) is None:
                mode = modes[column, register] = tracked(plan, column, register)
            new = word(plan, line["address"], column, register, now) if column else None
            words += [new] if new else []
            people.append(NewRecipient(number, part, line["address"], line["key"], line["name"], values, mode))
        if kind or all_lines:
            copied.append(orjson.dumps([_label(number, part), values, said]))
    return people, bad, b"\n".join([*copied, b""]) if copied else b"", words


def _fault(plan: Plan, line: Mapping[str, Any], known: Mapping[str, Suppressed]) -> tuple[str, str]:
    """The kind and the detail of what is wrong with a line; empty when nothing is."""
    if line["fault"]:
        return line["fault"], line["detail"]
    if (found := known.get(line["key"])) is not None:
        return Fault.SUPPRESSED.value, f"{found.reason} {found.at}"
    why = plan.dead.get(a_label(line["address"].rpartition("@")[2]))
    return (Fault.NO_MAIL.value, why) if why else ("", "")


def sentence(locale: str, zone: str, kind: str, detail: str) -> str:
    """What is wrong with a line, as its user reads it."""
    if kind == Fault.SUPPRESSED:
        reason, _, at = detail.partition(" ")
        when = instant(locale, zone, int(at)) if at.isdigit() else ""
        return text(locale, "fault.suppressed", reason=text(locale, f"fault.reason.{reason}"), when=when)
    if kind == Fault.NO_MAIL:
        return text(locale, f"fault.no_mail_{detail}")
    return text(locale, f"fault.{kind}", detail=detail)


async def copy_again(
    campaign: Campaign, known: Sequence[NewFault], chunks: AsyncIterator[dict[str, Any]], copy: Path
) -> None:
    """Write the lines of a campaign that exists already to `copy`, with the faults they had then."""
    locale, zone = campaign.locale, campaign.timezone
    said = {(fault.line, fault.part): sentence(locale, zone, fault.kind, fault.detail) for fault in known}
    with copy.open("wb") as file:
        async for chunk in chunks:
            if chunk["kind"] != "lines":
                continue  # the campaign has its files
            places = [(line["number"], line["part"], line["values"]) for line in chunk["lines"]]
            lines = [orjson.dumps([_label(n, part), values, said.get((n, part), "")]) for n, part, values in places]
            await asyncio.to_thread(file.write, b"\n".join([*lines, b""]))


def _label(number: int, part: int) -> str:
    return f"{number}.{part}" if part else str(number)
