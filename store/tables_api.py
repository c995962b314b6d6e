"""The tables of programs: API keys, requests that must count once, messages that came in by the API.

Instants are UTC milliseconds. Of a key only a hash is kept; what a request was answered is kept for a day. Nothing is
raised here.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, LargeBinary, SmallInteger, Table, Text

from store.tables import Id, _id, metadata

api_keys = Table(
    "api_keys",
    metadata,
    _id(),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("public", Text, nullable=False, unique=True),  # the part of the key that names it
    Column("digest", LargeBinary, nullable=False),  # SHA-256 of the whole key, which is 240 bits of chance
    Column("label", Text, nullable=False, server_default=""),
    Column("scopes", Text, nullable=False),  # words with blanks between them
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("used_at", BigInteger),  # to the minute
    Column("made_by", Text, nullable=False, server_default=""),  # a login; empty: on the machine itself
    Column("revoked_by", Text, nullable=False, server_default=""),
)

# what a request with an Idempotency-Key was answered
api_requests = Table(
    "api_requests",
    metadata,
    Column("account_id", Id, ForeignKey("accounts.id"), primary_key=True, autoincrement=False),
    Column("key", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),  # of method, path and body
    Column("created_at", BigInteger, nullable=False, index=True),
    Column("status", SmallInteger),  # null: not answered yet
    Column("headers", Text, nullable=False, server_default="{}"),  # JSON
    Column("body", LargeBinary),
)

# a campaign that came by the API: what became of it once it was read
submissions = Table(
    "submissions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
    Column("created_at", BigInteger, nullable=False, index=True),
    Column("campaign_id", Id, ForeignKey("campaigns.id")),
    Column("refused", Text),  # JSON: why there is no campaign
)
