"""The zones of a message that people click: each link where it stands, with what came of it.

In: the links of a campaign (the same address twice is two zones), the clicks of those who are followed and the clicks of
nobody in particular, by link. Out: values for programs and for the report, in the order of the message. Raises nothing; logs
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def document(
    links: Sequence[Mapping[str, Any]],
    followed: Mapping[int, Mapping[str, int]],
    anonymous: Mapping[int, tuple[int, int]],
) -> list[dict[str, object]]:
    """Every link: its number, part, label and target (tags and all), clicks and people, and what machines did; `anonymous`
    clicks are of people whom nobody follows, so that no number of people is known of them."""
    zones: list[dict[str, object]] = []
    for link in links:
        index = int(link["index"])
        mine, (nobodys, robots) = followed.get(index, {}), anonymous.get(index, (0, 0))
        zones.append(
            {
                "link": index,
                "part": link.get("part", "html"),
                "label": link.get("label", ""),
                "target": link["target"],
                "clicks": mine.get("clicks", 0),
                "people": mine.get("people", 0),
                "anonymous": nobodys,
                "unsure": mine.get("unsure", 0),
                "machine": mine.get("machine", 0) + robots,
            }
        )
    return zones
