"""The tables of what people do with a mail: hits that wait to be judged, and counters by software and by link.

Instants are UTC milliseconds. No address of a reader's machine is kept anywhere. Nothing is raised here.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, SmallInteger, Table, Text

from store.tables import Id, _id, metadata

# durable before their answer, judged together some seconds later (parsers.bursts), and then gone
hits = Table(
    "hits",
    metadata,
    _id(),
    Column("recipient_id", Id, nullable=False, index=True),
    Column("at", BigInteger, nullable=False),
    Column("link", SmallInteger, nullable=False),  # parsers.bursts.PIXEL for an open
    Column("agent", Text, nullable=False),
    Column("reason", Text, nullable=False),  # why the request alone was a machine's; empty for a person
    Column("sure", Boolean, nullable=False),
)

# hits of people by what they read with
agent_counts = Table(
    "agent_counts",
    metadata,
    Column("campaign_id", Id, ForeignKey("campaigns.id"), primary_key=True, autoincrement=False),
    Column("kind", SmallInteger, primary_key=True),  # store.states.Event: OPEN or CLICK
    Column("system", Text, primary_key=True),
    Column("form", Text, primary_key=True),  # phone, tablet, computer or empty
    Column("client", Text, primary_key=True),
    Column("n", BigInteger, nullable=False),
)

# clicks by link: the same address twice in a mail is two links
link_counts = Table(
    "link_counts",
    metadata,
    Column("campaign_id", Id, ForeignKey("campaigns.id"), primary_key=True, autoincrement=False),
    Column("link", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),  # clicks, people, machine, unsure
    Column("n", BigInteger, nullable=False),
)
