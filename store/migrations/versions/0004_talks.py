"""conversations by mail"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "talks",
        sa.Column("campaign_id", _id(), autoincrement=False, nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("notify", sa.Text(), server_default="[]", nullable=False),
        sa.Column("serial", sa.Integer(), server_default="1", nullable=False),
        sa.Column("told", sa.Integer(), server_default="1", nullable=False),
        sa.Column("decided", sa.Text(), server_default="", nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("waiting", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reported_at", sa.BigInteger(), nullable=True),
        sa.Column("asked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_talks_campaign_id")),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_talks")),
    )
    op.create_index("ix_talks_reported_at", "talks", ["reported_at"], unique=False)
    op.create_table(
        "account_habits",
        sa.Column("account_id", _id(), autoincrement=False, nullable=False),
        sa.Column("validation", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_account_habits_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account_habits")),
    )
    op.create_table(
        "report_links",
        sa.Column("campaign_id", _id(), autoincrement=False, nullable=False),
        sa.Column("serial", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_report_links_campaign_id")),
        sa.PrimaryKeyConstraint("campaign_id", "serial", name=op.f("pk_report_links")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_report_links_token_hash")),
    )
