"""The tables of conversations by mail: who is told about a campaign, which token may still release it, what was decided, and
the links that only read its report.

One row of `talks` a campaign whose author gets letters. Instants are UTC milliseconds. Nothing is raised here.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, text

from store.tables import Id, metadata

WAITS = 253_370_764_800_000  # `next_attempt_at` in year 9999: a recipient who waits for a word of the campaign's author

talks = Table(
    "talks",
    metadata,
    Column("campaign_id", Id, ForeignKey("campaigns.id"), primary_key=True, autoincrement=False),
    Column("author", Text, nullable=False),  # who gets the letters; empty: a machine sent the campaign
    Column("notify", Text, nullable=False, server_default="[]"),  # JSON list of further addresses
    Column("serial", Integer, nullable=False, server_default="1"),  # the one token that may release it
    Column("told", Integer, nullable=False, server_default="1"),  # the newest serial that was mailed to the author
    Column("decided", Text, nullable=False, server_default=""),  # the last order that was obeyed
    Column("decided_at", BigInteger),
    Column("waiting", Integer, nullable=False, server_default="0"),  # recipients whom "only 50" left waiting
    Column("reported_at", BigInteger),  # when the final report was queued
    Column("asked_at", BigInteger),  # when its author was asked about a campaign that is late through our fault
    Index("ix_talks_reported_at", "reported_at"),
)

# habits of an account that has some of its own
account_habits = Table(
    "account_habits",
    metadata,
    Column("account_id", Id, ForeignKey("accounts.id"), primary_key=True, autoincrement=False),
    Column("validation", Boolean, nullable=False, server_default=text("false")),
)

# links that only read a report: of those whom Config names, and of whom it is shared with; the token's hash alone is kept
report_links = Table(
    "report_links",
    metadata,
    Column("campaign_id", Id, ForeignKey("campaigns.id"), primary_key=True, autoincrement=False),
    Column("serial", Integer, primary_key=True, autoincrement=False),  # from 1; 0 is the author's own link
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("address", Text, nullable=False),  # whom it was mailed to
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),  # null: as long as the report is kept
    Column("revoked_at", BigInteger),
)
