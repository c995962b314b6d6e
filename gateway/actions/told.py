"""Actions in words: what was asked for, by whom, and what came of it, as the report's history and the letters say it.

In: an action, a language, a zone. Out: sentences. A word that this version does not know (written by a newer one) is
shown as it is. Pure; raises nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.actions.powers import Hand
from gateway.i18n import has, instant, number, percent, plural, text
from store.actions import Action, Power, Stage
from store.values import Campaign

_LOGINS = (Hand.READER, Hand.SENDER, Hand.ADMIN)


def what(locale: str, zone: str, action: Action) -> str:
    """What was asked for."""
    wish = action.wish
    match action.power:
        case Power.REPLAY:
            to = text(locale, f"act.to_{wish.get('to', 'all')}")
            at = wish.get("send_at")
            return (
                text(locale, "act.what_replay_at", to=to, at=instant(locale, zone, at))
                if at
                else text(locale, "act.what_replay", to=to)
            )
        case Power.MODIFY:
            return text(locale, "act.what_modify", changes=changes(locale, zone, action))
        case Power.SHARE:
            return plural(locale, "act.what_share", int(wish.get("days", 0)), address=wish.get("address", "…"))
        case Power.REVOKE:
            return text(locale, "act.what_revoke", address=wish.get("address") or f"n° {wish.get('serial', '')}")
        case Power.RELEASE:
            word = f"talk.word_{wish.get('order', '')}"
            return text(locale, "act.what_release", word=text(locale, word) if has(locale, word) else "…")
        case _:
            return text(locale, f"act.what_{action.power.value}")


def changes(locale: str, zone: str, action: Action) -> str:
    """What a modification changes."""
    wish, found = action.wish, list[str]()
    if "send_at" in wish:
        found.append(text(locale, "act.new_date", at=instant(locale, zone, wish["send_at"])))
    if "subject" in wish:
        found.append(text(locale, "act.new_subject", subject=wish["subject"]))
    if "sender" in wish:
        found.append(text(locale, "act.new_sender", sender=wish["sender"]))
    if "list" in wish:
        found.append(text(locale, "act.new_list"))
    return ", ".join(found) or "…"


def by(locale: str, action: Action) -> str:
    """Who asked, and by which right."""
    if action.via in _LOGINS:
        return action.who or text(locale, "act.by_login")
    key = f"act.by_{action.via}"
    said = text(locale, key) if has(locale, key) else action.via
    return f"{action.who} ({said})" if action.who else said


def result(locale: str, action: Action) -> str:
    """What came of it."""
    outcome = action.outcome
    match action.stage:
        case Stage.ASKED:
            return text(locale, "act.result_asked")
        case Stage.READY:
            return text(locale, "act.result_ready")
        case Stage.REFUSED:
            return why(locale, action)
        case Stage.DONE:
            if "cause" in outcome:
                return cause(locale, outcome)
            if "recipients" in outcome:
                return plural(locale, "act.result_campaign", int(outcome["recipients"]), id=outcome.get("campaign", ""))
            if "to" in outcome:
                return text(locale, "act.result_mailed", to=outcome["to"])
            return text(locale, "act.result_done")


def cause(locale: str, outcome: Mapping[str, Any]) -> str:
    """Why something befell a campaign that nobody ordered for it alone."""
    key, count, answers = f"act.cause_{outcome['cause']}", int(outcome.get("count", 0)), int(outcome.get("answers", 0))
    if not has(locale, key):
        return text(locale, "act.result_done")
    share = percent(locale, count / answers if answers else None)
    return text(locale, key, count=number(locale, count), answers=number(locale, answers), share=share)


def why(locale: str, action: Action) -> str:
    """Why an action was not done."""
    outcome = action.outcome
    key = f"act.why_{outcome.get('why', 'failed')}"
    values = {"text": outcome.get("text", ""), "n": number(locale, int(outcome.get("n", 0)))}
    return text(locale, key if has(locale, key) else "act.why_failed", **values)


def effect(locale: str, campaign: Campaign, action: Action) -> str:
    """What confirming an action will do, in a sentence."""
    return text(locale, f"act.effect_{action.power.value}", name=campaign.name)
