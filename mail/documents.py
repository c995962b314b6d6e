"""Personal documents as attachments: each person's own files, their MIME parts made once per campaign.

In: the attachments, the column that names them, the delimiter of the tree. Out: the MIME lines of one person's files,
canonical by construction (mail.compose). Raises LookupError for a file that is not there: intake holds such a campaign, so
this is a bug, and a mail without its document must not leave. Logs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from mail.compose import Frame, part_lines
from parsers.documents import Shelf, shelf
from parsers.parts import Part


@dataclass(frozen=True, slots=True)
class Documents:
    """The files of a campaign, ready to be put into the mails of those who get them."""

    column: int
    shelf: Shelf
    parts: tuple[bytes, ...]  # each with the delimiter before it

    def of(self, values: tuple[str, ...]) -> bytes:
        """Return the MIME parts of the person with these values."""
        found = self.shelf.find(values[self.column])
        if found.missing:
            raise LookupError(f"no file {found.missing[0]!r}")
        return b"".join([self.parts[at] for at in found.files])


def documents(column: int, attachments: tuple[Part, ...], tree: Frame) -> Documents:
    """Return the personal documents of a campaign whose tree was made for them."""
    parts = tuple(part_lines(tree.outer, part, inline=False) for part in attachments)
    return Documents(column, shelf([part.filename for part in attachments]), parts)
