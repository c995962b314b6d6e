"""The tables of who may send: how an account proves itself, which mails were proved, and how senders and domains were.

Instants are UTC milliseconds. Nothing is raised here.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from store.tables import Id, metadata

# what an account allows beyond the strict rule; no row: nothing
proof_rules = Table(
    "proof_rules",
    metadata,
    Column("account_id", Id, ForeignKey("accounts.id"), primary_key=True, autoincrement=False),
    Column("relaxed", Boolean, nullable=False, server_default=text("false")),
    Column("spf", Boolean, nullable=False, server_default=text("false")),
)

# the Message-IDs of proved mails, for 30 days
proved_mails = Table(
    "proved_mails",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("account_id", Id, nullable=False),
    Column("key", LargeBinary, nullable=False),  # SHA-256 of the Message-ID
    Column("content", LargeBinary, nullable=False),  # SHA-256 of what it said
    Column("at", BigInteger, nullable=False),
    Column("times", Integer, nullable=False, server_default="1"),
    UniqueConstraint("account_id", "key"),
    Index("ix_proved_mails_at", "at"),
)

# senders that were asked by mail whether they are who the account says; the link bears the serial
sender_letters = Table(
    "sender_letters",
    metadata,
    Column("sender_id", Id, ForeignKey("senders.id"), primary_key=True, autoincrement=False),
    Column("serial", Integer, nullable=False),  # of the one link that still counts
    Column("asked_at", BigInteger, nullable=False),
    Column("refused_at", BigInteger),  # the person said that it was not them
)

# domains that an account claims, and those that it proved by a TXT record
domains = Table(
    "domains",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
    Column("domain", Text, nullable=False),  # A-label
    Column("word", Text, nullable=False),  # what the TXT record must say
    Column("created_at", BigInteger, nullable=False),
    Column("verified_at", BigInteger),
    UniqueConstraint("account_id", "domain"),
    # many may claim a domain, one has it
    Index(
        "uq_domains_verified",
        "domain",
        unique=True,
        sqlite_where=text("verified_at IS NOT NULL"),
        postgresql_where=text("verified_at IS NOT NULL"),
    ),
)
