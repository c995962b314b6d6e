"""actions on campaigns; the date of a campaign is that of its row alone"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_OPEN = sa.text("stage IN ('asked', 'ready')")


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "actions",
        sa.Column("id", _id(), autoincrement=True, nullable=False),
        sa.Column("account_id", _id(), nullable=False),
        sa.Column("campaign_id", _id(), nullable=False),
        sa.Column("power", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("once", sa.Text(), nullable=False),
        sa.Column("wish", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), server_default="{}", nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("told_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_actions_campaign_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_actions")),
        sa.UniqueConstraint("account_id", "once", name=op.f("uq_actions_account_id")),
    )
    op.create_index("ix_actions_campaign_id", "actions", ["campaign_id"], unique=False)
    op.create_index("ix_actions_open", "actions", ["stage"], unique=False, sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_table(
        "action_lists",
        sa.Column("action_id", _id(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["action_id"], ["actions.id"], name=op.f("fk_action_lists_action_id")),
        sa.PrimaryKeyConstraint("action_id", name=op.f("pk_action_lists")),
    )
    # a scheduled campaign goes by its own date, which may be changed: nobody in it waits for another one
    op.execute(
        "UPDATE recipients SET next_attempt_at = 0 WHERE attempts = 0 AND next_attempt_at IS NOT NULL"
        " AND next_attempt_at = (SELECT send_at FROM campaigns WHERE campaigns.id = recipients.campaign_id"
        " AND campaigns.state IN ('scheduled', 'paused'))"
    )
