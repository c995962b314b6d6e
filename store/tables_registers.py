"""The table of who was taken off a suppression list by hand. Instants are UTC milliseconds. Nothing is raised here."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table, Text

from store.tables import Id, metadata

removals = Table(
    "removals",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
    Column("address", Text, nullable=False),  # empty: it had been erased
    Column("reason", Text, nullable=False),  # for which it stood on the list
    Column("why", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ix_removals_account_id", "account_id", "id"),
)
