"""The graded tests tried on broken solutions: which mutants do they catch, and which survive?

Each mutant takes the place of its module in the package of the earlier ones, in the sandbox. It is
caught by a test that fails, by a crash, or by taking much longer than the solution. A mutant may be
declared equivalent to the solution, with a reason; one that a test catches is not.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import msgspec
import yaml

from tito.course import Course, Module
from tito.errors import TitoError
from tito.export import build
from tito.mutation import Mutant, mutants
from tito.names import public_names
from tito.report import Finding, in_order
from tito.sandbox import Limits, run
from tito.source import DevFile, read
from tito.testing import described, test_names, write_package

MOST_EQUIVALENT = 0.05
"""The share of all mutants that may be declared equivalent."""
AT_ONCE = 2
"""Processes side by side."""
_TOGETHER = 60
"""Mutants that one process tries: enough to be worth its start, few enough to share them out."""
_LEAST_SECONDS, _TIMES_THE_SOLUTION = 2.0, 5.0
_LIMITS = Limits(seconds=900, megabytes=2048)
_FORKS = Path(__file__).with_name("forks.py")

How = Literal["test", "crash", "timeout", "survived"]
Progress = Callable[[str], object]


class Tried(msgspec.Struct, frozen=True):
    """A mutant, how it ended, and what noticed it. `reason` is set if it is declared equivalent."""

    module: str
    mutant: Mutant
    how: How
    by: str = ""
    reason: str = ""

    @property
    def caught(self) -> bool:
        """True if anything noticed it."""
        return self.how != "survived"


class Equivalent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mutant that does what the solution does. `change` shows that the id still means it."""

    mutant: str
    change: str
    reason: str


class Equivalents(msgspec.Struct, frozen=True):
    """The mutants that are declared equivalent, and the file that says so."""

    path: str
    listed: tuple[Equivalent, ...] = ()


class Count(msgspec.Struct, frozen=True):
    """How many mutants there are of a module, or of all, and what became of them."""

    what: str
    mutants: int
    caught: int
    late: int
    """Of those caught, the ones that took too long."""
    equivalent: int
    survived: int

    @property
    def share(self) -> float:
        """The part of all mutants that was caught; equivalent ones count as not caught."""
        return self.caught / self.mutants if self.mutants else 0.0


def count(what: str, tried: Sequence[Tried]) -> Count:
    """The numbers of these mutants, under the name `what`."""
    left = [each for each in tried if not each.caught]
    equivalent = sum(bool(each.reason) for each in left)
    late = sum(each.how == "timeout" for each in tried)
    caught, survived = len(tried) - len(left), len(left) - equivalent
    return Count(what, len(tried), caught, late, equivalent, survived)


