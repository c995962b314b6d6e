"""Personal documents on the way in: what holds a campaign with a PJ column, and what its sender reads."""

from gateway.intake.personal import Personal, check
from parsers import liste as lists
from parsers.liste import Liste
from parsers.parts import Part


def checked(rows: str, *files: str) -> Personal:
    liste = lists.read(f"Email;PJ\n{rows}".encode())
    assert isinstance(liste, Liste)
    return check(liste, [Part(name, "application/pdf", "", b"x" * (10 + at)) for at, name in enumerate(files)])


def codes(made: Personal) -> list[tuple[str, str]]:
    return [(one["code"], one["text"]) for one in made.held]


def test_all_is_well() -> None:
    made = checked("a@x.example;a.pdf\nb@x.example;b.pdf|a.pdf\nc@x.example;\n", "a.pdf", "b.pdf")
    assert made == Personal([], heaviest=21, volume=31, without=1)


def test_a_missing_file_and_one_that_nobody_gets() -> None:
    made = checked("a@x.example;a.pdf\nb@x.example;c.pdf\nd@x.example;c.pdf\n", "a.pdf", "b.pdf")
    assert codes(made) == [("pj_missing", "c.pdf"), ("pj_unused", "b.pdf")]
    assert made.held[0]["line"] == "3, 4"


def test_two_files_of_one_name() -> None:
    made = checked("a@x.example;a.pdf\n", "a.pdf", "A.PDF")
    assert [code for code, _ in codes(made)] == ["pj_twice", "pj_missing"]


def test_a_bad_line_has_claimed_its_file_and_misses_none() -> None:
    assert checked("a@x.example;a.pdf\nbad@;b.pdf\nalso@;c.pdf\n", "a.pdf", "b.pdf").held == []


def test_the_file_of_a_duplicate_line_would_be_lost() -> None:
    made = checked("a@x.example;a.pdf\nA@x.example;b.pdf\n", "a.pdf", "b.pdf")
    assert codes(made) == [("pj_unused", "b.pdf")]


def test_many_names_are_cut() -> None:
    made = checked("a@x.example;\n", *(f"{n}.pdf" for n in range(8)))
    assert codes(made) == [("pj_unused", "0.pdf, 1.pdf, 2.pdf, 3.pdf, 4.pdf … (8)")]


def test_no_column_asks_nothing() -> None:
    liste = lists.read(b"Email;Nom\na@x.example;b\n")
    assert isinstance(liste, Liste)
    assert check(liste, [Part("a.pdf", "", "", b"")]) == Personal()
