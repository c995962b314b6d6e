"""What follows from bad answers: the figures by which addresses are suppressed and campaigns pause themselves.

In: the section [limits] of the settings. Out: one frozen `Rules`, in milliseconds and ratios. Pure; raises nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from config.settings import Limits

MONTH = 30 * 86_400_000 + 37_800_000  # a twelfth of a year, ms


@dataclass(frozen=True, slots=True)
class Rules:
    """When an address is suppressed for a time, and when a campaign pauses itself; a ratio of 0 is never reached."""

    soft_ms: int = 6 * MONTH  # how long a soft cause suppresses, and how long its strikes count
    strikes: int = 3  # campaigns in which a mailbox was full
    pause_after: int = 200  # final answers before rates mean anything
    hard: float = 0.05  # hard bounces to final answers
    complaints: float = 0.003


def of(limits: Limits) -> Rules:
    """The rules that the settings ask for."""
    return Rules(
        soft_ms=limits.soft_suppression_months * MONTH,
        pause_after=limits.pause_after,
        hard=limits.pause_hard_percent / 100,
        complaints=limits.pause_complaint_percent / 100,
    )
