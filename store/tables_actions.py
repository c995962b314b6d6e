"""The tables of what people do with campaigns: each action with who and when, and the lists that some of them bring.

One row an action, also while it waits to be confirmed or carried out, so that it is log and queue at once. Instants are UTC
milliseconds. Nothing is raised here.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from store.tables import Id, metadata

_OPEN = text("stage IN ('asked', 'ready')")

actions = Table(
    "actions",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("account_id", Id, nullable=False),
    Column("campaign_id", Id, ForeignKey("campaigns.id"), nullable=False),
    Column("power", Text, nullable=False),  # store.actions.Power
    Column("stage", Text, nullable=False),  # store.actions.Stage
    Column("via", Text, nullable=False),  # by which right: the word of gateway.actions.powers.Hand
    Column("who", Text, nullable=False),  # login or address; empty where only the link is known
    Column("once", Text, nullable=False),  # the same word twice is one action
    Column("wish", Text, nullable=False),  # JSON: what is asked for
    Column("outcome", Text, nullable=False, server_default="{}"),  # JSON: what came of it
    Column("at", BigInteger, nullable=False),
    Column("done_at", BigInteger),
    Column("expires_at", BigInteger),  # until when it may be confirmed
    Column("told_at", BigInteger),  # when the letter that asks for a confirmation was queued
    UniqueConstraint("account_id", "once"),
    Index("ix_actions_campaign_id", "campaign_id"),
    Index("ix_actions_open", "stage", sqlite_where=_OPEN, postgresql_where=_OPEN),
)

# a list that came with an action, until it is carried out
action_lists = Table(
    "action_lists",
    metadata,
    Column("action_id", Id, ForeignKey("actions.id"), primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
)
