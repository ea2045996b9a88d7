"""`classroom.yml` read: once composed, every value with its line, every fault reported."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from tito.assignments import Assignment, Classroom
from tito.contradictions import KeyPath, contradictions, nearest
from tito.course import (
    MANIFEST,
    Branches,
    Checkpoint,
    Manifest,
    Module,
    Protection,
    Settings,
)
from tito.errors import RefusedError
from tito.record import Record
from tito.report import Finding

RecordType = TypeVar("RecordType", bound=Record)


def read_manifest(text: str) -> Manifest:
    """The manifest in this text. Raises RefusedError with every fault and its line."""
    reader = _Reader()
    manifest = reader.manifest(text)
    findings = reader.findings
    if manifest is not None:
        findings = [*findings, *contradictions(manifest, reader.lines)]
    if findings or manifest is None:
        raise RefusedError(f"{MANIFEST} has {len(findings)} fault(s)", findings)
    return manifest


_OPTIONAL = ("branches", "classroom", "assignments")
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
            # The end of the file is said to be a line below it.
            line = min(mark.line, text.count("\n")) + 1 if mark else 1
            self.fault(line, f"not valid YAML: {problem}", rule="course-yaml")
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
                self.fault(self.lines[(key,)], f"unknown section {key!r}", nearest(key, known))
        for key in known:
            if key not in data and key not in _OPTIONAL:
                self.fault(1, f"section {key!r} is missing")
        settings = self._record(data.get("course"), Settings, ("course",))
        protection = self._record(data.get("protection"), Protection, ("protection",))
        modules = self._records(data.get("modules"), Module, "modules")
        checkpoints = self._records(data.get("checkpoints"), Checkpoint, "checkpoints")
        branches = self._record(data.get("branches", {}), Branches, ("branches",)) or Branches()
        given = data.get("classroom", {})
        classroom = self._record(given, Classroom, ("classroom",)) or Classroom()
        assignments = self._records(data.get("assignments"), Assignment, "assignments")
        if settings is None or protection is None or self.findings:
            return None
        return Manifest(
            settings, modules, checkpoints, protection, branches, classroom, assignments
        )

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
                hint = nearest(key, kind.__struct_fields__)
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
        if "RFC3339" in what or "timezone component" in what:
            what = "this is no moment with a zone"
            hint = "write day, time and its distance from UTC: 2027-03-01T23:59:00+01:00, or …Z"
        label = str(where[-1]) if isinstance(where[-1], str) else str(where[-2])
        self.fault(line, f"{label}: {what}", hint)


def _scalar(node: yaml.Node) -> str | int | float | bool | None:
    """A scalar as YAML means it. Dates stay text: no field of ours takes YAML's dates."""
    tag = node.tag.rpartition(":")[2]
    value = str(node.value)
    if tag == "null":
        return None
    # YAML 1.1 reads yes, no, on and off as well, which are words of ours: `run_on: off`.
    if tag == "bool" and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if tag in ("int", "float"):
        number = value.replace("_", "")
        # YAML's other spellings (0x1F, 1:30, .inf) are no numbers of ours; 07 is seven here, and
        # refused as unquoted where text is expected.
        if re.fullmatch(r"[-+]?\d+", number):
            return int(number)
        if re.fullmatch(r"[-+]?\d*\.\d+([eE][-+]?\d+)?|[-+]?\d+\.", number):
            return float(number)
    return value


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
