"""what webhooks' endpoints answered; who made and ended a key"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "hook_answers",
        sa.Column("id", _id(), autoincrement=True, nullable=False),
        sa.Column("webhook_id", _id(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("took", sa.Integer(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["webhook_id"], ["webhooks.id"], name=op.f("fk_hook_answers_webhook_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hook_answers")),
    )
    op.create_index("ix_hook_answers_webhook_id", "hook_answers", ["webhook_id", "id"])
    op.add_column("api_keys", sa.Column("made_by", sa.Text(), server_default="", nullable=False))
    op.add_column("api_keys", sa.Column("revoked_by", sa.Text(), server_default="", nullable=False))
