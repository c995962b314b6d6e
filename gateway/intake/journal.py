"""What intake writes down about campaigns and their acknowledgements: in the log, and for the program that sent the mail.

In: a campaign and the reference of its mail. Out: lines of the log: campaign_created, campaign_held, mail_answered,
mail_ignored; what a program finds under the id that it was given. Raises what the database raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.logging import log
from gateway.intake.desk import Desk
from store import submissions
from store.spool import Envelope
from store.values import Campaign


async def submitted(
    desk: Desk, envelope: Envelope, campaign: Campaign | None, refused: Mapping[str, Any] | None
) -> None:
    """Tell the program that sent a mail by the API what became of it."""
    if envelope.submission is not None:
        async with desk.database.write() as conn:
            await submissions.settle(conn, envelope.submission, campaign.id if campaign else None, refused)


def created(ref: str, made: Campaign) -> None:
    """A campaign exists, and may be held."""
    log(
        "campaign_created",
        ref=ref,
        account=made.account_id,
        campaign=made.id,
        state=made.state.value,
        lines=made.lines,
        invalid=made.invalid,
        duplicate=made.duplicate,
        suppressed=made.suppressed,
        recipients=made.recipients,
    )
    if made.held:
        log("campaign_held", ref=ref, campaign=made.id, reasons=[reason["code"] for reason in made.held])


def answered(ref: str, account: int | None, sent: int | None) -> None:
    """An acknowledgement was queued, or (None) its mail was a machine's."""
    if sent is None:
        log("mail_ignored", ref=ref, kind="acknowledgement")
    else:
        log("mail_answered", ref=ref, kind="acknowledgement", account=account, notice=sent)
