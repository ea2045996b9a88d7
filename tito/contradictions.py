"""What no record of classroom.yml can see by itself: order, duplicates, unknown names, sums."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tito.assignments import Assignment
from tito.course import MANIFEST, BranchRule, Checkpoint, Manifest, Module
from tito.report import Finding

KeyPath = tuple[str | int, ...]
"""Where in the file: names of sections and fields, and numbers in lists."""


def nearest(word: str, choices: Iterable[str]) -> str:
    choices = list(choices)
    near = difflib.get_close_matches(word, choices, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(choices)}"


class _Contradictions:
    """What each record cannot see by itself: order, duplicates, unknown names, sums."""

    def __init__(self, manifest: Manifest, lines: dict[KeyPath, int]) -> None:
        self.manifest = manifest
        self.lines = lines
        self.names = [module.name for module in manifest.modules]
        self.found: list[Finding] = []

    def fault(self, path: KeyPath, message: str, hint: str = "", rule: str = "value") -> None:
        lengths = range(len(path), -1, -1)
        line = next(self.lines[path[:n]] for n in lengths if path[:n] in self.lines)
        self.found.append(Finding(f"course-{rule}", "error", MANIFEST, line, message, hint))

    def numbers(self) -> None:
        sections: tuple[tuple[str, Sequence[Module | Checkpoint], int], ...] = (
            ("modules", self.manifest.modules, 1),
            ("checkpoints", self.manifest.checkpoints, 0),
        )
        for section, records, first in sections:
            for i, record in enumerate(records):
                expected = f"{i + first:02}"
                if record.number != expected:
                    message = f'number "{record.number}" stands where "{expected}" belongs'
                    self.fault((section, i, "number"), message)

    def duplicates(self) -> None:
        for field in ("name", "target"):
            taken: set[str] = set()
            for i, module in enumerate(self.manifest.modules):
                value = getattr(module, field)
                if value in taken:
                    message = f"{field} {value!r} stands twice"
                    self.fault(("modules", i, field), message, rule="duplicate")
                taken.add(value)

    def needs(self) -> None:
        for i, module in enumerate(self.manifest.modules):
            for j, need in enumerate(module.needs):
                place: KeyPath = ("modules", i, "needs", j)
                if need not in self.names:
                    self.unknown(place, need)
                elif need in self.names[i:]:
                    message = f"{module.slug} needs the later {need!r}"
                    self.fault(place, message, "a module may need earlier modules only", "order")

    def checkpoints(self) -> None:
        for i, checkpoint in enumerate(self.manifest.checkpoints):
            place: KeyPath = ("checkpoints", i, "modules")
            if not checkpoint.modules:
                self.fault(place, f"checkpoint {checkpoint.slug} names no module")
            for j, need in enumerate(checkpoint.modules):
                if need not in self.names:
                    self.unknown((*place, j), need)

    def unknown(self, place: KeyPath, need: str) -> None:
        self.fault(place, f"unknown module {need!r}", nearest(need, self.names))

    def branches(self) -> None:
        names = [rule.name for rule in self.manifest.branches.rules]
        for i, rule in enumerate(self.manifest.branches.rules):
            place: KeyPath = ("branches", "rules", i)
            if rule.name in names[:i]:
                self.fault(place, f"rule {rule.name!r} stands twice", rule="duplicate")
            for wrong in _contradicting(rule):
                self.fault(place, f"rule {rule.name!r} {wrong}")
        for i, environment in enumerate(self.manifest.branches.environments):
            if not environment.reviewers:
                message = f"environment {environment.name!r} has no reviewers"
                self.fault(("branches", "environments", i, "reviewers"), message)

    def timezone(self) -> None:
        name = self.manifest.course.timezone
        if name != "UTC" and not _known_zone(name):
            hint = "a name such as Europe/Zurich, with capitals and a slash"
            self.fault(("course", "timezone"), f"unknown time zone {name!r}", hint)

    def assignments(self) -> None:
        slugs: set[str] = set()
        taken: dict[str, str] = {}
        points = {module.name: module.points for module in self.manifest.modules}
        for i, assignment in enumerate(self.manifest.assignments):
            place: KeyPath = ("assignments", i)
            if assignment.slug in slugs:
                message = f"assignment {assignment.slug!r} stands twice"
                self.fault((*place, "slug"), message, rule="duplicate")
            slugs.add(assignment.slug)
            for j, name in enumerate(assignment.modules):
                if name not in points:
                    self.unknown((*place, "modules", j), name)
                elif name in taken:
                    message = f"module {name!r} is part of assignment {taken[name]!r} already"
                    self.fault((*place, "modules", j), message, rule="duplicate")
                taken.setdefault(name, assignment.slug)
            self._sum(place, assignment, points)
            for wrong in _untimely(assignment):
                self.fault(place, f"assignment {assignment.slug!r} {wrong}")

    def _sum(self, place: KeyPath, assignment: Assignment, points: Mapping[str, int]) -> None:
        total = sum(points.get(name, 0) for name in assignment.modules)
        if set(assignment.modules) <= set(points) and total != assignment.points:
            message = f"points is {assignment.points}, its modules add up to {total}"
            self.fault((*place, "points"), message)

    def points(self) -> None:
        total = sum(module.points for module in self.manifest.modules)
        stated = self.manifest.course.points
        if total != stated:
            message = f"points is {stated}, the modules add up to {total}"
            self.fault(("course", "points"), message)


def _contradicting(rule: BranchRule) -> Iterable[str]:
    """What a rule says that does not go together."""
    if bool(rule.branches) == bool(rule.tags):
        yield "needs either `branches` or `tags`"
    for_branches = (rule.reviews is not None, rule.checks, rule.merge_queue, rule.up_to_date)
    if rule.tags and any(for_branches):
        yield "is for tags: reviews, checks and a merge queue are for branches"
    if rule.branches and rule.made_by:
        yield "is for branches: `made_by` is for tags"
    if rule.code_owners and not rule.reviews:
        yield "asks for code owners without `reviews` of at least 1"
    if rule.up_to_date and not rule.checks:
        yield "asks for `up_to_date` without `checks`"


def _untimely(assignment: Assignment) -> Iterator[str]:
    """What an assignment says of times that does not go together."""
    opens, due, after = assignment.opens, assignment.due, assignment.solutions_after
    if opens and due and due <= opens:
        yield "is due before it opens"
    if after and due and after < due:
        yield "shows its solutions before it is due"
    if due is None and (assignment.late or assignment.late_days or assignment.grace_minutes):
        yield "says what is late and has no `due`"
    if assignment.late_days and assignment.late is None:
        yield "has `late_days` and no `late`: without it nothing that is late counts"
    if assignment.count == "tagged" and assignment.run_on == "off":
        yield "counts what is tagged and runs on nothing: let `run_on` be tag"


def _known_zone(name: str) -> bool:
    import zoneinfo  # needed by a course with a zone of its own

    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def contradictions(manifest: Manifest, lines: dict[KeyPath, int]) -> list[Finding]:
    looking = _Contradictions(manifest, lines)
    looking.numbers()
    looking.duplicates()
    looking.needs()
    looking.checkpoints()
    looking.branches()
    looking.points()
    looking.timezone()
    looking.assignments()
    return looking.found
