"""users: sessions, second factors, letters about passwords, passwords of programs"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_COLUMNS: tuple[sa.Column[object], ...] = (
    sa.Column("email", sa.Text(), server_default="", nullable=False),
    sa.Column("operator", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
    sa.Column("locale", sa.Text(), server_default="", nullable=False),
    sa.Column("totp_serial", sa.Integer(), server_default="0", nullable=False),
    sa.Column("totp_at", sa.BigInteger(), nullable=True),
    sa.Column("totp_step", sa.BigInteger(), server_default="0", nullable=False),
    sa.Column("seen_at", sa.BigInteger(), nullable=True),
)


def _id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _of(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["login_id"], ["logins.id"], name=op.f(f"fk_{table}_login_id"))


def upgrade() -> None:
    for column in _COLUMNS:
        op.add_column("logins", column)
    op.execute("UPDATE logins SET email = login WHERE login LIKE '%_@_%'")
    op.create_table(
        "sessions",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("login_id", _id(), nullable=False),
        sa.Column("half", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        _of("sessions"),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_login_id"), "sessions", ["login_id"])
    op.create_index(op.f("ix_sessions_seen_at"), "sessions", ["seen_at"])
    op.create_table(
        "password_letters",
        sa.Column("login_id", _id(), autoincrement=False, nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("invitation", sa.Boolean(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        _of("password_letters"),
        sa.PrimaryKeyConstraint("login_id", name=op.f("pk_password_letters")),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("id", _id(), autoincrement=True, nullable=False),
        sa.Column("login_id", _id(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        _of("recovery_codes"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
    )
    op.create_index(op.f("ix_recovery_codes_login_id"), "recovery_codes", ["login_id"])
    op.create_table(
        "app_passwords",
        sa.Column("id", _id(), autoincrement=True, nullable=False),
        sa.Column("login_id", _id(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        _of("app_passwords"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_app_passwords")),
    )
    op.create_index(op.f("ix_app_passwords_login_id"), "app_passwords", ["login_id"])