class Proof(msgspec.Struct, frozen=True):
    """All mutants that were tried, and what is wrong with the list of equivalent ones."""

    tried: tuple[Tried, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def modules(self) -> tuple[Count, ...]:
        """One count a module."""
        names = dict.fromkeys(each.module for each in self.tried)
        return tuple(count(n, [each for each in self.tried if each.module == n]) for n in names)

    @property
    def total(self) -> Count:
        """All of them together."""
        return count("all", self.tried)

    @property
    def survivors(self) -> tuple[Tried, ...]:
        """Those that no test noticed and that nobody has declared equivalent."""
        return tuple(each for each in self.tried if not each.caught and not each.reason)


def prove(
    course: Course,
    modules: Sequence[Module],
    *,
    equivalents: Equivalents,
    progress: Progress = lambda _: None,
) -> Proof:
    """Try every mutant of these modules.

    Raises TitoError if a solution fails its own tests, RefusedError if it cannot be exported.
    """
    if not hasattr(os, "fork"):
        raise TitoError("mutants need a system that can fork", hint="use Linux, macOS or WSL")
    known = _all_mutants(course)
    parts = [part for module in modules for part in _parts(module, known.get(module.name, ()))]
    reasons = {(each.mutant, each.change): each.reason.strip() for each in equivalents.listed}
    change = msgspec.structs.replace
    tried = [
        change(each, reason=reasons.get((each.mutant.id, each.mutant.change), ""))
        for each in _side_by_side(course, parts, progress)
    ]
    everything = [mutant for each in known.values() for mutant in each]
    return Proof(tuple(tried), in_order(_faults(equivalents, everything, tried)))


Part = tuple[Module, Sequence[Mutant]]


def _side_by_side(course: Course, parts: Sequence[Part], progress: Progress) -> Iterator[Tried]:
    total, done = sum(len(part) for _, part in parts), 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures = [pool.submit(try_mutants, course, module, part) for module, part in parts]
        try:
            for future in futures:
                tried = future.result()
                done += len(tried)
                progress(f"{done} of {total} mutants")
                yield from tried
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _all_mutants(course: Course) -> dict[str, tuple[Mutant, ...]]:
    """By module; also of those that are not tried, since the list of equivalents is about all."""
    written = [module for module in course.modules if course.written(module)]
    return {m.name: mutants(read(course.dev_file(m), course.dev_path(m))) for m in written}


def _parts(module: Module, known: Sequence[Mutant]) -> Iterator[Part]:
    for start in range(0, len(known), _TOGETHER):
        yield module, known[start : start + _TOGETHER]


def try_mutants(course: Course, module: Module, chosen: Sequence[Mutant]) -> list[Tried]:
    """Try these mutants of one module, one after the other, in one sandbox."""
    files = build(course, course.up_to(module))
    earlier = build(course, course.up_to(module)[:-1])
    dev = read(course.dev_file(module), course.dev_path(module))
    source = files[module.file].decode("utf-8")
    with tempfile.TemporaryDirectory(prefix="tito-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary).resolve()
        write_package(folder / course.settings.package, earlier)
        report, spec = folder / "report.json", folder / "spec.json"
        told = {
            "package": course.settings.package,
            "folder": str(folder),
            "source": source,
            "public": public_names(dev),
            "dev": described(course, module, dev),
            "tests": test_names(dev),
            "edits": [_in_package(dev, source, mutant) for mutant in chosen],
            "least": _LEAST_SECONDS,
            "times": _TIMES_THE_SOLUTION,
            "report": str(report),
        }
        spec.write_text(json.dumps(told), encoding="utf-8")
        command = [sys.executable, "-I", "-B", str(_FORKS), str(spec)]
        outcome = run(command, cwd=folder, limits=_LIMITS)
        if outcome.returncode or outcome.stopped or not report.is_file():
            said = outcome.stopped or outcome.stderr.strip().rpartition("\n")[2]
            raise TitoError(f"the mutants of {module.slug} could not be tried: {said}")
        solution, *outcomes = msgspec.json.decode(report.read_bytes(), type=list[tuple[How, str]])
    if solution[0] != "survived":
        raise TitoError(
            f"the solution of {module.slug} fails its own tests: {solution[1]}",
            where=dev.path,
            hint=f"tito module test {module.number}",
        )
    pairs = zip(chosen, outcomes, strict=True)
    return [Tried(module.slug, mutant, how, by) for mutant, (how, by) in pairs]


def _in_package(dev: DevFile, source: str, mutant: Mutant) -> tuple[int, int, str]:
    """The mutant's change where its cell stands in the package's file."""
    marker = f"# %% {dev.path} {mutant.cell}\n"
    first = source.index(marker) + len(marker)
    return first + mutant.start, first + mutant.end, mutant.text


def read_equivalents(file: Path, path: str) -> Equivalents:
    """The list in a YAML file, which is called `path` where something is wrong with it."""
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
        listed = msgspec.convert(data or [], tuple[Equivalent, ...])
    except (yaml.YAMLError, msgspec.ValidationError, UnicodeDecodeError) as error:
        message = f"this is no list of mutants: {error}".replace("\n", " ")
        hint = "each entry has `mutant`, `change` and `reason`"
        raise TitoError(message, where=path, hint=hint) from None
    return Equivalents(path, listed)


def _faults(
    equivalents: Equivalents, known: Sequence[Mutant], tried: Sequence[Tried]
) -> Iterator[Finding]:
    """What is wrong with the list of equivalent mutants."""
    by_id = {mutant.id: mutant for mutant in known}
    caught = {each.mutant.id: each.by for each in tried if each.caught}
    said = []
    for at, each in enumerate(equivalents.listed):
        mutant, name = by_id.get(each.mutant), each.mutant
        if name in {earlier.mutant for earlier in equivalents.listed[:at]}:
            said.append((f"{name} stands twice", "keep one of them"))
        elif mutant is None:
            said.append((f"there is no mutant {name}", "take it off the list"))
        elif mutant.change != each.change:
            hint = "look for the one that was meant, and correct id and change"
            said.append((f"{name} is another mutant now: {mutant.change}", hint))
        elif not each.reason.strip():
            said.append((f"{name} has no reason", "say why it does what the solution does"))
        elif name in caught:
            message = f"{name} is not equivalent, a test notices it: {caught[name]}"
            said.append((message, "take it off the list"))
    number = len(equivalents.listed)
    if number > MOST_EQUIVALENT * len(known):
        hint = f"at most {MOST_EQUIVALENT:.0%} may be: write tests for the others"
        said.append((f"{number} of {len(known)} mutants are declared equivalent", hint))
    for message, hint in said:
        yield Finding("equivalent-mutants", "error", equivalents.path, 0, message, hint)
