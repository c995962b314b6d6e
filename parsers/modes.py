"""How one recipient is followed: the four modes of SPEC 6, and what each may leave behind.

In and out: one closed word. Nothing is raised; nothing is logged. Paragraphs (§) are those of CNIL deliberation 2026-042 as
docs/data-protection.md lists them; what nobody could verify takes the stricter mode.
"""

from __future__ import annotations

from enum import IntEnum


class Tracked(IntEnum):
    """The mode of one recipient; the numbers are stored and never change."""

    NONE = 0  # asked: no pixel, links as the author wrote them
    FULL = 1  # the person's own consent (§1.4): a pixel and links of their own, with time and device
    HYGIENE = 2  # service mail (§1.3): a pixel of their own that keeps the day of the last open; links as anonymous
    ANONYMOUS = 3  # no consent: one address a link for the whole campaign, nothing that leads to a person

    @property
    def has_own_pixel(self) -> bool:
        """Say whether the mail loads an image of that person's own: then it also carries the way out (§1.5)."""
        return self in (Tracked.FULL, Tracked.HYGIENE)
