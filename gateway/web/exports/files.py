"""Which kinds of files there are, who writes them, and what each can hold.

In: a kind and a campaign's name. Out: a `Writer`, its pieces at the end, a file's name. `fits` tells why a table does not fit
a kind, as a word of the catalogue. Nothing is raised or logged.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from gateway import sheet_xls
from gateway.sheet import Csv, Writer, Xlsx
from gateway.sheet_xls import Xls
from store.values import Campaign

KINDS = ("xlsx", "xls", "csv")
MEDIA = {"xlsx": Xlsx.media_type, "xls": Xls.media_type, "csv": Csv.media_type}


def writer(kind: str, name: str) -> Writer:
    """The writer of a kind."""
    return Xlsx(name) if kind == "xlsx" else Xls(name) if kind == "xls" else Csv()


def ending(made: Writer) -> Iterator[bytes]:
    """What is left to write when all rows are there, never more than a piece in memory."""
    if isinstance(made, Xls):
        yield from made.pieces()
    else:
        yield made.finish()


def fits(kind: str, rows: int, columns: int) -> str:
    """Why a table does not fit a kind; empty when it does."""
    if kind != "xls":
        return ""
    return "rows" if rows > sheet_xls.MOST else "columns" if columns > sheet_xls.COLUMNS else ""


def name(campaign: Campaign, what: str, kind: str) -> str:
    """The name of a file, in plain letters."""
    plain = unicodedata.normalize("NFKD", campaign.name).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:60] or "campaign"
    return f"{slug}-{what}.{kind}"
