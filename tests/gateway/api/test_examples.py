"""The examples of docs/api.md do what the page says: each curl command and the Python program, one after the other."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import openpyxl
import pytest
from api_kit import Api, api_over

from store import accounts
from store.engine import Database
from tests.gateway.api.test_schemathesis import served

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "api.md").read_text("utf-8")
_FAILS = 'curl() { command curl --silent --show-error --fail-with-body "$@"; }\n'
# what stands for something of the reader's own -> what it is here
OWN = {
    "acme.example": "acme.test",
    "boutique@": "anne@",
    "orange.fr": "d.test",
    "/exports/7": "/exports/1",
    "/campaigns/12": "/campaigns/1",
}


def blocks(kind: str) -> list[str]:
    """The page's examples in a language, in order."""
    found = re.findall(r"```(\w*)\n(.*?)```", PAGE, re.S)
    return [text for named, text in found if named == kind and (kind or "curl " in text)]


async def run(words: list[str], folder: Path, key: str) -> str:
    """What a program says; it must not fail."""
    process = await asyncio.create_subprocess_exec(
        *words,
        cwd=folder,
        env={**os.environ, "KEY": key},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(120):
        out, _ = await process.communicate()
    assert process.returncode == 0, f"{words[-1]}\n{out.decode()}"
    return out.decode()


async def prepared(api: Api, folder: Path) -> None:
    """What the examples speak of: a grant, files beside the reader."""
    async with api.db.write() as conn:
        await accounts.set_transactional(conn, api.account, 500)
    book = openpyxl.Workbook()
    for row in (["Email", "Nom"], ["a@d.test", "Anna"], ["b@other.test", "Bob"]):
        book.active.append(row)
    book.save(folder / "clients.xlsx")
    (folder / "page.html").write_text("<p>Bonjour {{Nom}}</p>", "utf-8")
    (folder / "tarif.pdf").write_bytes(b"%PDF-1.4 x")


@pytest.mark.slow
@pytest.mark.peers
async def test_the_page_s_examples_do_what_it_says(db: Database, tmp_path: Path) -> None:
    async with api_over(db, tmp_path) as api, served(api) as url:
        await prepared(api, tmp_path)
        name, said = "", []
        for example in blocks(""):
            for mine, here in OWN.items():
                example = example.replace(mine, here)
            example = example.replace("https://GATEWAY", url).replace("sub_…", name)
            if "/exports/1/file" in example:  # its first command asks for the file, its second fetches it
                ask, _, fetch = example.rpartition("curl ")
                said.append(await run(["bash", "-c", _FAILS + ask], tmp_path, api.key))
                assert await api.reader.app.state.maker.turn()
                example = f"curl {fetch}"
            said.append(await run(["bash", "-c", _FAILS + example], tmp_path, api.key))
            if not name:
                name = re.findall(r"sub_[a-z2-7]{26}", said[0])[0]
                await api.intake()
        found = "\n".join(said)
        assert '"state":"scheduled"' in said[1] and "Bonjour {{Nom}}" in said[1], "Config was read"
        assert '"data":[]' in said[2] and "HTTP/1.1 202" in said[3] and "/campaigns/1/exports/1" in said[3]
        assert openpyxl.load_workbook(tmp_path / "refused.xlsx").active.max_row == 1
        assert '"id":"msg_2"' in found and '"secret":"whsec_' in found
        [program] = blocks("python")
        async with api.db.write() as conn:
            await conn.exec_driver_sql("UPDATE campaigns SET state = 'sending'")
        told = await run([sys.executable, "-c", program.replace("https://GATEWAY", url)], tmp_path, api.key)
        assert told.split() == ["Bonjour", "{{Nom}}", "0", "None"]
