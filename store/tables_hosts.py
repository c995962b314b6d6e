"""The tables of names on the web: the own host of an account, and the certificates that are asked for.

Private keys are in no table: they are files (config.certificate). Instants are UTC milliseconds. Nothing is raised here.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, Table, Text

from store.tables import Id, _id, metadata

account_hosts = Table(
    "account_hosts",
    metadata,
    _id(),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("host", Text, nullable=False, unique=True),  # an A-label in lower case
    Column("created_at", BigInteger, nullable=False),
    Column("left_at", BigInteger),  # since when the account uses another one, or none: its old links go on working
    Column("looked_at", BigInteger),
    Column("links_at", BigInteger),  # when its pages were last found to be ours; null: they are not, now
    Column("links_why", Text, nullable=False, server_default=""),
    Column("bounces_at", BigInteger),  # the same of mail to it
    Column("bounces_why", Text, nullable=False, server_default=""),
)

certificates = Table(
    "certificates",
    metadata,
    Column("host", Text, primary_key=True),
    Column("owner", Text, nullable=False, server_default=""),  # who is asking the authority
    Column("until", BigInteger, nullable=False, server_default="0"),  # for how long nobody else may
    Column("got_at", BigInteger),
    Column("failures", Integer, nullable=False, server_default="0"),  # in a row
    Column("failing_since", BigInteger),
    Column("again_at", BigInteger, nullable=False, server_default="0"),
    Column("error", Text, nullable=False, server_default=""),
    Column("told_at", BigInteger),  # when the operator was written to last
)

acme_answers = Table(
    "acme_answers",
    metadata,
    Column("token", Text, primary_key=True),
    Column("answer", Text, nullable=False),  # RFC 8555 section 8.1
    Column("until", BigInteger, nullable=False),
)
