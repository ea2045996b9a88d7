"""The result of a student's run as the tools of GitHub Classroom read it: an output in base64, and
two notices.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import msgspec

from tito.errors import TitoError
from tito.result_formats import LARGEST, encode_legacy
from tito.results import TestPoints

_Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
_Slug = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{2}(_[a-z0-9]+)+\Z", max_length=60)]


class _Module(msgspec.Struct):
    """The part of a module's feedback that is read."""

    module: _Slug
    earned: _Count = 0
    points: _Count = 0


class _Feedback(msgspec.Struct):
    """The part of what `tito feedback --json` writes that is read."""

    modules: Annotated[tuple[_Module, ...], msgspec.Meta(max_length=100)] = ()


def tried_in(file: Path) -> tuple[TestPoints, ...]:
    """One row a module that was tried. Raises TitoError for a file that is missing or bent."""
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST + 1)
        found = msgspec.json.decode(data[:LARGEST], type=_Feedback)
    except OSError as error:
        raise TitoError(f"cannot read {file.name}: {error.strerror}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise TitoError(f"{file.name} is no result of a run: {error}") from None
    tried = [each for each in found.modules if each.points]
    return tuple(TestPoints(m.module, Fraction(m.earned), m.points) for m in tried)


def output(tests: Sequence[TestPoints]) -> str:
    """The line for the file that GITHUB_OUTPUT names."""
    return f"result={encode_legacy(tests)}\n"


def lines(tests: Sequence[TestPoints]) -> list[str]:
    """What the log says. Without a test there are no points to be told of, and nothing is green."""
    if not tests:
        return ["Nothing was tried: no points."]
    earned, points = sum(int(test.earned) for test in tests), sum(test.points for test in tests)
    report = json.dumps({"totalPoints": earned, "maxPoints": points}, separators=(",", ":"))
    return [
        *(f"{test.name}: {int(test.earned)}/{test.points}" for test in tests),
        f"::notice title=Autograding report::{report}",
        f"::notice title=Autograding complete::Points {earned}/{points}",
    ]
