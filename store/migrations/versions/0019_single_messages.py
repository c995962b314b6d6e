"""single messages"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("accounts", "campaigns"):
        op.add_column(table, sa.Column("single", sa.Boolean(), server_default=sa.text("(false)"), nullable=False))
