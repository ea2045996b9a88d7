"""`classroom.yml` read: once composed, every value with its line, every fault reported."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from tito.course import (
    MANIFEST,
    Branches,
    BranchRule,
    Checkpoint,
    Manifest,
    Module,
    Protection,
    Record,
    Settings,
)
from tito.errors import RefusedError
from tito.report import Finding

RecordType = TypeVar("RecordType", bound=Record)


def read_manifest(text: str) -> Manifest:
    """The manifest in this text. Raises RefusedError with every fault and its line."""
    reader = _Reader()
    manifest = reader.manifest(text)
    findings = reader.findings
    if manifest is not None:
        findings = [*findings, *_contradictions(manifest, reader.lines)]
    if findings or manifest is None:
        raise RefusedError(f"{MANIFEST} has {len(findings)} fault(s)", findings)
    return manifest


KeyPath = tuple[str | int, ...]
_OPTIONAL = ("branches",)
"""Sections that a course may leave out."""


class _Reader:
    """Composes the YAML once; the same nodes give the data and the line of every value."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.lines: dict[KeyPath, int] = {}
        self.written: dict[KeyPath, str] = {}
        self._seen: set[int] = set()

    def fault(self, line: int, message: str, hint: str = "", rule: str = "course-value") -> None:
        self.findings.append(Finding(rule, "error", MANIFEST, line, message, hint))

    def manifest(self, text: str) -> Manifest | None:
        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            node = yaml.compose(text, Loader=loader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            problem = str(getattr(error, "problem", error))
            self.fault(
                mark.line + 1 if mark else 1, f"not valid YAML: {problem}", rule="course-yaml"
            )
            return None
        except RecursionError:
            self.fault(1, "nested too deeply", rule="course-yaml")
            return None
        data = self._plain(node, ()) if node is not None else None
        if not isinstance(data, dict):
            self.fault(1, "the file must be a mapping with the sections of the course")
            return None
        return self._convert(data)

    def _plain(self, node: yaml.Node, path: KeyPath) -> Any:
        line = node.start_mark.line + 1
        self.lines[path] = line
        if id(node) in self._seen:
            self.fault(
                line, "an alias (*name) is not allowed", "write the value out", "course-alias"
            )
            return None
        self._seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(item, (*path, index)) for index, item in enumerate(node.value)]
        self.written[path] = node.value
        return _scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value in node.value:
            key, line = str(key_node.value), key_node.start_mark.line + 1
            if key_node.tag.endswith(":merge"):
                self.fault(line, "a merge key (<<) is not allowed", "write it out", "course-alias")
            elif key in result:
                self.fault(line, f"{key!r} stands twice", "keep one of them", "course-duplicate")
            else:
                place: KeyPath = (*path, key)
                result[key] = self._plain(value, place)
                self.lines[place] = line
        return result

    def _convert(self, data: dict[str, Any]) -> Manifest | None:
        """Each record by itself, so that one fault does not hide the next."""
        known = Manifest.__struct_fields__
        for key in data:
            if key not in known:
                self.fault(self.lines[(key,)], f"unknown section {key!r}", _nearest(key, known))
        for key in known:
            if key not in data and key not in _OPTIONAL:
                self.fault(1, f"section {key!r} is missing")
        settings = self._record(data.get("course"), Settings, ("course",))
        protection = self._record(data.get("protection"), Protection, ("protection",))
        modules = self._records(data.get("modules"), Module, "modules")
        checkpoints = self._records(data.get("checkpoints"), Checkpoint, "checkpoints")
        branches = self._record(data.get("branches", {}), Branches, ("branches",)) or Branches()
        if settings is None or protection is None or self.findings:
            return None
        return Manifest(settings, modules, checkpoints, protection, branches)

    def _records(self, items: Any, kind: type[RecordType], section: str) -> tuple[RecordType, ...]:
        if items is None:
            return ()
        if not isinstance(items, list):
            self.fault(self.lines[(section,)], f"{section!r} must be a list of records")
            return ()
        records = (self._record(item, kind, (section, i)) for i, item in enumerate(items))
        return tuple(record for record in records if record is not None)

    def _record(self, data: Any, kind: type[RecordType], path: KeyPath) -> RecordType | None:
        if path not in self.lines:
            return None  # the section is missing, and that has been said
        if isinstance(data, dict):
            unknown = [key for key in data if key not in kind.__struct_fields__]
            for key in unknown:
                hint = _nearest(key, kind.__struct_fields__)
                place: KeyPath = (*path, key)
                self.fault(self.lines[place], f"unknown field {key!r}", hint)
            data = {key: value for key, value in data.items() if key not in unknown}
        try:
            return msgspec.convert(data, kind)
        except msgspec.ValidationError as error:
            self._explain(str(error), path)
            return None

    def _explain(self, message: str, path: KeyPath) -> None:
        """msgspec's `Expected ... - at `$.a[0]`` with our line, and the quotes that were meant."""
        what, _, place = message.partition(" - at `$")
        keys = re.findall(r"\.(\w+)|\[(\d+)\]", place)
        where = (*path, *(int(index) if index else name for name, index in keys))
        line = next(
            self.lines[where[:n]] for n in range(len(where), -1, -1) if where[:n] in self.lines
        )
        hint = ""
        if what.startswith("Expected `str`") and where in self.written:
            hint = f'put it in quotes: "{self.written[where]}"'
        label = str(where[-1]) if isinstance(where[-1], str) else str(where[-2])
        self.fault(line, f"{label}: {what}", hint)


def _scalar(node: yaml.Node) -> str | int | float | bool | None:
    """A scalar as YAML means it. Dates stay text: no field of ours takes YAML's dates."""
    tag = node.tag.rpartition(":")[2]
    value = str(node.value)
    if tag == "null":
        return None
    if tag == "bool":
        return value.lower() in ("true", "yes", "on")
    if tag in ("int", "float"):
        number = value.replace("_", "")
        # YAML's other spellings (0x1F, 1:30, .inf) are no numbers of ours; 07 is seven here, and
        # refused as unquoted where text is expected.
        if re.fullmatch(r"[-+]?\d+", number):
            return int(number)
        if re.fullmatch(r"[-+]?\d*\.\d+([eE][-+]?\d+)?|[-+]?\d+\.", number):
            return float(number)
    return value


def _nearest(word: str, choices: Iterable[str]) -> str:
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
        self.fault(place, f"unknown module {need!r}", _nearest(need, self.names))

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


def _contradictions(manifest: Manifest, lines: dict[KeyPath, int]) -> list[Finding]:
    looking = _Contradictions(manifest, lines)
    looking.numbers()
    looking.duplicates()
    looking.needs()
    looking.checkpoints()
    looking.branches()
    looking.points()
    return looking.found


def json_schema() -> str:
    """The JSON schema of classroom.yml, for editors and CI, as the text that is shipped."""
    schema = msgspec.json.schema(Manifest)
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **_undented(schema)}
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def _undented(node: Any) -> Any:
    """Descriptions are docstrings: Python 3.13 takes their indentation off, those before do not."""
    from inspect import cleandoc  # needed by nobody who only reads the course

    if isinstance(node, list):
        return [_undented(item) for item in node]
    if not isinstance(node, dict):
        return node
    texts = {k: cleandoc(v) for k, v in node.items() if k == "description" and isinstance(v, str)}
    return {key: _undented(value) for key, value in node.items()} | texts


if __name__ == "__main__":
    # python -m tito.classroom: ship the schema of these types.
    Path(__file__).with_name("classroom.schema.json").write_text(json_schema(), encoding="utf-8")
