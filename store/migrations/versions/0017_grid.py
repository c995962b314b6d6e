"""orders of the report's table: by date, opens and clicks; lists sorted beforehand"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_PARTLY = {"last_at": "last_at IS NOT NULL", "opened_at": "opened_at IS NOT NULL",
           "clicked_at": "clicked_at IS NOT NULL", "clicks": "clicks > 0"}  # fmt: skip


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for column, has in _PARTLY.items():
        op.create_index(
            f"ix_recipients_campaign_id_{column}", "recipients", ["campaign_id", column, "id"],
            sqlite_where=sa.text(has), postgresql_where=sa.text(has),
        )  # fmt: skip
    op.create_table(
        "orderings",
        sa.Column("campaign_id", _id(), autoincrement=False, nullable=False),
        sa.Column("column", sa.Text(), nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ids", sa.LargeBinary(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_orderings_campaign_id")),
        sa.PrimaryKeyConstraint("campaign_id", "column", "part", name=op.f("pk_orderings")),
    )
