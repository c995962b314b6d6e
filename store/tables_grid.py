"""The tables of the report's details: orders sorted beforehand, and exports in the making.

Instants are UTC milliseconds. Nothing is raised here.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, Table, Text

from store.tables import Id, metadata

# a list's recipients in the order of a column that never changes: PART ids a row, 8 bytes each
orderings = Table(
    "orderings",
    metadata,
    Column("campaign_id", Id, ForeignKey("campaigns.id"), primary_key=True, autoincrement=False),
    Column("column", Text, primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("ids", LargeBinary, nullable=False),
    Column("length", BigInteger, nullable=False),  # of the whole order
)
