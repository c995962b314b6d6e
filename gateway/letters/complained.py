"""The operator hears when the people of a provider complain more than it bears, before it refuses us for that.

In: the counters of store.complaints over the last DAYS days, and what each provider bears (config/providers.toml). Out: one
letter for all that passed it since, at most one in DAYS a provider; without an operator's address it is logged. Raises what
the database raises. Logs operator_told.
"""

from __future__ import annotations

from collections.abc import Sequence

from config.logging import log
from config.providers import Provider, Providers
from gateway.i18n import number, percent, text
from gateway.intake.desk import Desk
from gateway.intake.destinations import watch
from gateway.letters import notice
from gateway.letters.letter import Block, Points, Say
from gateway.letters.notice import Letter
from store import complaints
from store.complaints import Figures
from store.engine import now_ms

DAYS = 7  # over which a rate is taken, and for which nothing more is said of a provider
FEWEST = 3  # complaints: one or two of a small number are no rate
_DAY = 86_400_000


async def tell(desk: Desk) -> int:
    """Tell of what passed its bound; returns how many providers were told of."""
    today = now_ms() // _DAY
    providers = watch(desk.settings.providers_file).current()
    async with desk.database.read() as conn:
        known = await complaints.figures(conn, today - DAYS)
        said = await complaints.told(conn)
    above = _above(known, providers)
    new = [(one, provider) for one, provider in above if today - said.get(one.provider, 0) >= DAYS]
    if not new:
        return 0
    to = desk.settings.gateway.operator
    letter = _letter(desk, to, new) if to else None
    raw = await notice.built(desk, letter) if letter else b""
    async with desk.database.write() as conn:
        await complaints.tell(conn, [one.provider for one, _ in new], today)
        queued = await notice.queue(conn, letter, raw) if letter else None
    for one, _ in new:
        log("operator_told", kind="complaints", place=one.provider, rows=one.complained, notice=queued)
    return len(new)


def _above(known: Sequence[Figures], providers: Providers) -> list[tuple[Figures, Provider]]:
    found = (
        (one, providers.named(one.provider))
        for one in known
        if one.provider and one.delivered and one.complained >= FEWEST
    )
    return [
        (one, provider)
        for one, provider in found
        if provider is not None
        and provider.complaints
        and one.complained * 1_000 >= one.delivered * provider.complaints
    ]


def _letter(desk: Desk, to: str, new: Sequence[tuple[Figures, Provider]]) -> Letter:
    locale = desk.settings.gateway.locale
    lines = [
        text(
            locale,
            "operator.complaints_line",
            provider=provider.name,
            rate=percent(locale, one.complained / one.delivered, 2),
            bears=percent(locale, provider.complaints / 1_000),
            complained=number(locale, one.complained),
            delivered=number(locale, one.delivered),
        )
        for one, provider in new
    ]
    names = ", ".join(provider.name for _, provider in new)
    blocks: list[Block] = [
        Say(text(locale, "operator.complaints_body", days=DAYS)),
        Points(text(locale, "operator.complaints_who"), tuple(lines), "stop"),
        Say(text(locale, "operator.complaints_what")),
    ]
    subject = text(locale, "operator.complaints_subject", providers=names)
    return Letter(to, locale, subject, text(locale, "operator.complaints_title"), blocks, stop=True)
