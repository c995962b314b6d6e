"""own hosts of accounts, certificates"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "account_hosts",
        sa.Column("id", _id(), autoincrement=True, nullable=False),
        sa.Column("account_id", _id(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("left_at", sa.BigInteger(), nullable=True),
        sa.Column("looked_at", sa.BigInteger(), nullable=True),
        sa.Column("links_at", sa.BigInteger(), nullable=True),
        sa.Column("links_why", sa.Text(), server_default="", nullable=False),
        sa.Column("bounces_at", sa.BigInteger(), nullable=True),
        sa.Column("bounces_why", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_account_hosts_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_hosts")),
        sa.UniqueConstraint("host", name=op.f("uq_account_hosts_host")),
    )
    op.create_index(op.f("ix_account_hosts_account_id"), "account_hosts", ["account_id"])
    op.create_table(
        "certificates",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), server_default="", nullable=False),
        sa.Column("until", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("got_at", sa.BigInteger(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("failing_since", sa.BigInteger(), nullable=True),
        sa.Column("again_at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_certificates")),
    )
    op.create_table(
        "acme_answers",
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_acme_answers")),
    )
