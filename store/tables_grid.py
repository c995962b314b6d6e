"""The tables of the report's details: orders sorted and texts gathered beforehand, and exports in the making.

Instants are UTC milliseconds. Nothing is raised here.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, LargeBinary, Table, Text, text

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

# the folded texts of a long list, PART recipients a row (store.haystacks)
haystacks = Table(
    "haystacks",
    metadata,
    Column("campaign_id", Id, ForeignKey("campaigns.id"), primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("first", BigInteger, nullable=False),  # recipients.id
    Column("last", BigInteger, nullable=False),
    Column("ids", LargeBinary, nullable=False),  # 8 bytes each
    Column("ends", LargeBinary, nullable=False),  # of each one's text, 4 bytes each
    Column("texts", LargeBinary, nullable=False),
)

# files that are made in the background, in data_dir/exports
exports = Table(
    "exports",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("campaign_id", Id, ForeignKey("campaigns.id"), nullable=False, index=True),
    Column("kind", Text, nullable=False),  # xlsx, xls, csv
    Column("query", Text, nullable=False),  # the words of the view
    Column("locale", Text, nullable=False),
    Column("state", Text, nullable=False),  # store.exports.State
    Column("why", Text, nullable=False, server_default=""),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("rows", BigInteger, nullable=False, server_default="0"),
    Column("total", BigInteger, nullable=False, server_default="0"),  # as counted when it was asked for; 0: not known
    Column("size", BigInteger, nullable=False, server_default="0"),
    Column(
        "notify", Boolean, nullable=False, server_default=text("false")
    ),  # the author is written to when it is ready
    Column("created_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("told_at", BigInteger),
)
