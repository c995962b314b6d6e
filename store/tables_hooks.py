"""The tables of webhooks: where an account wants events told, and what waits to be told there.

A row of `hook_events` is written in the transaction of the event that it tells and is gone once it was taken; one that could
not be told in time stays as a dead letter. No secret is kept: it follows from the token key, the webhook's number and
`serial`. `hook_answers` remembers the last requests, without a word of what they told. Instants are UTC milliseconds. Nothing
is raised here.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, SmallInteger, Table, Text, text

from store.tables import Id, _id, metadata

webhooks = Table(
    "webhooks",
    metadata,
    _id(),
    Column("account_id", Id, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("url", Text, nullable=False),
    Column("mask", BigInteger, nullable=False),  # a bit for each kind of event
    Column("batch", Integer, nullable=False, server_default="1"),  # events in one request at most
    Column("label", Text, nullable=False, server_default=""),
    Column("serial", Integer, nullable=False, server_default="0"),  # of the secret
    Column("old_until", BigInteger),  # until when the secret before signs, too
    Column("created_at", BigInteger, nullable=False),
    Column("taken_at", BigInteger),  # the last time the endpoint took events
    Column("taken", BigInteger, nullable=False, server_default="0"),  # events, all in all
    Column("failing_since", BigInteger),
    Column("failures", Integer, nullable=False, server_default="0"),  # requests in a row
    Column("again_at", BigInteger),  # nothing is sent before
    Column("last_error", Text, nullable=False, server_default=""),
    Column("disabled_at", BigInteger),
    Column("disabled_why", Text, nullable=False, server_default=""),
    Column("told_at", BigInteger),  # since when the account knows that it was switched off
    sqlite_autoincrement=True,  # a number is never given again: the secret follows from it
)

hook_events = Table(
    "hook_events",
    metadata,
    _id(),
    Column("webhook_id", Id, ForeignKey("webhooks.id"), nullable=False),
    Column("campaign_id", Id, nullable=False),
    Column("recipient_id", Id, nullable=False),  # 0: of the campaign itself
    Column("kind", SmallInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("detail", Text, nullable=False),  # JSON
    Column("queued_at", BigInteger, nullable=False),  # its age counts from here: a replayed one is young again
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column("next_attempt_at", BigInteger),  # null: dead
    Column("dead_at", BigInteger),
    Column("error", Text, nullable=False, server_default=""),
    Index("ix_hook_events_order", "webhook_id", "recipient_id", "id"),
    Index(
        "ix_hook_events_due",
        "webhook_id",
        "next_attempt_at",
        sqlite_where=text("next_attempt_at IS NOT NULL"),
        postgresql_where=text("next_attempt_at IS NOT NULL"),
    ),
    Index("ix_hook_events_recipient_id", "recipient_id"),
    sqlite_autoincrement=True,  # programs know events by their numbers, long after the rows are gone
)

hook_answers = Table(
    "hook_answers",
    metadata,
    _id(),
    Column("webhook_id", Id, ForeignKey("webhooks.id"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("took", Integer, nullable=False),  # ms
    Column("status", SmallInteger),  # of HTTP; null: no answer
    Column("why", Text, nullable=False, server_default=""),  # no answer: mail.fetch.Trouble
    Column("word", Text, nullable=False),  # the event that was told, "batch" or "test"
    Column("events", Integer, nullable=False),
    Index("ix_hook_answers_webhook_id", "webhook_id", "id"),
)
