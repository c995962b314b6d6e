"""Recipients by the API: the report's filter and orders page by page, and files made in the background."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import quote, urlencode

import openpyxl
import pytest
from api_kit import Api, Part

from gateway.web.exports.maker import Maker
from store import exports

_LINES = "".join(
    f"p{n}@{'big' if n % 3 else 'small'}.test;{name}\n" for n, name in enumerate(["Zoé", "=1+1", "Éva"] * 4)
)
_FORM: list[Part] = [("from", None, b"anne@acme.test"), ("subject", None, b"s"), ("text", None, b"t"),
                     ("liste", "l.csv", f"Email;Nom\n{_LINES}".encode())]  # fmt: skip
_PEOPLE = "/api/v1/campaigns/1/recipients"
_FILE = "/api/v1/campaigns/1/exports"


@pytest.fixture
async def sent(api: Api) -> Api:
    """A campaign to twelve people."""
    assert (await api.form("/api/v1/campaigns", _FORM))[0] == 202
    await api.intake()
    return api


async def walked(api: Api, query: str, limit: int) -> list[str]:
    """The addresses of all pages."""
    found: list[str] = []
    cursor = ""
    while True:
        status, page, _ = await api.ask("GET", f"{_PEOPLE}?limit={limit}&{query}{cursor}")
        assert status == 200 and len(page["data"]) <= limit, page
        found += [one["address"] for one in page["data"]]
        if page["next"] is None:
            return found
        cursor = f"&cursor={quote(page['next'])}"


FILTERS: list[tuple[list[tuple[str, str]], list[int]]] = [
    ([("c", "domain"), ("o", "equals"), ("v", "small.test")], [0, 3, 6, 9]),
    ([("c", "l1"), ("o", "equals"), ("v", "ÉVA"), ("c", "email"), ("o", "starts"), ("v", "p1"), ("m", "any")],
     [1, 2, 5, 8, 10, 11]),
    ([("c", "line"), ("o", "between"), ("v", "3"), ("w", "5")], [1, 2, 3]),
    ([("c", "l1"), ("o", "filled"), ("q", "p1 big"), ("sort", "line"), ("order", "desc")], [11, 10, 1]),
    ([("sort", "l1"), ("tab", "all"), ("c", "line"), ("o", "most"), ("v", "5")], [1, 2, 0, 3]),
    ([("c", "opened"), ("o", "filled")], []),
]  # fmt: skip
FAULTS = [
    ("c=colour&o=is&v=x", "?c", "Condition 1"),
    ("c=clicks&o=contains&v=1", "?o", "Condition 1"),
    ("c=clicks&o=least&v=x", "?v", "not a whole number"),
    ("c=email&o=contains", "?v", "a value is missing"),
    ("c=email", "?", ""),
    ("sort=l0", "?sort", "no column"),
    ("sort=reply", "?sort", "no column"),
    ("c=l7&o=filled", "?c", "no column of this list"),
]


async def test_a_filter_of_the_report_holds_on_every_page_and_faults_are_named(sent: Api) -> None:
    for words, numbers in FILTERS:
        for limit in (2, 100):
            found = await walked(sent, urlencode(words), limit)
            assert [int(address.partition("@")[0][1:]) for address in found] == numbers, words
    for query, field, says in FAULTS:
        for path in (_PEOPLE, "/api/v1/campaigns/1/export.csv"):
            status, problem, _ = await sent.ask("GET", f"{path}?{query}", accept_language="en")
            (error,) = problem["errors"]
            assert status == 422 and error["field"].startswith(field) and says in error["detail"], problem


async def test_a_file_is_made_in_the_background_and_fetched(sent: Api) -> None:
    words = urlencode([("c", "domain"), ("o", "equals"), ("v", "small.test"), ("cols", "l1"), ("cols", "email")])
    status, told, answer = await sent.ask("GET", f"/api/v1/campaigns/1/export.csv?{words}", accept_language="en")
    assert status == 202 and told["state"] == "waiting" and told["file"] is None
    assert (
        answer.headers["location"] == told["url"] == f"http://gateway.test{_FILE}/1" and answer.headers["retry-after"]
    )
    assert (await sent.ask("GET", f"{_FILE}/1/file"))[1]["code"] == "export_state"
    maker: Maker = sent.reader.app.state.maker
    assert await maker.turn()
    status, told, answer = await sent.ask("GET", f"{_FILE}/1")
    assert (status, told["state"], told["rows"], told["file"]) == (
        200,
        "ready",
        4,
        f"http://gateway.test{_FILE}/1/file",
    )
    status, _, file = await sent.ask("GET", f"{_FILE}/1/file")
    assert status == 200 and file.headers["content-type"] == "text/csv; charset=utf-8"
    assert int(file.headers["content-length"]) == told["size"]
    assert file.text.lstrip("\ufeff").splitlines() == ["Nom;E-mail", *(f"Zoé;p{n}@small.test" for n in (0, 3, 6, 9))]
    # everything goes into a workbook, without formulas
    assert (await sent.ask("GET", "/api/v1/campaigns/1/export.xlsx"))[1]["total"] == 12
    assert await maker.turn()
    _, _, file = await sent.ask("GET", f"{_FILE}/2/file")
    rows = list(openpyxl.load_workbook(io.BytesIO(file.body)).active.iter_rows())
    assert len(rows) == 13 and all(cell.data_type != "f" for row in rows for cell in row)


async def test_files_are_the_account_s_own_and_not_too_many(sent: Api) -> None:
    other = await sent.new_key("read", account=sent.other)
    assert (await sent.ask("GET", "/api/v1/campaigns/1/export.csv", key=other))[0] == 404
    assert (await sent.ask("GET", "/api/v1/campaigns/1/export.pdf"))[0] == 404
    reads = await sent.new_key("read")
    tries = [await sent.ask("GET", f"/api/v1/campaigns/1/export.csv?q={n}", key=reads) for n in (1, 1, 2, 3, 4)]
    assert [status for status, *_ in tries] == [202, 202, 202, 202, 429] and tries[0][1]["id"] == tries[1][1]["id"]
    assert tries[4][1]["code"] == "exports"
    for path in (f"{_FILE}/1", f"{_FILE}/1/file"):
        assert (await sent.ask("GET", path, key=other))[0] == 404
    async with sent.db.write() as conn:
        await exports.fail(conn, 1, "disk", 1)
    failed: Any = (await sent.ask("GET", f"{_FILE}/1", accept_language="en"))[1]
    assert failed["state"] == "failed" and "not enough room" in failed["why"] and failed["file"] is None
