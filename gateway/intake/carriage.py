"""How attachments travel: as parts of every mail, or as links to a page of ours (SPEC 3 and 5).

In: what Config asks for, the attachments, how many people get them (and each person's own with a PJ column), the bounds of
the operator. Out: `Carriage`: links or not and why, the figures, and the reasons that hold the campaign: too heavy to be
attached although asked for, or a file that must not be handed out as a download. Pure; raises nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from gateway.intake.personal import NAMED, Personal
from parsers.executables import runs
from parsers.liste import Liste
from parsers.parts import Part

ASKED, HEAVY, VOLUME = "asked", "heavy", "volume"


@dataclass(frozen=True, slots=True)
class Bounds:
    """The operator's settings of [attachments]; sizes in bytes."""

    links_above: int = 1_000_000
    attached_max: int = 10_000_000
    volume_max: int = 5_000_000_000
    keep_days: int = 30


@dataclass(slots=True)
class Carriage:
    """How the attachments of a campaign travel; `why` says by whose wish they are links."""

    count: int = 0  # files
    each: int = 0  # bytes that one person gets at most
    total: int = 0  # bytes of all files
    links: bool = False
    why: str = ""
    limit: int = 0  # the bound that made them links
    held: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Everything but the reasons, for the summary."""
        fields = asdict(self)
        del fields["held"]
        return fields


def bounds(settings: Any) -> dict[str, int]:
    """The bounds as a request to the reading process carries them."""
    return {name: int(getattr(settings, name)) for name in Bounds.__slots__}


def choose(
    asked: str, attachments: Sequence[Part], liste: Liste, own: Personal, request: Mapping[str, Any]
) -> Carriage:
    """Return how the attachments of a campaign travel; `asked` is auto, attached or links."""
    if not attachments:
        return Carriage()
    limits = Bounds(**request.get("attachments", {}))
    total = sum(len(part.data) for part in attachments)
    if liste.pj_column is None:
        each, volume = total, total * liste.lines.good
    else:
        each, volume = own.heaviest, own.volume
    made = Carriage(len(attachments), each, total)
    _decide(made, asked, volume, limits)
    if made.links:
        bad = [part.filename or "?" for part in attachments if runs(part.filename, part.data)]
        if bad:
            more = f" … ({len(bad)})" if len(bad) > NAMED else ""
            made.held.append({"code": "file_runs", "text": ", ".join(bad[:NAMED]) + more})
    return made


def _decide(made: Carriage, asked: str, volume: int, limits: Bounds) -> None:
    heavy, much = made.each > limits.attached_max, volume > limits.volume_max
    if asked == "links":
        made.links, made.why = True, ASKED
    elif asked == "attached":  # the user has decided: only they may decide otherwise
        if heavy:
            made.held.append({"code": "files_heavy", "size": made.each, "limit": limits.attached_max})
        elif much:
            made.held.append({"code": "files_volume", "size": volume, "limit": limits.volume_max})
    elif made.each > limits.links_above:
        made.links, made.why, made.limit = True, HEAVY, limits.links_above
    elif much:
        made.links, made.why, made.limit = True, VOLUME, limits.volume_max
