"""Links of a campaign: which targets are followed, under which index, and where a click leads for one person.

In: the items of the bodies (parsers.merge). Out: Link values, numbered in reading order over HTML and text, and the
answers to "where does this link lead for these values" and "does any of them lead nowhere". Raises nothing; logs nothing.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Literal

from mail.places import PREFIXES, resolved
from parsers.address import key
from parsers.fields import CONSENT, UNSUBSCRIBE, Field, Place, Segment
from parsers.merge import Item, Target
from parsers.tokens import MAX_EXTRA, Keyring, Purpose, sign


@dataclass(frozen=True, slots=True)
class Link:
    """One followed link; `target` is its template text with `{{column}}` tags, `merged` says that it holds any."""

    index: int
    part: Literal["html", "text"]
    target: str
    merged: bool
    label: str
    segments: tuple[Segment, ...]

    @property
    def column_only(self) -> bool:
        """Say whether a column brings the scheme, so that each person's target must be looked at."""
        return is_column_only(self.segments)


def is_column_only(segments: tuple[Segment, ...]) -> bool:
    """Say whether a target begins with a column."""
    return bool(segments) and isinstance(segments[0], Field) and segments[0].place is not Place.URL


def links_of(
    items: tuple[Item, ...], part: Literal["html", "text"], first: int, columns: tuple[str, ...]
) -> list[Link]:
    """Return the links of one body, numbered from `first`; beyond a token's 4,095 the rest stays unfollowed (one more
    number is for the link that nobody sees)."""
    found: list[Link] = []
    for item in items:
        if isinstance(item, Target) and item.followed and first + len(found) < MAX_EXTRA:
            merged = any(isinstance(segment, Field) for segment in item.target)
            text = _written(item.target, columns)
            found.append(Link(first + len(found), part, text, merged, item.label, item.target))
    return found


def brought_by_columns(items: tuple[Item, ...], columns: tuple[str, ...]) -> dict[str, tuple[Segment, ...]]:
    """Return the targets that begin with a column, by their template text: followed or left alone, each person's own value
    decides whether it is one."""
    targets = [item.target for item in items if isinstance(item, Target) and is_column_only(item.target)]
    return {_written(target, columns): target for target in targets}


def left_alone(items: tuple[Item, ...], page: tuple[Item, ...]) -> tuple[Item, ...]:
    """Return the items of the plain body with those targets left alone that the HTML leaves alone (data-notrack)."""
    alone = {item.target for item in page if isinstance(item, Target) and not item.followed}
    if not alone:
        return items
    return tuple(
        replace(item, followed=False) if isinstance(item, Target) and item.target in alone else item for item in items
    )


def _written(target: tuple[Segment, ...], columns: tuple[str, ...]) -> str:
    return "".join(_shown(segment, columns) for segment in target)


def _shown(segment: Segment, columns: tuple[str, ...]) -> str:
    if isinstance(segment, str):
        return segment.replace("{{", "\\{{")  # so that reading the text again gives the same segments
    scheme = PREFIXES.get(segment.place, "")
    name = {UNSUBSCRIBE: "désabonnement", CONSENT: "consentement"}.get(segment.index) or columns[segment.index]
    return scheme + "{{" + name + ("|" + segment.default if segment.default else "") + "}}"


def link_target(links: tuple[Link, ...], index: int, values: tuple[str, ...]) -> str | None:
    """Return where link `index` leads for one person's values; None when it leads nowhere or does not exist."""
    return resolved(links[index].segments, values) if 0 <= index < len(links) else None


def line_faults(targets: Mapping[str, tuple[Segment, ...]], values: tuple[str, ...]) -> str | None:
    """Return the first target that does not come out http(s) or mailto for these values, None when all do."""
    return next((text for text, segments in targets.items() if resolved(segments, values) is None), None)


def column_url(link: Link, values: tuple[str, ...], public_url: str, token: str) -> str:
    """Return what stands in the body for a followed link that begins with a column, escaped for its body.

    A mailto target is not followed (a redirect to it would open an empty page first); one that leads nowhere is empty.
    """
    url = resolved(link.segments, values)
    if url is None:
        return ""
    if url[:7].lower() != "mailto:":
        url = f"{public_url.rstrip('/')}/c/{token}"
    return escape(url) if link.part == "html" else url


def last_open_id(keyring: Keyring, account_id: int, address: str) -> tuple[int, int]:
    """Return what the pixel of service mail says of a person: 60 bits of a keyed hash, the same in all mails of an account.

    It names a person and no mail (deliberation 2026-042, §1.3: one date a person, no history, no link to a message). The
    oldest key makes it, so that it stays the same when keys rotate.
    """
    said = b"last open %d " % account_id + key(address).encode("utf-8", "replace")
    bits = int.from_bytes(hmac.digest(keyring.keys[min(keyring.keys)], said, "sha256")[:8]) >> 4
    return bits >> 12, bits & MAX_EXTRA


def last_open_token(keyring: Keyring, account_id: int, address: str) -> str:
    """Return the token in the pixel of service mail."""
    return sign(keyring, Purpose.LAST_OPEN, *last_open_id(keyring, account_id, address))


def bounce_address(keyring: Keyring, person_id: int, domain: str) -> str:
    """Return the envelope sender of one recipient's mail (VERP): `bounce+TOKEN@domain`."""
    return f"bounce+{sign(keyring, Purpose.BOUNCE, person_id)}@{domain}"
