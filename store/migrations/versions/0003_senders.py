"""proof of senders"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "proof_rules",
        sa.Column("account_id", _id(), autoincrement=False, nullable=False),
        sa.Column("relaxed", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("spf", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_proof_rules_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_proof_rules")),
    )
    op.create_table(
        "proved_mails",
        sa.Column("id", _id(), autoincrement=True, nullable=False),
        sa.Column("account_id", _id(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("times", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proved_mails")),
        sa.UniqueConstraint("account_id", "key", name=op.f("uq_proved_mails_account_id_key")),
    )
    op.create_index("ix_proved_mails_at", "proved_mails", ["at"], unique=False)
    op.create_table(
        "sender_letters",
        sa.Column("sender_id", _id(), autoincrement=False, nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("refused_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["sender_id"], ["senders.id"], name=op.f("fk_sender_letters_sender_id")),
        sa.PrimaryKeyConstraint("sender_id", name=op.f("pk_sender_letters")),
    )
    op.create_table(
        "domains",
        sa.Column("id", _id(), autoincrement=True, nullable=False),
        sa.Column("account_id", _id(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("verified_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_domains_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_domains")),
        sa.UniqueConstraint("account_id", "domain", name=op.f("uq_domains_account_id_domain")),
    )
    op.create_index(
        "uq_domains_verified",
        "domains",
        ["domain"],
        unique=True,
        sqlite_where=sa.text("verified_at IS NOT NULL"),
        postgresql_where=sa.text("verified_at IS NOT NULL"),
    )
