"""The tables of files to download: each attachment of a campaign that sends links, once, in pieces of a bounded size.

`keep` is how long a file stays after the end of its campaign. Instants and spans are milliseconds. Nothing is raised here.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, Table, Text, UniqueConstraint

from store.tables import Id, _id, metadata

files = Table(
    "files",
    metadata,
    _id(),
    Column("campaign_id", Id, ForeignKey("campaigns.id"), nullable=False),
    Column("number", Integer, nullable=False),  # its place among the attachments of the mail, from 0
    Column("name", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("keep", BigInteger, nullable=False),
    UniqueConstraint("campaign_id", "number"),
)

file_pieces = Table(
    "file_pieces",
    metadata,
    Column("file_id", Id, ForeignKey("files.id"), primary_key=True, autoincrement=False),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)
