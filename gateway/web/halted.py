"""Which mailbox providers take nothing, or less, from us for now, as the report of a campaign under way tells it.

In: an open connection, a campaign. Out: sentences ("Orange : en pause jusqu'à 16 h 05, 275 en attente : trop de messages à la
fois"), and the same as values for programs. A campaign that is not being sent has none. Raises only what the database raises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from config.providers import Providers
from gateway import i18n
from gateway.letters import expected
from store import accounts, pauses
from store.engine import now_ms
from store.pauses import Kind, Pause
from store.values import Campaign, CampaignState

SHOWN = 8
_UNDER_WAY = (CampaignState.SCHEDULED, CampaignState.SENDING)


async def of(conn: AsyncConnection, campaign: Campaign) -> list[Pause]:
    """The pauses and slow-downs in force, one a site: the longest of its sources."""
    if campaign.state is not CampaignState.SENDING:
        return []
    longest: dict[str, Pause] = {}
    for one in await pauses.active(conn, now_ms()):
        if one.kind is not Kind.NOTE and (one.site not in longest or longest[one.site].until < one.until):
            longest[one.site] = one
    return list(longest.values())[:SHOWN]


async def suspended(conn: AsyncConnection, campaign: Campaign) -> bool:
    """Whether a campaign under way waits because its account is suspended."""
    account = await accounts.get_account(conn, campaign.account_id) if campaign.state in _UNDER_WAY else None
    return account is not None and account.suspended


def sentences(
    locale: str, zone: str, found: Sequence[Pause], now: int, waiting: Mapping[str, int] | None = None
) -> list[str]:
    """One sentence a site, for people; `waiting` tells how many mails wait for a provider, where that is known."""
    return [_sentence(locale, zone, one, now, (waiting or {}).get(one.provider, 0)) for one in found]


def _sentence(locale: str, zone: str, one: Pause, now: int, waiting: int) -> str:
    place_, until = place(locale, one), expected.until(locale, zone, one.until, now)
    if waiting:
        return i18n.plural(
            locale, f"halted.{one.kind.value}_waiting", waiting, site=place_, until=until, why=why(locale, one)
        )
    return i18n.text(locale, f"halted.{one.kind.value}", site=place_, until=until, why=why(locale, one))


def short(locale: str, zone: str, one: Pause, now: int) -> str:
    """The same beside the provider's name."""
    until = expected.until(locale, zone, one.until, now)
    return i18n.text(locale, f"halted.{one.kind.value}_short", until=until, why=why(locale, one))


def document(found: Sequence[Pause]) -> list[dict[str, Any]]:
    """The same for programs; `until` in UTC milliseconds."""
    return [
        {"site": one.site, "provider": one.provider, "kind": one.kind.value, "until": one.until, "reason": one.reason}
        for one in found
    ]


def place(locale: str, one: Pause) -> str:
    """What is paused, by the name that people know."""
    provider = _shipped().named(one.provider)
    if provider is not None and provider.mx:
        return provider.name.partition(",")[0]
    return one.site.partition("#")[0] or i18n.text(locale, "halted.everything")


def why(locale: str, one: Pause) -> str:
    """The reason in a few words."""
    key = f"halted.why_{one.reason}"
    return i18n.text(locale, key if i18n.has(locale, key) else "halted.why_other")


@cache
def _shipped() -> Providers:
    return Providers.load()
