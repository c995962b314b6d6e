"""Quick values are what their frozen dataclass was: defaults, equality, hash, replacement."""

from dataclasses import dataclass, field, replace

import pytest

from parsers.quick import quick


@quick
@dataclass(frozen=True, slots=True)
class Quick:
    one: int
    two: str = "two"
    many: list[int] = field(default_factory=list, compare=False)


def test_it_is_made_as_its_dataclass_says() -> None:
    made = Quick(1, many=[3])
    assert (made.one, made.two, made.many) == (1, "two", [3])
    assert Quick(1).many == []
    assert Quick(1).many is not Quick(1).many
    assert repr(made) == "Quick(one=1, two='two', many=[3])"


def test_it_is_a_value() -> None:
    assert Quick(1) == Quick(1, "two", [9]) != Quick(2)
    assert len({Quick(1), Quick(1), Quick(2)}) == 2
    assert replace(Quick(1), two="three") == Quick(1, "three")


def test_it_has_its_fields_and_no_others() -> None:
    with pytest.raises(TypeError):
        Quick()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Quick(1, three=3)  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        Quick(1).three = 3  # type: ignore[attr-defined]
