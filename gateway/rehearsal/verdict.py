"""Is everything as it should be at the end of the demo?

In: the report's JSON, the scripted internet's own counts, the acknowledgement, and what was foreseen. Out: one `Check`
for each promise, good or with what was expected and found instead; the summary that is written as JSON. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.rehearsal.cast import Expected
from gateway.rehearsal.correspondence import Acknowledgement

WAITING = ("queued", "awaiting", "deferred")  # nobody is left in these when the campaign has ended
_PEOPLE = ("opened", "clicked", "unsubscribed", "complained")


@dataclass(frozen=True, slots=True)
class Check:
    """One promise: `name` is its text's key under demo.check, `values` what stands in it."""

    name: str
    expected: object
    found: object
    values: Mapping[str, object] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Tell whether the promise was kept."""
        return self.expected == self.found


def checks(ledger: Mapping[str, Any], told: Mapping[str, Any], ack: Acknowledgement, due: Expected) -> list[Check]:
    """Compare everything with everything."""
    receivers, people = told["receivers"], told["people"]
    statuses = ledger["statuses"]
    parts = {name: ledger[name] for name in ("lines", "invalid", "duplicate", "suppressed", "recipients")}
    late = max(0, due.invalid + due.dead - ledger["invalid"])  # dead domains that DNS told too late for the reading
    foreseen = {code: due.statuses.get(code, 0) + (late if code == "cancelled" else 0) for code in statuses}
    received = receivers.get("received", 0)
    repeats = receivers.get("repeats", 0)  # a mail that was opened meanwhile is known to have come: no repeat
    bounced = people.get("bounced", 0)
    kept = sum(statuses[code] for code in ("delivered", *_PEOPLE)) + bounced
    measured = {name: ledger["measures"].get(name, 0) for name in _PEOPLE}
    done = {name: people.get(name, 0) for name in _PEOPLE}
    line_figures = {"lines": due.lines, "duplicate": due.duplicate, "recipients": due.recipients + late}
    return [
        Check("equation", ledger["lines"], sum(parts.values()) - ledger["lines"], parts),
        Check("sum", ledger["recipients"], sum(statuses.values()), parts),
        Check("list", line_figures, {name: ledger[name] for name in line_figures}),
        Check("statuses", foreseen, dict(statuses)),
        Check("received", (due.received, kept), (received, received), {"received": received}),
        Check("duplicates", (0, True), (receivers.get("duplicates", 0), repeats <= due.repeats), {"repeats": repeats}),
        Check(
            "dkim",
            {"verified": received, "failed": 0},
            {name: receivers.get(f"dkim_{name}", 0) for name in ("verified", "failed")},
            {"verified": receivers.get("dkim_verified", 0), "received": received},
        ),
        Check("people", ({name: getattr(due, name) for name in _PEOPLE}, done), (done, measured)),
        Check("acknowledgement", (True, True), (bool(ack.report), "LISTE_corrigee.xlsx" in ack.attachments)),
        Check("surprises", 0, people.get("surprises", 0)),
    ]


def summary(
    ledger: Mapping[str, Any], told: Mapping[str, Any], ack: Acknowledgement, seconds: float, failed: list[str]
) -> dict[str, Any]:
    """Return what demo/summary.json holds."""
    return {
        "report": ack.report,
        "ledger": dict(ledger),
        "receivers": {**told["receivers"], "houses": told["houses"]},
        "acknowledgement": {
            "from": ack.sender,
            "subject": ack.subject,
            "seconds": round(seconds, 2),
            "attachments": list(ack.attachments),
            "text": ack.text,
        },
        "events": {name: told["people"].get(name, 0) for name in _PEOPLE},
        "failed": failed,
    }
