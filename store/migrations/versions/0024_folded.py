"""recipients with accents get a copy of their texts without, for searching"""

from __future__ import annotations

import orjson
import sqlalchemy as sa
from alembic import op

from store import searched

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

CHUNK = 5_000


def upgrade() -> None:
    op.add_column("recipients", sa.Column("folded", sa.Text()))
    conn = op.get_bind()
    bytes_of = "length(CAST({0} AS BLOB))" if conn.dialect.name == "sqlite" else "octet_length({0})"
    wide = " OR ".join(f"length({name}) <> {bytes_of.format(name)}" for name in ("fields", "address"))
    some = sa.text(
        f"SELECT id, address, fields FROM recipients WHERE id > :after AND ({wide}) ORDER BY id LIMIT {CHUNK}"  # noqa: S608
    )
    change, after = sa.text("UPDATE recipients SET folded = :folded WHERE id = :id"), -1
    while rows := conn.execute(some, {"after": after}).all():
        copies = [searched.copy(row.address, orjson.loads(row.fields), row.fields) for row in rows]
        conn.execute(change, [{"id": row.id, "folded": one} for row, one in zip(rows, copies, strict=True)])
        after = rows[-1].id
