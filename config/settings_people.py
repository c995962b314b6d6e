"""Settings about people: how they are followed, how long what is known of them is kept, what accounts may send them.

In: values of the settings file, or of the environment. Out: the sections of config.settings. Raises pydantic's
ValidationError, which config.settings turns into a sentence.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from config.durations import milliseconds
from config.section import Section


class Tracking(Section):
    default: Literal["auto", "anonymous", "none"] = Field("auto", description="auto: by consent; none: never track.")
    aggregate_opens: bool = Field(
        False,
        description="One image, the same for all, counts the opens of anonymous mail. The law is unclear: ask your DPO.",
    )

    settle: str = Field(
        "8s", description="How long a reader must be quiet before what they did is judged: a person, or a program."
    )
    hidden_link: bool = Field(
        True, description="Followed mails carry a link that only programs find, so that scanners give themselves away."
    )
    machines_file: Path | None = Field(
        None, description="More rules by which robots are known, before ours (docs/tracking.md); read when it changes."
    )

    @field_validator("settle")
    @classmethod
    def _duration(cls, value: str) -> str:
        milliseconds(value)
        return value


class Retention(Section):
    report: str = Field(
        "30d", description="After the end of a campaign, all that names its people is erased; its totals stay."
    )
    links: str = Field("395d", description="After the end of a campaign, its links lead nowhere any more (13 months).")
    consent_proof: str = Field(
        "1825d", description="How long words of the consent register outlive newer ones (5 years)."
    )
    set_aside: str = Field("90d", description="How long mails that could not be read, or are the operator's, are kept.")

    @field_validator("report", "links", "consent_proof", "set_aside")
    @classmethod
    def _duration(cls, value: str) -> str:
        if milliseconds(value) <= 0:
            raise ValueError(f"{value!r} must be more than nothing")
        return value


class Limits(Section):
    new_account_per_day: int = Field(
        0, ge=0, description="Recipients a day of a new account, doubled after each clean day; 0: no limit."
    )
    soft_suppression_months: int = Field(
        6, gt=0, le=120, description="Months for which a mailbox that was full in 3 campaigns is not written to."
    )
    pause_after: int = Field(200, gt=0, description="Final answers after which a campaign may pause itself.")
    pause_hard_percent: float = Field(
        5.0, ge=0, le=100, description="Hard bounces in a hundred answers at which a campaign pauses; 0: never."
    )
    pause_complaint_percent: float = Field(
        0.3, ge=0, le=100, description="Complaints in a hundred answers at which a campaign pauses; 0: never."
    )
    list_lines: int = Field(1_000_000, gt=0, description="Lines of one LISTE.")
    reader_seconds: int = Field(120, gt=0, description="CPU seconds that reading one message may take.")
    reader_memory: int = Field(2_000_000_000, gt=0, description="Bytes of memory that reading one message may take.")
