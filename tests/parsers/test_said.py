"""What a person wrote in a reply, on our own mails and on the replies of other projects' tests."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers import mime, said

CASES = Path(__file__).parents[2] / ".." / "shared" / "cases"


@pytest.mark.parametrize(
    "text",
    [
        "OK\n\nLe mar. 24 nov. 2026 à 10:02, gw.example <mail@gw.example> a écrit :\n\n> Campagne\n> 3 destinataires\n",
        "OK\n\nLe mar. 24 nov. 2026 à 10:02,\ngw.example <mail@gw.example> a écrit :\n> Campagne\n",
        "OK\n\n-- \nAnne Martin\nFirme SARL\n",
        "OK\n\nEnvoyé de mon iPhone\n\n> Le 24 nov. 2026 à 10:02, gw.example a écrit :\n> \n> Campagne\n",
        "OK\n\nDe : gw.example <mail@gw.example>\nEnvoyé : mardi 10:02\nÀ : Anne\nObjet : Campagne\n\nBonjour",
        "OK\n\n-----Message d'origine-----\nDe : gw.example\n\nBonjour, annuler",
        "OK\n________________________________\nDe : gw.example\nEnvoyé : mardi\nÀ : Anne\nObjet : X\n\nannuler",
        "> Campagne\n> 3 destinataires\n\nOK\n",
        "OK\r",
    ],
)
def test_the_own_words_are_left(text: str) -> None:
    assert said.read(text).lines == ("OK",)


@pytest.mark.parametrize(
    "html",
    [
        '<html><body><p>OK</p><blockquote type="cite">annuler<blockquote>non</blockquote></blockquote></body></html>',
        '<div dir="ltr">OK</div><br><div class="gmail_quote"><div>Le mar. 24 nov. 2026 a écrit :</div>annuler</div>',
        '<body><div>OK</div><div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><b>De :</b> gw</div>annuler</body>',
        '<div><p class="MsoNormal">OK</p><div style="border-top:solid #E1E1E1 1.0pt"><p><b>De :</b></p></div></div>',
        "<blockquote>annuler</blockquote><p>OK</p>",
    ],
)
def test_a_reply_in_html_only(html: str) -> None:
    assert said.read(None, html).lines == ("OK",)


def test_a_sentence_that_ends_in_a_colon_is_no_heading() -> None:
    text = "I had a hard time, so when I finally\nfigured it out, I wrote this:\n\nhttp://a.example"
    assert said.read(text).lines[-1] == "http://a.example"


@given(
    st.text(max_size=400)
    | st.lists(st.sampled_from(["> a", "De : x", "Le 3 a écrit :", "--", "", "OK", "____" * 9])).map("\n".join)
)
def test_any_text_has_words(text: str) -> None:
    found = said.read(text, text)
    assert len(found.words) <= len(text) + 10


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece", ["<blockquote ", "<div ", "<a gmail_quote ", "<blockquote>", "Sent from my iPhone\n", "Le 3 "]
)
def test_time_grows_with_the_length_only(piece: str) -> None:
    """A fifth of a million characters of text, or four of HTML, in about a second; a regular expression once took minutes."""
    whole = piece * (800_000 // len(piece))
    assert said.read(whole).words is not None and said.read(None, whole).words is not None


def _read(path: Path) -> said.Said:
    raw = path.read_bytes()
    if path.suffix == ".eml":
        message = mime.read(raw)
        return said.read(message.text, message.html)
    text = raw.decode("utf-8", "replace").replace("\r\n", "\n")
    return said.read(None, text) if path.suffix == ".html" else said.read(text)


def _flat(text: str) -> str:
    return " ".join(text.replace("\u200b", "").split())


def test_the_replies_of_other_projects() -> None:
    """What their sources state, exactly; whose libraries' output is only another opinion, at least as often as now."""
    if not (CASES / "replies").exists():
        pytest.skip("the replies of the shared cases are not here")
    scores = {"reply_text": [0, 0], "tool_reply_text": [0, 0]}
    firsts = [0, 0]
    for line in (CASES / "replies" / "expected.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        key = next((name for name in scores if row.get(name) is not None), None)
        if key is None:
            continue
        cut = re.search(r"…\[\d+ chars\]$", row[key])
        want = _flat(row[key][: cut.start()] if cut else row[key])
        found = _read(CASES / row["file"])
        ways = [_flat(found.words), _flat(f"{found.words}\n{found.signature}")]
        scores[key][0] += any(way.startswith(want) if cut else way == want for way in ways)
        scores[key][1] += 1
        firsts[0] += ways[0].split(" ")[:4] == want.split(" ")[:4]
        firsts[1] += 1
    if not firsts[1]:
        pytest.skip("the shared cases hold no labelled replies")
    assert scores["reply_text"][0] / scores["reply_text"][1] > 0.88, scores
    assert scores["tool_reply_text"][0] / scores["tool_reply_text"][1] > 0.88, scores
    assert firsts[0] / firsts[1] > 0.93, firsts
