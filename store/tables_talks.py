"""The tables of conversations by mail: who is told about a campaign, which token may still release it, and what was decided.

One row a campaign whose author gets letters. Instants are UTC milliseconds. Nothing is raised here.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, Text, text

from store.tables import Id, metadata

WAITS = 253_370_764_800_000  # `next_attempt_at` in year 9999: a recipient who waits for a word of the campaign's author

talks = Table(
    "talks",
    metadata,
    Column("campaign_id", Id, ForeignKey("campaigns.id"), primary_key=True, autoincrement=False),
    Column("author", Text, nullable=False),  # who gets the letters; empty: a machine sent the campaign
    Column("notify", Text, nullable=False, server_default="[]"),  # JSON list of further addresses
    Column("serial", Integer, nullable=False, server_default="1"),  # the one token that may release it
    Column("decided", Text, nullable=False, server_default=""),  # the last order that was obeyed
    Column("decided_at", BigInteger),
    Column("waiting", Integer, nullable=False, server_default="0"),  # recipients whom "only 50" left waiting
    Column("reported_at", BigInteger),  # when the final report was queued
    Index("ix_talks_reported_at", "reported_at"),
)

# habits of an account that has some of its own
account_habits = Table(
    "account_habits",
    metadata,
    Column("account_id", Id, ForeignKey("accounts.id"), primary_key=True, autoincrement=False),
    Column("validation", Boolean, nullable=False, server_default=text("false")),
)
