"""What intake writes into the log about campaigns and their acknowledgements.

In: a campaign and the reference of its mail. Out: lines of the log: campaign_created, campaign_held, mail_answered,
mail_ignored. Raises nothing.
"""

from __future__ import annotations

from config.logging import log
from store.values import Campaign


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
