"""One repository after the other: the trouble of one is not the others'."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from bot.classroom.names import Home
from bot.classroom.provision import MOST_IN_A_ROW, Step
from bot.errors import LaterError
from tito.errors import TitoError

Item = TypeVar("Item")


def one_by_one(
    items: Iterable[Item], work: Callable[[Item], Iterator[Step]], home: Callable[[Item], Home]
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
            yield Step(home(item).repository.name, error.message, failed=True)
