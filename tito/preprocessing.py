"""What runs in a process of its own: nbgrader's preprocessors. Imports nothing of tito.

    python -I -B preprocessing.py < SPEC > RESULT

SPEC names the notebooks with their cells, and the address of a gradebook or none. RESULT holds the
cells as they are released. nbgrader's own packages import its server, its converters and all that
those need, which takes longer than the work: here every module is loaded without the package
around it. What that leaves half-loaded ends with this process.
"""

from __future__ import annotations

import gc
import importlib
import json
import logging
import sys
import types
from collections.abc import Callable, Iterable
from functools import partial
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, NoReturn

NOT_INSTALLED = 3
"""Exit code: nbgrader, or something it needs, is not there."""
REFUSED = 4
"""Exit code: nbgrader refused a notebook. The result says which and why."""

_NEVER_NEEDED = (
    *("fqdn", "idna", "isoduration", "jsonpointer", "rfc3339_validator", "rfc3986_validator"),
    *("rfc3987", "rfc3987_syntax", "uri_template", "webcolors"),
)
"""jsonschema loads them, if they are there, to check formats that nbgrader does not use."""
_STAND_INS = {
    "nbconvert.exporters": (),
    "nbconvert.exporters.exporter": ("ResourcesDict",),
    "nbgrader.auth": ("Authenticator",),
    "tornado": (),
    "tornado.log": ("LogFormatter",),
    "setuptools.archive_util": ("unpack_archive", "unpack_tarfile", "unpack_zipfile"),
}
"""Of these nbgrader takes names alone, for annotations and for what is not done here."""
_BEFORE = (
    ("lockcells", "LockCells"),
    ("clearsolutions", "ClearSolutions"),
    ("clearoutput", "ClearOutput"),
    ("checkcellmetadata", "CheckCellMetadata"),
    ("computechecksums", "ComputeChecksums"),
)
_AFTER = (
    ("clearhiddentests", "ClearHiddenTests"),
    ("clearmarkingscheme", "ClearMarkScheme"),
    ("computechecksums", "ComputeChecksums"),
    ("checkcellmetadata", "CheckCellMetadata"),
)

KINDS = ("grade", "solution", "task", "source")
"""The tables of cells in a gradebook."""


def main() -> None:
    gc.disable()  # this ends before there is anything worth collecting
    spec = json.loads(sys.stdin.buffer.read().decode("utf-8"))
    try:
        load = prepared()
        before, after = ([load(*each) for each in names] for names in (_BEFORE, _AFTER))
        save = [load("savecells", "SaveCells")] if spec["gradebook"] else []
    except ImportError as error:
        print(error, file=sys.stderr)
        sys.exit(NOT_INSTALLED)
    finish = opened_or_refused(spec) if spec["gradebook"] else None
    chain = [*before, *save, *after]
    done = [released(notebook, spec["gradebook"], chain) for notebook in spec["notebooks"]]
    if finish is not None:
        finish()
    sys.stdout.buffer.write(json.dumps(done).encode("utf-8"))


def prepared() -> Callable[[str, str], type]:
    """A function that loads a preprocessor by its module and its class."""
    for name in _NEVER_NEEDED:
        sys.modules[name] = None  # type: ignore[assignment]
    bare("nbconvert")
    outer = bare("nbconvert.preprocessors")
    for name, class_name in (("base", "Preprocessor"), ("clearoutput", "ClearOutputPreprocessor")):
        module = importlib.import_module(f"nbconvert.preprocessors.{name}")
        setattr(outer, class_name, getattr(module, class_name))
    bare("nbgrader")
    for name, names in _STAND_INS.items():
        module = types.ModuleType(name)
        module.__dict__.update(dict.fromkeys(names, object))
        sys.modules[name] = module
    sys.modules["tornado.log"].__dict__["app_log"] = logging.getLogger("tornado.application")
    inner = bare("nbgrader.preprocessors")
    base = importlib.import_module("nbgrader.preprocessors.base")
    inner.__dict__["NbGraderPreprocessor"] = base.NbGraderPreprocessor

    checked_once()

    def load(module: str, name: str) -> type:
        found = getattr(importlib.import_module(f"nbgrader.preprocessors.{module}"), name)
        assert isinstance(found, type)
        return found

    return load


def checked_once() -> None:
    """nbgrader checks every cell against a schema, and jsonschema the schema every time."""
    validators = importlib.import_module("jsonschema.validators")
    best = importlib.import_module("jsonschema.exceptions").best_match
    known: dict[int, Any] = {}

    def validate(instance: Any, schema: Any) -> None:
        if id(schema) not in known:
            kind = validators.validator_for(schema)
            kind.check_schema(schema)
            known[id(schema)] = schema, kind(schema)
        error = best(known[id(schema)][1].iter_errors(instance))
        if error is not None:
            raise error

    importlib.import_module("jsonschema").__dict__["validate"] = validate


def bare(name: str) -> types.ModuleType:
    """The package as Python finds it, without running its `__init__.py`."""
    parent = name.rpartition(".")[0]
    spec = PathFinder.find_spec(name, sys.modules[parent].__path__ if parent else None)
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError(f"No module named {name!r}")
    module = types.ModuleType(name)
    module.__path__ = list(spec.submodule_search_locations)
    module.__spec__ = spec
    sys.modules[name] = module
    return module


