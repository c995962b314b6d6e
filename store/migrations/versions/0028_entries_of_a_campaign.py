"""the entries that a campaign brought to the suppression list are found without reading all of it"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

ROWS = sa.text("campaign_id IS NOT NULL AND address IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_suppressions_campaign_id", "suppressions", ["campaign_id"], sqlite_where=ROWS, postgresql_where=ROWS
    )
