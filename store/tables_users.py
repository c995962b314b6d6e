"""The tables of people who log in: who they are, sessions, second factors, letters about passwords, passwords of programs.

What opens a door is kept as a hash only (argon2 for passwords, SHA-256 for what we drew at random); the secret of
one-time codes is kept nowhere: it follows from the token key and `totp_serial`. Instants are UTC milliseconds. Nothing
is raised here.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from store.tables import Id, _id, metadata

logins = Table(
    "logins",
    metadata,
    _id(),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
    Column("login", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),  # empty: none chosen yet, nothing fits it
    Column("role", Text, nullable=False, server_default="admin"),  # read, send or admin
    Column("created_at", BigInteger, nullable=False),
    Column("email", Text, nullable=False, server_default=""),  # where letters about the password go
    Column("operator", Boolean, nullable=False, server_default=text("false")),  # looks after the gateway itself
    Column("locale", Text, nullable=False, server_default=""),  # empty: the account's
    Column("totp_serial", Integer, nullable=False, server_default="0"),
    Column("totp_at", BigInteger),  # since when a one-time code is asked for
    Column("totp_step", BigInteger, nullable=False, server_default="0"),  # of the last code taken: none counts twice
    Column("seen_at", BigInteger),  # the last time somebody logged in
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("login_id", Id, ForeignKey("logins.id"), nullable=False, index=True),
    Column("half", Boolean, nullable=False),  # the password was right, the one-time code is still to come
    Column("created_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False, index=True),
)

# a link that lets a person choose a password; the newest serial counts, once
password_letters = Table(
    "password_letters",
    metadata,
    Column("login_id", Id, ForeignKey("logins.id"), primary_key=True, autoincrement=False),
    Column("serial", Integer, nullable=False),
    Column("invitation", Boolean, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("sent_at", BigInteger),
    Column("used_at", BigInteger),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    _id(),
    Column("login_id", Id, ForeignKey("logins.id"), nullable=False, index=True),
    Column("digest", LargeBinary, nullable=False),
    Column("used_at", BigInteger),
)

app_passwords = Table(
    "app_passwords",
    metadata,
    _id(),
    Column("login_id", Id, ForeignKey("logins.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
)

# what people had remembered of the report's details (store.preferences)
login_columns = Table(
    "login_columns",
    metadata,
    Column("login_id", Id, ForeignKey("logins.id"), primary_key=True, autoincrement=False),
    Column("columns", Text, nullable=False),  # JSON list
)

saved_filters = Table(
    "saved_filters",
    metadata,
    _id(),
    Column("login_id", Id, ForeignKey("logins.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("words", Text, nullable=False),  # JSON list of pairs
    UniqueConstraint("login_id", "name"),
)

# campaigns that somebody writes on the pages; files lie in the folder `drafts` of the data folder
drafts = Table(
    "drafts",
    metadata,
    _id(),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
    Column("login_id", Id, ForeignKey("logins.id"), nullable=False, index=True),
    Column("word", Text, nullable=False),
    Column("fields", Text, nullable=False),  # JSON
    Column("changed_at", BigInteger, nullable=False, index=True),
    Column("sent_at", BigInteger),
)