def released(
    notebook: dict[str, Any], gradebook: str, chain: Iterable[type]
) -> list[dict[str, Any]]:
    """The cells of one notebook after all preprocessors, in nbgrader's order."""
    from_dict: Any = importlib.import_module("nbformat.notebooknode").from_dict
    settings: Any = importlib.import_module("traitlets.config").Config()
    settings.ClearSolutions.code_stub = {"python": notebook["stub"]}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    cells = [
        {**cell, "outputs": [], "execution_count": None} if cell["cell_type"] == "code" else cell
        for cell in notebook["cells"]
    ]
    node = from_dict({"metadata": {"kernelspec": kernel}, "cells": cells})
    named = {"notebook": notebook["name"], "assignment": notebook["assignment"]}
    resources = {"nbgrader": {**named, "db_url": gradebook}}
    for preprocessor in chain:
        try:
            node, resources = preprocessor(config=settings)(node, resources)
        except Exception as error:  # noqa: BLE001 - nbgrader raises whatever suits it
            refuse(notebook["name"], error)
    kept = ("cell_type", "source", "metadata")
    return [{key: cell[key] for key in kept} for cell in node.cells]


def refuse(name: str, error: Exception) -> NoReturn:
    """Say which notebook nbgrader did not take, and end."""
    lines = [line.strip() for line in str(error).strip().split("\n") if line.strip()]
    said = {"notebook": name, "message": lines[0] if lines else type(error).__name__}
    sys.stdout.buffer.write(json.dumps(said).encode("utf-8"))
    sys.stdout.flush()
    sys.exit(REFUSED)


def opened_or_refused(spec: dict[str, Any]) -> Callable[[], object]:
    """As `opened`; a file that is no gradebook, or that somebody else uses, is refused."""
    try:
        return opened(spec)
    except Exception as error:  # noqa: BLE001 - sqlalchemy raises whatever suits it
        refuse(spec["gradebook"].partition(":///")[2], error)


def opened(spec: dict[str, Any]) -> Callable[[], object]:
    """Open the gradebook, with the assignments in it, for all notebooks. Returns what saves it all.

    nbgrader would write to the disk after each cell; here it is one change, or none.
    """
    api = importlib.import_module("nbgrader.api")
    api.__dict__["get_alembic_version"] = newest_schema
    book = api.Gradebook(spec["gradebook"], "")
    Remembering(book, api.MissingEntry)
    save: Callable[[], object] = book.db.commit
    book.db.commit = lambda: book.db.flush() if book.db.deleted else None
    book.close = lambda: None
    saving = importlib.import_module("nbgrader.preprocessors.savecells")
    saving.__dict__["Gradebook"] = lambda _: book
    for name, notebooks in spec["assignments"].items():
        assignment = book.update_or_create_assignment(name)
        gone = sorted({each.name for each in assignment.notebooks} - {*notebooks})
        if gone and assignment.submissions:
            reason = f"assignment {name} has submissions, and would lose {', '.join(gone)}"
            refuse(gone[0], RuntimeError(reason))
        for each in gone:
            book.remove_notebook(each, name)
    return save


class Remembering:
    """Lets a gradebook find notebooks and cells in memory: nbgrader asks for each six times."""

    def __init__(self, book: Any, missing: type[Exception]) -> None:
        self.missing = missing
        self.notebooks: dict[tuple[str, str], Any] = {}
        self.cells: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.ask, self.add, self.remove = (
            getattr(book, f"{verb}_notebook") for verb in ("find", "add", "remove")
        )
        book.find_notebook, book.add_notebook = self.find_notebook, self.add_notebook
        book.remove_notebook = self.remove_notebook
        for kind in KINDS:
            setattr(book, f"find_{kind}_cell", partial(self.find_cell, kind))
            add = getattr(book, f"add_{kind}_cell")
            setattr(book, f"add_{kind}_cell", partial(self.add_cell, kind, add))

    def find_notebook(self, name: str, assignment: str) -> Any:
        if (name, assignment) not in self.notebooks:
            try:
                self.notebooks[name, assignment] = self.ask(name, assignment)
            except self.missing:
                self.notebooks[name, assignment] = None
        if self.notebooks[name, assignment] is None:
            raise self.missing(name)
        return self.notebooks[name, assignment]

    def add_notebook(self, name: str, assignment: str, **fields: Any) -> Any:
        self.notebooks[name, assignment] = self.add(name, assignment, **fields)
        return self.notebooks[name, assignment]

    def remove_notebook(self, name: str, assignment: str) -> None:
        self.remove(name, assignment)
        self.notebooks.pop((name, assignment), None)
        for kind in KINDS:
            self.cells.pop((kind, name, assignment), None)

    def find_cell(self, kind: str, name: str, notebook: str, assignment: str) -> Any:
        key = kind, notebook, assignment
        if key not in self.cells:
            # Raises if there is no such notebook, and then there is no such cell.
            found = getattr(self.find_notebook(notebook, assignment), f"{kind}_cells")
            self.cells[key] = {cell.name: cell for cell in found}
        if name not in self.cells[key]:
            raise self.missing(name)
        return self.cells[key][name]

    def add_cell(
        self,
        kind: str,
        add: Callable[..., Any],
        name: str,
        notebook: str,
        assignment: str,
        **fields: Any,
    ) -> Any:
        cell = add(name, notebook, assignment, **fields)
        self.cells.setdefault((kind, notebook, assignment), {})[name] = cell
        return cell


def newest_schema() -> str:
    """What a new gradebook is stamped with: nbgrader asks a program for it that may not be on PATH.

    It is the revision of nbgrader's that no other revision follows.
    """
    folder = Path(sys.modules["nbgrader"].__path__[0]) / "alembic" / "versions"
    texts = [file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.py"))]
    known = {value_of("revision", text) for text in texts}
    (head,) = known - {value_of("down_revision", text) for text in texts}
    return head


def value_of(name: str, text: str) -> str:
    lines: Iterable[str] = text.split("\n")
    for line in lines:
        left, equals, right = line.partition("=")
        if equals and left.split(":")[0].strip() == name:
            return right.strip().strip("'\"")
    return ""


if __name__ == "__main__":
    main()
