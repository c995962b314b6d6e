"""columns and filters of the report's details that people who log in had remembered"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "login_columns",
        sa.Column("login_id", _id(), autoincrement=False, nullable=False),
        sa.Column("columns", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["login_id"], ["logins.id"], name=op.f("fk_login_columns_login_id")),
        sa.PrimaryKeyConstraint("login_id", name=op.f("pk_login_columns")),
    )
    op.create_table(
        "saved_filters",
        sa.Column("id", _id(), autoincrement=True, nullable=False),
        sa.Column("login_id", _id(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["login_id"], ["logins.id"], name=op.f("fk_saved_filters_login_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_filters")),
        sa.UniqueConstraint("login_id", "name", name=op.f("uq_saved_filters_login_id_name")),
    )
