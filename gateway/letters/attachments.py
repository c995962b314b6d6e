"""What became of a mail's attachments, as its sender reads it in the acknowledgement.

In: the campaign and the summary of its mail. Out: one fact (how many, how heavy, attached or as links), and notes about
what the sender may not expect. Pure; raises nothing.
"""

from __future__ import annotations

from typing import Any

from gateway.i18n import plural, text
from mail.download import size
from store.values import Campaign

Summary = dict[str, Any]


def fact(locale: str, summary: Summary) -> str:
    """How the attachments travel; empty without any."""
    way = summary.get("carriage") or {}
    if not way.get("count"):
        return ""
    how = "links" if way["links"] else "attached"
    if "documents" in summary:
        return text(locale, f"carriage.personal_{how}", size=size(locale, way["each"]))
    return plural(locale, f"carriage.{how}", way["count"], size=size(locale, way["total"]))


def notes(campaign: Campaign, summary: Summary) -> list[str]:
    """Who gets no file, why attachments became links, and how long those work."""
    locale, way = campaign.locale, summary.get("carriage") or {}
    found = []
    if summary.get("without_file"):
        found.append(plural(locale, "note.without_file", summary["without_file"]))
    if way.get("links"):
        if way["why"] != "asked":
            sizes = {"size": size(locale, way["each"]), "limit": size(locale, way["limit"])}
            found.append(text(locale, f"note.links_{way['why']}", **sizes))
        found.append(text(locale, "note.links_kept", days=campaign.options["files_days"]))
    return found
