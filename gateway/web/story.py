"""One recipient's story as the report tells it: every attempt with all that the servers said, and what people did.

In: a recipient, the events of the store and the language. Out: values for the history templates. A reply's class brings
a sentence in plain words (`explain.CLASS`); without one the event's own sentence stands. Pure; raises and logs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gateway import i18n
from gateway.web import encryption
from parsers.useragent import describe
from store.reports import Person, Told
from store.states import Event
from store.values import Campaign

LIMIT = 200  # events shown

_TONES = {
    Event.ACCEPTED: "delivered",
    Event.UNANSWERED: "awaiting",
    Event.TEMPFAILED: "deferred",
    Event.MAILBOX_TEMPFAILED: "error",
    Event.REFUSED: "cancelled",
    Event.EXPIRED: "cancelled",
    Event.STOP: "stopped",
    Event.REPORT_SOFT: "error",
    Event.REPORT_HARD: "cancelled",
    Event.OPEN: "opened",
    Event.CLICK: "clicked",
    Event.UNSUBSCRIBE: "unsubscribed",
    Event.COMPLAIN: "complained",
    Event.SUPPRESSED: "cancelled",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One event, ready to be written: `facts` are (label key, value)."""

    at: int
    code: str
    tone: str
    machine: str  # machine or unsure; empty for a person, or a server of the way
    sentence: str
    facts: tuple[tuple[str, str], ...]
    reply: str


def values(locale: str, campaign: Campaign, person: Person, told: Sequence[Told]) -> dict[str, Any]:
    """The values of the history templates."""
    return {
        "campaign": campaign,
        "person": person,
        "steps": [_step(locale, campaign, one) for one in told[:LIMIT]],
        "cut": LIMIT if len(told) > LIMIT else 0,
        "fields": [
            (name, person.fields[i] if i < len(person.fields) else "")
            for i, name in enumerate(campaign.columns)
            if i != campaign.address_column
        ],
    }


def _step(locale: str, campaign: Campaign, told: Told) -> Step:
    tone = "machine" if told.machine else _TONES[told.event]
    detail = told.detail
    attempt = bool(detail.get("host") or detail.get("ip") or detail.get("asked_by"))
    return Step(
        told.at,
        told.event.code,
        tone,
        _kind(told),
        _sentence(locale, campaign, told),
        _connection(locale, detail) if attempt else _visit(locale, campaign, told),
        str(detail.get("reply", "")),
    )


def _kind(told: Told) -> str:
    return "" if not told.machine else "unsure" if told.detail.get("unsure") else "machine"


def _sentence(locale: str, campaign: Campaign, told: Told) -> str:
    if told.machine:
        return i18n.text(locale, f"event_note.{_kind(told)}")
    reason, since = f"fault.reason.{told.detail.get('reason', '')}", told.detail.get("since")
    if told.event is Event.SUPPRESSED and i18n.has(locale, reason) and isinstance(since, int):
        when = i18n.instant(locale, campaign.timezone, since)
        return i18n.text(locale, "event_note.suppressed_since", when=when, reason=i18n.text(locale, reason))
    explained = f"explain.{told.detail.get('class', '')}"
    if told.event is not Event.ACCEPTED and i18n.has(locale, explained):
        return i18n.text(locale, explained)
    return i18n.text(locale, f"event_note.{told.event.code}")


def _connection(locale: str, detail: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    host, ip = str(detail.get("host", "")), str(detail.get("ip", ""))
    facts = [("history.server", f"{host} ({ip})" if host and ip else host or ip)] if host or ip else []
    if detail.get("local"):
        facts.append(("history.local_ip", str(detail["local"])))
    return (*facts, *encryption.facts(locale, detail))


def _visit(locale: str, campaign: Campaign, told: Told) -> tuple[tuple[str, str], ...]:
    facts = []
    agent = str(told.detail.get("agent", ""))
    if agent:
        known = describe(agent)
        name = known.client or i18n.text(locale, "agent.unknown")
        if known.system:
            name = i18n.text(locale, "agent.on", client=name, os=known.system)
        facts.append(("history.agent", f"{name} · {i18n.text(locale, f'agent.{known.form}')}" if known.form else name))
    link = told.detail.get("link")
    targets = {link["index"]: str(link["target"]) for link in campaign.links}
    if isinstance(link, int) and link in targets:
        facts.append(("history.link", targets[link]))
    why = f"machine.{told.detail.get('why', '')}"
    if told.machine and i18n.has(locale, why):
        facts.append(("history.machine", i18n.text(locale, why)))
    return tuple(facts)
