"""Somebody with a browser: cookies kept as a browser keeps them (by path), forms sent with their hidden fields."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from html import unescape

from web_helpers import Answer, Reader

from gateway.passwords import hash_password
from store import users
from store.engine import Database, now_ms

PASSWORD = "quatre mots sans rapport"
_HASHED = hash_password(PASSWORD)


@dataclass(slots=True)
class Visitor:
    """One browser; `headers` go with each request (x_forwarded_for: another place)."""

    reader: Reader
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, tuple[str, str]] = field(default_factory=dict)

    def _sent(self, path: str) -> dict[str, str]:
        fits = [(name, value) for name, (value, place) in self.cookies.items() if path.startswith(place)]
        cookie = {"cookie": "; ".join(f"{name}={value}" for name, value in fits)} if fits else {}
        return self.headers | cookie

    def _keep(self, answer: Answer) -> Answer:
        for line in answer.cookies:
            name, _, rest = line.partition("=")
            value = rest.partition(";")[0].strip('"')
            place = re.search(r"(?i)path=([^;]+)", line)
            if "max-age=0" in line.lower():
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = (value, place[1] if place else "/")
        return answer

    async def get(self, path: str) -> Answer:
        return self._keep(await self.reader.get(path, **self._sent(path)))

    async def post(self, path: str, **fields: str) -> Answer:
        return self._keep(await self.reader.post(path, fields, **self._sent(path)))

    async def upload(self, path: str, fields: dict[str, str], files: list[tuple[str, str, bytes]]) -> Answer:
        """Send a form with files: (field, file name, content)."""
        mark = secrets.token_hex(8)
        body = b""
        for name, value in fields.items():
            body += f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, file, data in files:
            head = f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="{file}"\r\n'
            body += f"{head}Content-Type: application/octet-stream\r\n\r\n".encode() + data + b"\r\n"
        body += f"--{mark}--\r\n".encode()
        sent = self._sent(path) | {"content_type": f"multipart/form-data; boundary={mark}"}
        return self._keep(await self.reader.ask("POST", path, body, sent))

    async def send(self, path: str, to: str = "", **fields: str) -> Answer:
        """Ask for a page and send a form of it (the first one to `to`) with these fields."""
        page = await self.get(path)
        return await self.post(to or path, **(hidden(page.text, to) | fields))

    async def enter(self, login: str, password: str = PASSWORD) -> Answer:
        """Log in."""
        return await self.send("/x/connexion", login=login, password=password)


def hidden(page: str, to: str = "") -> dict[str, str]:
    """The hidden fields of the first form of a page that goes to `to` (any form: empty)."""
    for form in re.findall(r"(?s)<form.*?</form>", page):
        action = re.search(r'action="([^"]*)"', form)
        if "search" in form.partition(">")[0] or ("/sortie" in form.partition(">")[0] and to != "/x/sortie"):
            continue
        if not to or (action and unescape(action[1]).partition("?")[0] == to.partition("?")[0]):
            found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
            return {name: unescape(value) for name, value in found}
    raise AssertionError(f"no form to {to or 'anywhere'} in {page[-3000:]}")


async def user(db: Database, login: str, role: str = "send", account: int = 1, operator: bool = False) -> int:
    """Somebody who may log in with PASSWORD."""
    async with db.write() as conn:
        email = login if "@" in login else ""
        return await users.add(conn, account, login, email, _HASHED, role, operator, now_ms())
