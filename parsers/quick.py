"""Frozen dataclasses that cost little to make, for the values of which each mail or line makes some.

In: a class that `dataclass(frozen=True, slots=True)` has made. Out: the same class, whose fields are set plainly: a frozen
one sets each by a call of its own, which makes it three times as dear, and a mail needs eight of them. Assignments are still
refused where we look for them, by mypy; at run time nobody refuses them. Raises nothing.
"""

from __future__ import annotations

from dataclasses import field, fields, make_dataclass
from typing import TypeVar

T = TypeVar("T")


def quick(cls: type[T]) -> type[T]:
    """Let a frozen dataclass be made as quickly as one that is not."""
    alike = [
        (one.name, one.type, field(default=one.default, default_factory=one.default_factory))
        for one in fields(cls)  # type: ignore[arg-type]
    ]
    cls.__init__ = make_dataclass(cls.__qualname__, alike).__init__  # type: ignore[misc, method-assign]
    del cls.__setattr__, cls.__delattr__
    return cls
