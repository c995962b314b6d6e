"""The tables of consent and of erasing: who agreed to what, what is counted of nobody in particular, what is left behind.

A person is a keyed hash of the folded address (store.suppressions), so that a refusal and a way out go on working when the
address itself has been erased. Instants are UTC milliseconds, days are whole days since 1970-01-01 in UTC. Nothing is raised.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Table, Text, text

from store.tables import Id, _id, metadata

# the register, only ever added to: each agreement and each refusal, with what proves it (deliberation 2026-042, §1.7)
consents = Table(
    "consents",
    metadata,
    _id(),
    Column("account_id", Id, nullable=False),
    Column("key", LargeBinary, nullable=False),  # as suppressions.key
    Column("address", Text),  # null once erased
    Column("purpose", Text, nullable=False, server_default="tracking"),  # tracking | mail
    Column("agreed", Boolean, nullable=False),
    Column("personal", Boolean, nullable=False),  # said by the person, on a page of ours
    Column("at", BigInteger, nullable=False),
    Column("source", Text, nullable=False),  # page, list, import, command, or what an import names
    Column("wording", Text, nullable=False),  # what the person was asked, word for word
    Column("by", Text, nullable=False),  # who recorded it
    Column("campaign_id", Id),
    Column("recorded_at", BigInteger, nullable=False),
    Index("ix_consents_account_id_key", "account_id", "key"),
    Index(
        "ix_consents_refused",
        "account_id",
        sqlite_where=text("NOT agreed"),
        postgresql_where=text("NOT agreed"),
    ),
)

# service mail: the day of a person's last open, overwritten, and nothing else (§1.3); key is mail.tracking.last_open_id
last_opens = Table(
    "last_opens",
    metadata,
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Integer),  # null where the person refused
    Column("stopped", Boolean, nullable=False, server_default=text("false")),
)

# anonymous mail: how often a link was followed (or, link -1, the pixel loaded), by nobody in particular
anonymous_hits = Table(
    "anonymous_hits",
    metadata,
    Column("campaign_id", Id, primary_key=True, autoincrement=False),
    Column("link", Integer, primary_key=True, autoincrement=False),
    Column("machine", Boolean, primary_key=True, autoincrement=False),
    Column("n", BigInteger, nullable=False),
)

# what is left of a recipient once erased: enough to stop writing to the address, and for a time where links lead
remnants = Table(
    "remnants",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),  # recipients.id, which is never given again
    Column("account_id", Id, nullable=False),
    Column("campaign_id", Id, index=True),  # null once its links have ended
    Column("key", LargeBinary, nullable=False),
)

# who asked to come back: one letter a day at most
comebacks = Table(
    "comebacks",
    metadata,
    Column("recipient_id", Id, primary_key=True, autoincrement=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("sent_at", BigInteger),
)

# mails that the servers of a provider took and complaints about them, by day of the delivery
provider_days = Table(
    "provider_days",
    metadata,
    Column("campaign_id", Id, primary_key=True, autoincrement=False),
    Column("provider", Text, primary_key=True),  # of config/providers.toml; empty: any other
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("delivered", Integer, nullable=False, server_default="0"),
    Column("complained", Integer, nullable=False, server_default="0"),
)

# complaints that a provider reports as figures only (Signal Spam's CSV): a second import of a day replaces the first
complaint_days = Table(
    "complaint_days",
    metadata,
    Column("source", Text, primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("provider", Text, primary_key=True),
    Column("ip", Text, primary_key=True),
    Column("n", Integer, nullable=False),
)
