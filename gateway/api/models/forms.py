"""Multipart forms, as the description of the API tells them; `gateway.api.handlers.submitting` reads them part by part.

In and out: nothing; these models describe. Nothing is raised.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, WithJsonSchema

from gateway.api.models.common import Asked

File = Annotated[str, WithJsonSchema({"type": "string", "contentMediaType": "application/octet-stream"})]


class CampaignForm(Asked):
    """A message as one raw file (`message`), or in fields; with its list, unless that is attached to the raw message."""

    message: File | None = Field(
        None, description="A whole RFC 5322 message; then none of subject, from, text, html, file."
    )
    sender: str | None = Field(
        None, alias="from", description="`Name <address>` or an address: a sender of the account."
    )
    subject: str | None = None
    text: str | None = None
    html: str | None = None
    file: list[File] = Field(default=[], description="Attachments that everybody gets.")
    liste: File | None = Field(
        default=None, description="The recipients: xlsx, xls, ods, csv, txt … (LISTE of a mail)."
    )
    config: File | None = Field(default=None, description="Other settings, a `key: value` a line (Config of a mail).")
