"""Replies of SMTP servers are read whole, cut anywhere, odd or hostile."""

from hypothesis import given
from hypothesis import strategies as st

from parsers.replies import MAX_LINE, MAX_LINES, Garbled, Reply, ReplyReader, make


def read(data: bytes) -> list[Reply | Garbled]:
    return ReplyReader().feed(data)


def test_single_line() -> None:
    assert read(b"550 5.1.1 No such user\r\n") == [Reply(550, "5.1.1", ("550 5.1.1 No such user",))]


def test_pipelined_group() -> None:
    assert [reply.code for reply in read(b"250 ok\r\n250 2.1.5 ok\r\n354 go\r\n") if isinstance(reply, Reply)] == [
        250,
        250,
        354,
    ]


def test_lines_of_one_reply() -> None:
    (reply,) = read(b"552-5.2.2 The mailbox\r\n552-5.2.2 is full\r\n552 5.2.2 sorry\r\n")
    assert isinstance(reply, Reply)
    assert reply.text == "552-5.2.2 The mailbox\n552-5.2.2 is full\n552 5.2.2 sorry"
    assert reply.words == "5.2.2 The mailbox 5.2.2 is full 5.2.2 sorry"
    assert reply.enhanced == "5.2.2"


def test_bare_code_bare_lf_latin1_and_changing_codes() -> None:
    assert read(b"250\n") == [Reply(250, "", ("250",))]
    (reply,) = read(b"250-bo\xeete\n550 pleine\n")
    assert isinstance(reply, Reply) and reply.code == 550 and reply.lines[0] == "250-boîte"


def test_an_ip_address_is_no_enhanced_code() -> None:
    assert make(550, "blocked 5.6.7.8 here").enhanced == ""
    assert make(550, "host 192.5.1.1 x").enhanced == ""


def test_what_is_no_smtp_ends_the_reading() -> None:
    for bad in (
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\r\n",
        b"99 x\r\n",
        b"2500 x\r\n",
        b"\xb2\xb3\xb4 x\r\n",
        b"x" * (MAX_LINE + 1),
    ):
        reader = ReplyReader()
        assert isinstance(reader.feed(bad)[-1], Garbled)
        assert reader.feed(b"250 ok\r\n") == []


def test_endless_continuation_is_bounded() -> None:
    assert isinstance(read(b"250-more\r\n" * (MAX_LINES + 1))[-1], Garbled)


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=5))
def test_any_bytes_cut_anywhere_read_the_same(data: bytes, cuts: list[int]) -> None:
    reader, pieces, start = ReplyReader(), [], 0
    for cut in [*sorted(cuts), len(data)]:
        pieces += reader.feed(data[start:cut])
        start = max(start, cut)
    assert pieces == read(data)


@given(st.integers(200, 599), st.text(max_size=300))
def test_made_replies_read_back(code: int, text: str) -> None:
    reply = make(code, text)
    assert reply.code == code and len(reply.text) <= 2000


def test_a_refusal_in_latin1_read_by_another_library_can_be_kept() -> None:
    # aiosmtplib decodes so; a lone surrogate in a reply would make every write of the outcome fail, for ever
    reply = make(554, b"Acc\xe8s refus\xe9\0 \xc3\xa0".decode("utf-8", "surrogateescape"))
    assert reply.lines[0].startswith("554 Accès refusé?")
    reply.text.encode()
    make(554, "odd \ud800 one").text.encode()
