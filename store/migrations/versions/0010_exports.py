"""from alignment and advice"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0008"
branch_labels = None
depends_on = None


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "account_rules",
        sa.Column("account_id", _id(), autoincrement=False, nullable=False),
        sa.Column("unaligned", sa.Text(), server_default="via", nullable=False),
        sa.Column("advice_holds", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_account_rules_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account_rules")),
    )
    op.create_table(
        "campaign_advice",
        sa.Column("campaign_id", _id(), autoincrement=False, nullable=False),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_campaign_advice_campaign_id")),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_campaign_advice")),
    )
    op.create_table(
        "known_addresses",
        sa.Column("account_id", _id(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_known_addresses_account_id")),
        sa.PrimaryKeyConstraint("account_id", "digest", name=op.f("pk_known_addresses")),
    )
