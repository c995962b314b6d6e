"""One mail on its way through the steps of intake: what is known of it so far.

In: what a step found. Out: what the next one needs. Nothing is raised or logged here.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from gateway.intake import advising
from gateway.letters.talks import Correction
from store.spool import Envelope
from store.values import Account, Campaign, Sender


@dataclass(slots=True)
class Work:
    """One mail on its way through the steps."""

    ref: str
    envelope: Envelope
    path: Path  # the file of the mail, behind its envelope: a big one is not kept in memory while its list is written
    answers: AsyncIterator[dict[str, Any]]
    summary: dict[str, Any] = field(default_factory=dict)
    account: Account | None = None
    sender: Sender | None = None
    campaign: Campaign | None = None
    repeated: bool = False
    dead: dict[str, str] = field(default_factory=dict)
    told: advising.Told | None = None  # what others say: DNS of the domain of From, spam filters
    domains: Counter[str] = field(default_factory=Counter)  # of the recipients
    readers: tuple[str, ...] = ()  # further addresses that are told
    habit: bool = False  # the account lets every campaign wait for its author's word
    held: list[dict[str, Any]] = field(default_factory=list)
    turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    correction: Correction | None = None  # of a held campaign, whose place this one takes
    answer: dict[str, Any] | None = None  # why there is no campaign; ends the steps
