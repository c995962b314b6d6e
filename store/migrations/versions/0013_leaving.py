"""leaving"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("account_rules") as batch_op:
        batch_op.add_column(sa.Column("leaving", sa.Text(), server_default="account", nullable=False))
