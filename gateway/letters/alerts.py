"""What the operator must know at once: remote servers that refuse us.

In: pauses that senders wrote down. Out: one letter for those that came together (setting `[gateway] operator`), queued in
the transaction that marks them told; without an operator's address they are logged. What a reply means comes from the
providers file, else from the class of the reply; links are those of the reply itself and of the rule. Raises what the
database raises. Logs operator_told.
"""

from __future__ import annotations

import re

from config.logging import log
from config.providers import Providers, Rule
from gateway.i18n import has, instant, plural, text
from gateway.intake.desk import Desk
from gateway.letters import notice
from gateway.letters.letter import Block, Button, Facts, Points, Say
from gateway.letters.notice import Letter
from store import alerts
from store.alerts import Pause
from store.engine import now_ms

AT_ONCE = 200  # pauses told in one letter
SHOWN = 20  # of them, those that are explained
EVERY = 60_000  # ms between two letters: a block list makes many servers refuse us at once
_LINK = re.compile(r"https?://[^\s<>\"'()\[\]]{4,300}")


class Alerts:
    """Tells the operator of pauses; one a gateway."""

    def __init__(self, desk: Desk, providers: Providers | None = None) -> None:
        self._desk = desk
        self._providers = providers or Providers.load()
        self._told_at = 0

    async def tell(self, now: int | None = None) -> int:
        """Tell of what is new, at most once in EVERY; returns how many pauses were told."""
        now = now_ms() if now is None else now
        if now - self._told_at < EVERY:
            return 0
        async with self._desk.database.read() as conn:
            found = await alerts.untold(conn, now, AT_ONCE)
        if not found:
            return 0
        to = self._desk.settings.gateway.operator
        letter = self._letter(to, found) if to else None
        raw = await notice.built(self._desk, letter) if letter else b""
        sent = None
        async with self._desk.database.write() as conn:
            done = await alerts.told(conn, found)
            if letter and done:
                sent = await notice.queue(conn, letter, raw)
        for one in done:
            log(
                "operator_told", kind="pause", place=one.site, source=one.address, until=one.until,
                reply=one.reply, why=one.reason, notice=sent,
            )  # fmt: skip
        self._told_at = now
        return len(done)

    def _letter(self, to: str, found: list[Pause]) -> Letter:
        gateway = self._desk.settings.gateway
        locale, first = gateway.locale, found[0]
        if len(found) == 1:
            subject = text(locale, f"operator.{first.kind}_subject", place=_place(first), source=_source(locale, first))
        else:
            subject = plural(locale, "operator.pauses_subject", len(found))
        blocks: list[Block] = []
        for one in found[:SHOWN]:
            blocks += self._blocks(locale, gateway.timezone, one)
        if len(found) > SHOWN:
            blocks.append(Say(plural(locale, "operator.pauses_more", len(found) - SHOWN)))
        return Letter(to, locale, subject, text(locale, "operator.pause_title"), blocks, stop=True)

    def _blocks(self, locale: str, zone: str, one: Pause) -> list[Block]:
        until, source = instant(locale, zone, one.until), _source(locale, one)
        body = f"{one.kind}_body" if one.site or one.kind != "pause" else "pause_whole"
        facts = [
            ("site", one.site), ("provider", self._name(one)), ("source", source),
            ("since", instant(locale, zone, one.since)), ("until", until if one.kind != "note" else ""),
        ]  # fmt: skip
        reply = one.reply or text(locale, "operator.no_reply")
        rule = self._rule(one)
        blocks: list[Block] = [
            Say(text(locale, f"operator.{body}", place=_place(one), source=source, until=until)),
            Facts(tuple((text(locale, f"operator.fact_{name}"), value) for name, value in facts if value)),
            Points(text(locale, "operator.reply"), (reply,), "stop"),
        ]
        if meaning := _meaning(locale, one, rule):
            blocks.append(Points(text(locale, "operator.means"), (meaning,)))
        blocks += [Button(text(locale, "operator.link"), link) for link in _links(one, rule)]
        return blocks

    def _rule(self, one: Pause) -> Rule | None:
        provider = self._providers.named(one.provider) or self._providers.default
        known = (rule for rule in (*provider.rules, *provider.generic) if rule.id == one.rule)
        return next(known, None) or provider.rule(" ".join(one.reply.split()))

    def _name(self, one: Pause) -> str:
        provider = self._providers.named(one.provider) if one.provider else None
        return provider.name if provider and provider is not self._providers.default else ""


def _place(one: Pause) -> str:
    return one.site or one.provider or "*"


def _source(locale: str, one: Pause) -> str:
    return one.address or text(locale, "operator.any_source")


def _meaning(locale: str, one: Pause, rule: Rule | None) -> str:
    if rule is not None:
        return rule.fr if locale == "fr" else rule.en
    return text(locale, f"explain.{one.reason}") if has(locale, f"explain.{one.reason}") else ""


def _links(one: Pause, rule: Rule | None) -> list[str]:
    """The first link of the reply and the first of the rule's source: where a block is asked to be lifted."""
    found = [_LINK.search(words) for words in (one.reply, rule.source if rule else "")]
    return list(dict.fromkeys(link.group().rstrip(".,;:") for link in found if link))
