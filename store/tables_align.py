"""The tables of From alignment and advice: what an account wants, what was advised, which addresses are known.

Instants are UTC milliseconds. Nothing is raised here.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, LargeBinary, Table, Text, text

from store.tables import Id, metadata

# rules of an account that has some of its own
account_rules = Table(
    "account_rules",
    metadata,
    Column("account_id", Id, ForeignKey("accounts.id"), primary_key=True, autoincrement=False),
    Column("unaligned", Text, nullable=False, server_default="via"),  # via | hold: a From whose key we have not
    Column("advice_holds", Boolean, nullable=False, server_default=text("false")),
    Column("leaving", Text, nullable=False, server_default="account"),  # account | sender: what unsubscribing leaves
)

campaign_advice = Table(
    "campaign_advice",
    metadata,
    Column("campaign_id", Id, ForeignKey("campaigns.id"), primary_key=True, autoincrement=False),
    Column("findings", Text, nullable=False),  # JSON list
)

# a sample of the addresses that an account has written to, as keyed hashes: whether a list is used for the first time
known_addresses = Table(
    "known_addresses",
    metadata,
    Column("account_id", Id, ForeignKey("accounts.id"), primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, primary_key=True),
    Column("at", BigInteger, nullable=False),
)
