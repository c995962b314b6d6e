"""Real newsletters, and what a mail made from one must be, found with Python's own html.parser, not used by the product.

`expected` puts given addresses where an http(s) link stands in the source, all other characters kept, and says where the
body ends. The newsletters are read in place (../shared/cases/html) and are no part of this project.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

from mail import dkim
from mail.spec import Person, Spec
from mail.template import Compiled, compile_mail
from parsers.mime import read
from parsers.modes import Tracked
from parsers.submission import split
from parsers.tokens import Keyring

CASES = Path("../shared/cases")
RING = Keyring({1: bytes(32)}, 1)
SPEC = Spec(
    campaign_id=7, gateway_domain="gw.example", public_url="https://gw.example", subject="x", from_name="",
    from_address="jean@client.example", reply_to=None, unsubscribe=True, bulk=True, locale="fr", footer_name="SARL Été",
    footer_address="Paris", feedback="7:c:gw", list_id="7.gw.example", hidden_link=True, aggregate_opens=True,
)  # fmt: skip
_HREF = re.compile(r"""[\s/"']href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]*))""", re.IGNORECASE)


@dataclass(frozen=True)
class Newsletter:
    name: str
    html: str  # LF line ends
    links: tuple[str, ...]  # http(s) targets of a and area, in order, as the list of the collection has them


def all_of_them() -> list[Newsletter]:
    """Return every newsletter; none where the collection is not there."""
    listed = CASES / "html" / "links.jsonl"
    rows = [json.loads(line) for line in listed.read_text().splitlines()] if listed.exists() else []
    return [_newsletter(CASES / row["file"], row["href"]) for row in rows]


def _newsletter(path: Path, hrefs: list[str | None]) -> Newsletter:
    raw = path.read_bytes()
    charset = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = raw.decode(charset, "replace").replace("\r\n", "\n").replace("\r", "\n")
    # tags of other products' templates name no column of a list: with other brackets they are plain text
    text = text.replace("{{", "[[").replace("}}", "]]").removesuffix("\n") + "\n"  # a mail's part ends with a line end
    links = tuple(href for href in hrefs if href and re.match(r"\s*https?://", href, re.IGNORECASE))
    return Newsletter(f"{path.parent.name}/{path.name}", text, links)


@dataclass
class _Finder(HTMLParser):
    source: str
    places: list[tuple[int, int]] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    body: int | None = None
    html: int | None = None

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines = [0, *(found.end() for found in re.finditer("\n", self.source))]

    def at(self) -> int:
        line, column = self.getpos()
        return self.lines[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = next((value for name, value in attrs if name == "href"), None)
        if tag not in ("a", "area") or not href or not re.match(r"\s*https?://", href, re.IGNORECASE):
            return
        found = _HREF.search(self.get_starttag_text() or "")
        assert found
        group = next(number for number in (1, 2, 3) if found.group(number) is not None)
        self.places.append((self.at() + found.start(group), self.at() + found.end(group)))
        self.targets.append(href)

    def handle_endtag(self, tag: str) -> None:
        if tag == "body":
            self.body = self.at()
        if tag == "html":
            self.html = self.at()


def found(source: str) -> _Finder:
    """Return where the links and the end of a page stand."""
    finder = _Finder(source)
    finder.feed(source)
    finder.close()
    return finder


def expected(source: str, urls: list[str]) -> tuple[str, str]:
    """Return the page before and behind the place of a footer, its http(s) links replaced by `urls` in order."""
    finder = found(source)
    end = finder.body if finder.body is not None else finder.html if finder.html is not None else len(source)
    assert len(urls) == len(finder.places)
    head, at = "", 0
    for (start, stop), url in zip(finder.places, urls, strict=True):
        head += source[at:start] + url
        at = stop
    assert at <= end
    return head + source[at:end], source[end:]


@cache
def _signer() -> dkim.Signer:
    return dkim.Signer("gw.example", "m2c1", dkim.new_key())


def compiled(html: str) -> Compiled:
    """Return the campaign that a newsletter makes."""
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = "jean@client.example", "mail@gw.example", "x"
    mail.set_content("Bonjour")
    mail.add_alternative(html, subtype="html", cte="base64")
    message = read(mail.as_bytes())
    made = compile_mail(message, split(message), SPEC, ("Email",), RING, _signer())
    assert isinstance(made, Compiled), made
    return made


def page_of(mail: Compiled, mode: Tracked) -> str:
    """Return the HTML that person 42 gets, read by Python's own email package."""
    raw = mail.render(Person(42, "zoe@dest.example", "", ("zoe@dest.example",), mode), 1_790_000_000_000)
    part = message_from_bytes(raw, policy=default).get_body(("html",))
    assert part is not None
    data = part.get_payload(decode=True)
    assert isinstance(data, bytes)
    return data.decode().replace("\r\n", "\n")
