"""the texts of long lists, gathered for those who look for something rare"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "haystacks",
        sa.Column("campaign_id", _id(), autoincrement=False, nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("ids", sa.LargeBinary(), nullable=False),
        sa.Column("ends", sa.LargeBinary(), nullable=False),
        sa.Column("texts", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_haystacks_campaign_id")),
        sa.PrimaryKeyConstraint("campaign_id", "part", name=op.f("pk_haystacks")),
    )
    if op.get_bind().dialect.name == "postgresql":  # as it is: taking it apart takes longer than looking through it
        op.execute("ALTER TABLE haystacks ALTER COLUMN texts SET STORAGE EXTERNAL")
