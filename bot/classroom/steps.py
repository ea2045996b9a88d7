"""What is done for one repository after the other: the trouble of one is not the others'."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from bot.errors import LaterError
from tito.errors import TitoError

MOST_IN_A_ROW = 5
"""So many repositories in a row may fail. One more, and it is not about them."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Step:
    """What was done for one repository, or would be."""

    repository: str
    what: str
    failed: bool = False


def one_by_one(
    items: Iterable[Item], work: Callable[[Item], Iterator[Step]], name: Callable[[Item], str]
) -> Iterator[Step]:
    """The steps of all items, with a failed one for each that had trouble.

    Raises LaterError where GitHub wants a pause, and the error of the last where many in a row had
    one: then it is not about them.
    """
    in_a_row = 0
    for item in items:
        try:
            yield from work(item)
            in_a_row = 0
        except LaterError:
            raise
        except TitoError as error:
            in_a_row += 1
            if in_a_row > MOST_IN_A_ROW:
                raise
            yield Step(name(item), error.message, failed=True)
