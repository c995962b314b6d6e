"""The tables: one place that says what is kept, for SQLite and PostgreSQL alike.

Instants are UTC milliseconds (BIGINT), closed words are small integers or short text, free shapes are JSON text.
`recipients` is the queue as well as the list: `next_attempt_at` says when, `owner` says who holds it, `status` is what
people read. Nothing is raised here.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite gives rowids only to INTEGER keys; PostgreSQL needs 64 bits
Id = BigInteger().with_variant(Integer, "sqlite")


def _id() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=True)


def _where(rows: str) -> dict[str, Any]:
    """The rows that an index holds, for both engines."""
    return {"sqlite_where": text(rows), "postgresql_where": text(rows)}


accounts = Table(
    "accounts",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    Column("legal_name", Text, nullable=False, server_default=""),
    Column("address", Text, nullable=False, server_default=""),
    Column("locale", Text, nullable=False, server_default="fr"),
    Column("timezone", Text, nullable=False, server_default="Europe/Paris"),
    Column("suspended", Boolean, nullable=False, server_default=text("false")),
    Column("pool", Text, nullable=False, server_default="shared"),  # of local addresses, sources.pool
    Column(
        "hygiene", Boolean, nullable=False, server_default=text("false")
    ),  # service mail may keep the last open's day
    Column("transactional_per_hour", Integer),  # messages of that type; null: not granted
    Column("single", Boolean, nullable=False, server_default=text("false")),  # its logins may submit single messages
    Column("per_day", Integer),  # recipients a day; null: what the settings give a new account, rising
    Column("created_at", BigInteger, nullable=False),
)

attestations = Table(
    "attestations",
    metadata,
    _id(),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("by", Text, nullable=False),
    Column("wording", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("withdrawn_at", BigInteger),
    Column("withdrawn_by", Text, nullable=False, server_default=""),
)

senders = Table(
    "senders",
    metadata,
    _id(),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("address", Text, nullable=False),
    Column("address_key", Text, nullable=False, unique=True),  # an address belongs to exactly one account (SPEC 1)
    Column("name", Text, nullable=False, server_default=""),
    Column("verified_at", BigInteger),
    Column("created_at", BigInteger, nullable=False),
)

blobs = Table(
    "blobs",
    metadata,
    _id(),
    Column("sha256", LargeBinary, nullable=False),
    Column("size", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

campaigns = Table(
    "campaigns",
    metadata,
    _id(),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False),
    Column("sender_id", Id, ForeignKey("senders.id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("from_name", Text, nullable=False),
    Column("from_address", Text, nullable=False),
    Column("reply_to", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("message_key", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("columns", Text, nullable=False),  # JSON list
    Column("address_column", Integer, nullable=False),
    Column("options", Text, nullable=False),  # JSON
    Column("held", Text, nullable=False, server_default="[]"),  # JSON list of reasons
    Column("links", Text, nullable=False, server_default="[]"),  # JSON list
    Column("blob_id", Id, ForeignKey("blobs.id"), nullable=False),
    Column("report_hash", LargeBinary, unique=True),
    Column("link_round", Integer, nullable=False, server_default="0"),  # how often the author's link was replaced
    Column("lines", Integer, nullable=False, server_default="0"),
    Column("invalid", Integer, nullable=False, server_default="0"),
    Column("duplicate", Integer, nullable=False, server_default="0"),
    Column("suppressed", Integer, nullable=False, server_default="0"),
    Column("recipients", Integer, nullable=False, server_default="0"),
    Column("created_at", BigInteger, nullable=False),
    Column("send_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("paced_until", BigInteger),  # first attempts wait for another day of the account's quota
    Column("erased_at", BigInteger),  # since when only its totals are left
    Column("single", Boolean, nullable=False, server_default=text("false")),  # one transactional message, no list
    UniqueConstraint("account_id", "message_key"),
    Index("ix_campaigns_state_send_at", "state", "send_at"),
    Index("ix_campaigns_account_id_created_at", "account_id", "created_at"),
)

recipients = Table(
    "recipients",
    metadata,
    _id(),
    Column("campaign_id", Id, ForeignKey("campaigns.id"), nullable=False),
    Column("line", Integer, nullable=False),
    Column("part", SmallInteger, nullable=False, server_default="0"),
    Column("address", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("fields", Text, nullable=False),  # JSON list, in the order of campaigns.columns
    Column("tracked", SmallInteger, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("attempts", SmallInteger, nullable=False),
    Column("owner", Id),  # workers.id while leased
    Column("source_id", Id),  # sources.id that it was first tried from: retries keep it
    Column("claimed_day", Integer),  # the day whose quota of the account it counts in
    Column("next_attempt_at", BigInteger),  # null: out of the queue
    Column("first_attempt_at", BigInteger),
    Column("last_at", BigInteger),  # the last change of any kind
    Column("delivered_at", BigInteger),
    Column("bounced_at", BigInteger),
    Column("opened_at", BigInteger),
    Column("clicked_at", BigInteger),
    Column("unsubscribed_at", BigInteger),
    Column("complained_at", BigInteger),
    Column("clicks", Integer, nullable=False),
    Column("reply", Text, nullable=False),  # the last reply, cut for lists; whole in events
    Column("folded", Text),  # address and fields without accents, of rows that have some (store.searched)
    Index("ix_recipients_campaign_id_status", "campaign_id", "status", "id"),
    # orders of the report's table, of the rows that have what is sorted by
    Index("ix_recipients_campaign_id_last_at", "campaign_id", "last_at", "id", **_where("last_at IS NOT NULL")),
    Index("ix_recipients_campaign_id_opened_at", "campaign_id", "opened_at", "id", **_where("opened_at IS NOT NULL")),
    Index(
        "ix_recipients_campaign_id_clicked_at", "campaign_id", "clicked_at", "id", **_where("clicked_at IS NOT NULL")
    ),
    Index("ix_recipients_campaign_id_clicks", "campaign_id", "clicks", "id", **_where("clicks > 0")),
    # the queue: only rows that somebody may take
    Index(
        "ix_recipients_due",
        "campaign_id",
        "next_attempt_at",
        **_where("next_attempt_at IS NOT NULL AND owner IS NULL"),
    ),
    Index("ix_recipients_owner", "owner", **_where("owner IS NOT NULL")),
)

faults = Table(
    "faults",
    metadata,
    _id(),
    Column("campaign_id", Id, ForeignKey("campaigns.id"), nullable=False, index=True),
    Column("line", Integer, nullable=False),
    Column("part", SmallInteger, nullable=False),
    Column("address", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("fields", Text, nullable=False),  # JSON list
)

events = Table(
    "events",
    metadata,
    _id(),
    Column("recipient_id", Id, nullable=False, index=True),
    Column("campaign_id", Id, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", SmallInteger, nullable=False),  # store.states.Event
    Column("machine", Boolean, nullable=False),
    Column("detail", Text, nullable=False),  # JSON
)

# counters kept in the transaction of what they count: `status:6`, `sent`, `opened`, `machine_open` …
tallies = Table(
    "tallies",
    metadata,
    Column("campaign_id", Id, ForeignKey("campaigns.id"), primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    Column("n", BigInteger, nullable=False),
)

# the curve of the report: deliveries, opens and clicks a minute
curves = Table(
    "curves",
    metadata,
    Column("campaign_id", Id, ForeignKey("campaigns.id"), primary_key=True, autoincrement=False),
    Column("slot", BigInteger, primary_key=True, autoincrement=False),  # start of the minute, ms
    Column("name", Text, primary_key=True),  # delivered, opened, clicked
    Column("n", BigInteger, nullable=False),
)

suppressions = Table(
    "suppressions",
    metadata,
    _id(),
    Column("account_id", Id, nullable=False),  # 0: for all accounts (NULLs are never equal in a unique key)
    Column("key", LargeBinary, nullable=False),  # keyed hash of the folded address: survives erasure
    Column("address", Text),  # null once erased
    Column("reason", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("campaign_id", Id),
    Column("expires_at", BigInteger),  # null: for ever
    Column("also", Text),  # of who left: what else bars them, for ever
    UniqueConstraint("account_id", "key"),
    Index("ix_suppressions_expires_at", "expires_at", **_where("expires_at IS NOT NULL")),
    # erasing a campaign takes the addresses off its entries
    Index("ix_suppressions_campaign_id", "campaign_id", **_where("campaign_id IS NOT NULL AND address IS NOT NULL")),
)

workers = Table(
    "workers",
    metadata,
    _id(),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("joined_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("retired_at", BigInteger),
    Index("ix_workers_live", "seen_at", **_where("retired_at IS NULL")),
)

notices = Table(
    "notices",
    metadata,
    _id(),
    Column("campaign_id", Id, ForeignKey("campaigns.id"), index=True),
    Column("address", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("attempts", SmallInteger, nullable=False),
    Column("owner", Id),
    Column("next_attempt_at", BigInteger),
    Column("first_attempt_at", BigInteger),
    Column("delivered_at", BigInteger),
    Column("reply", Text, nullable=False, server_default=""),
    Index(
        "ix_notices_due",
        "next_attempt_at",
        **_where("next_attempt_at IS NOT NULL AND owner IS NULL"),
    ),
)

# keys that signed something kept here: `serve` refuses to start when one is missing from the folder (SPEC 10)
key_ids = Table(
    "key_ids",
    metadata,
    Column("purpose", Text, primary_key=True),
    Column("key_id", Integer, primary_key=True, autoincrement=False),
    Column("fingerprint", LargeBinary, nullable=False),
)
