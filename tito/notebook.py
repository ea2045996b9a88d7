"""The notebook twin of a dev file: one side changed, the other follows; both changed, nothing does.

The .py file is the one that is exported. The notebook's own metadata records both sides' hashes
when they last agreed, so that it survives whatever happens to `.tito/`.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import re
import shutil
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tito import aside
from tito.course import Course, Module
from tito.errors import TitoError
from tito.source import Cell, header_of, read

_FORMAT = {"extension": ".py", "format_name": "percent", "comment_magics": False}
_METADATA = {
    "jupytext": {
        "comment_magics": False,
        "text_representation": {"extension": ".py", "format_name": "percent"},
    },
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
}
_RECORD = "tito"
# What belongs to the notebook's window, or to the layout of the .py file, and not to the cell.
_WINDOW = ("autoscroll", "collapsed", "scrolled", "trusted", "execution", "ExecuteTime")
_LAYOUT = ("cell_marker", "lines_to_next_cell", "lines_to_end_of_cell_marker")
_VERSION_LINE = re.compile(r"#\s+(format|jupytext)_version:.*\n")
_NBGRADER = ("schema_version", "grade", "solution", "locked", "task", "grade_id", "points")
"""The order of the keys in a dev file."""
_FAULTS = (
    *(ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, TypeError),
    *(ValueError, RecursionError),
)
"""What nbformat and jupytext raise for what they cannot read."""

Content = tuple[str, str, str]
"""A cell's type, source and metadata: what both sides have to agree about."""


def twin_path(course: Course, module: Module) -> str:
    """The notebook beside the module's dev file, relative to the course."""
    return course.dev_path(module).removesuffix(".py") + ".ipynb"


def synchronise(course: Course, module: Module) -> str:
    """Bring the notebook and the .py file up to date with each other. Returns what was done.

    Raises TitoError, and changes nothing, if both changed or one of them cannot be read.
    """
    path, twin = course.dev_path(module), twin_path(course, module)
    if not (course.root / twin).exists():
        text = read(course.dev_file(module), path).text
        _write_notebook(course, twin, text, _from_text(text, path), None)
        return f"{twin} was made from {path}"
    notebook = _load(course.root / twin, twin)
    if not course.written(module):
        return _update_python(course, module, notebook, "")
    text = read(course.dev_file(module), path).text
    fresh = _from_text(text, path)
    known = _record(notebook)
    now = {"python": _sha(text), "notebook": _content_hash(notebook["cells"])}
    if known == now:
        return f"{twin} and {path} agree"
    if _contents(fresh["cells"]) == _contents(notebook["cells"]):
        _write_notebook(course, twin, text, fresh, notebook)
        return f"{twin} and {path} agree"
    if known.get("notebook") == now["notebook"]:
        _write_notebook(course, twin, text, fresh, notebook)
        return f"{twin} was brought up to date with {path}"
    if known.get("python") == now["python"]:
        return _update_python(course, module, notebook, text)
    raise _both_changed(module, path, twin, known)


def is_ahead(course: Course, module: Module) -> bool:
    """True if the notebook holds changes that the .py file does not. Fast: no jupytext.

    Raises TitoError if the notebook cannot be read.
    """
    twin = twin_path(course, module)
    if not (course.root / twin).exists():
        return False
    data = _json(course.root / twin, twin)
    return _record(data).get("notebook") != _content_hash(data["cells"])


def follow(course: Course, modules: Iterable[Module]) -> list[str]:
    """Bring the .py files up to date with notebooks that are ahead. Returns what was done.

    Fast where no notebook is ahead. Raises TitoError if both sides of a module changed.
    """
    return [synchronise(course, module) for module in modules if is_ahead(course, module)]


def _both_changed(module: Module, path: str, twin: str, known: Mapping[str, Any]) -> TitoError:
    since = "both changed since they last agreed" if known else "differ, and never agreed"
    again = f"tito module notebook {module.number}"
    keep_python = f"to keep the .py file, delete the notebook, then type: {again}"
    keep_notebook = f"to keep the notebook, rename the .py file, then type: {again}"
    return TitoError(f"{path} and {twin} {since}", hint=f"{keep_python}\n{keep_notebook}")


def _json(file: Path, path: str) -> dict[str, Any]:
    hint = "restore it from a copy, or delete it: it is made again from the .py file"
    try:
        data = json.loads(file.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise TitoError(f"the notebook cannot be read: {error}", where=path, hint=hint) from None
    cells = data.get("cells") if isinstance(data, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise TitoError("this file is not a notebook of format 4", where=path, hint=hint)
    return dict(data)


def _load(file: Path, path: str) -> Any:
    data = _json(file, path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about missing ids, which are set anew
        import nbformat

        try:
            nbformat.validate(copy.deepcopy(data))
            reader: Any = nbformat  # has no types
            notebook = reader.reads(json.dumps(data), as_version=4)
        except (*_FAULTS, nbformat.ValidationError) as error:
            raise TitoError(
                f"this is not a valid notebook: {str(error).strip().partition(chr(10))[0]}",
                where=path,
                hint="restore it from a copy, or delete it: it is made again from the .py file",
            ) from None
    for cell in notebook["cells"]:
        cell["source"] = _joined(cell["source"])
    return notebook


def _joined(source: Any) -> str:
    text = source if isinstance(source, str) else "".join(map(str, source or ()))
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")


def _record(notebook: Mapping[str, Any]) -> dict[str, Any]:
    metadata = notebook.get("metadata")
    value = metadata.get(_RECORD) if isinstance(metadata, dict) else None
    return dict(value) if isinstance(value, dict) else {}


def _contents(cells: Iterable[Mapping[str, Any]]) -> list[Content]:
    contents = []
    for cell in cells:
        metadata = cell.get("metadata")
        kept = metadata if isinstance(metadata, dict) else {}
        kept = {key: value for key, value in kept.items() if key not in (*_WINDOW, *_LAYOUT)}
        text = json.dumps(kept, sort_keys=True)
        contents.append((str(cell.get("cell_type")), _joined(cell.get("source")), text))
    return contents


def _content_hash(cells: Iterable[Mapping[str, Any]]) -> str:
    return _sha(json.dumps(_contents(cells)))


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _from_text(text: str, path: str) -> Any:
    import jupytext
    import yaml
    from nbformat import ValidationError

    try:
        return jupytext.reads(text, fmt=dict(_FORMAT))
    except (*_FAULTS, ValidationError, yaml.YAMLError) as error:
        raise TitoError(
            f"no notebook can be made of this file: {str(error).partition(chr(10))[0]}",
            where=path,
            hint="look at its first lines: they should be those of the other modules",
        ) from None


def _write_notebook(course: Course, twin: str, text: str, fresh: Any, old: Any | None) -> None:
    """The notebook of the .py file's cells, with the old one's outputs where nothing changed."""
    import nbformat

    _take_over(fresh["cells"], old["cells"] if old else [])
    fresh["metadata"] = {
        **_METADATA,
        **(old["metadata"] if old else {}),
        "jupytext": fresh["metadata"].get("jupytext", {}),
        _RECORD: {"python": _sha(text), "notebook": _content_hash(fresh["cells"])},
    }
    fresh["nbformat"], fresh["nbformat_minor"] = 4, 5
    for cell, identity in zip(fresh["cells"], _ids(fresh["cells"]), strict=True):
        cell["id"] = identity
    writer: Any = nbformat  # has no types
    data = writer.writes(writer.from_dict(fresh)).rstrip("\n") + "\n"
    _replace(course.root / twin, data.encode("utf-8", "replace"))


def _take_over(cells: Iterable[Any], old: Iterable[Any]) -> None:
    waiting: dict[tuple[str, str], list[Any]] = {}
    for cell in old:
        waiting.setdefault((cell["cell_type"], _joined(cell["source"])), []).append(cell)
    for cell in cells:
        same = waiting.get((cell["cell_type"], _joined(cell["source"])))
        if not same:
            continue
        before = same.pop(0)
        for key in ("outputs", "execution_count", "attachments"):
            if key in before:
                cell[key] = before[key]
        for key in _WINDOW:
            if key in before["metadata"]:
                cell["metadata"][key] = before["metadata"][key]


def _ids(cells: Iterable[Any]) -> list[str]:
    """An id for each cell: its identity in nbformat's letters, and a number if it is taken."""
    taken: list[str] = []
    for cell in cells:
        plain = Cell(cell["cell_type"], cell["source"], "", 1, 1, metadata=dict(cell["metadata"]))
        base = wanted = re.sub(r"[^a-zA-Z0-9_-]", "-", plain.identity)[:56]
        count = 1
        while wanted in taken:
            count += 1
            wanted = f"{base}-{count}"
        taken.append(wanted)
    return taken


def _update_python(course: Course, module: Module, notebook: Any, old: str) -> str:
    """Write the .py file from the notebook, and then the notebook with the new record."""
    path, twin = course.dev_path(module), twin_path(course, module)
    text = _to_text(notebook, old, twin)
    file = course.dev_file(module)
    kept = aside.keep(course.root, [path] if file.exists() else [])
    data = file.read_bytes() if file.exists() else b""
    written = text.replace("\n", "\r\n") if b"\r\n" in data else text
    mark = b"\xef\xbb\xbf" if data.startswith(b"\xef\xbb\xbf") else b""
    _replace(file, mark + written.encode("utf-8"))
    _write_notebook(course, twin, text, _from_text(text, path), notebook)
    done = f"{path} was brought up to date with {twin}"
    if kept is None:
        return done
    return f"{done}; the earlier one is kept in {kept.relative_to(course.root).as_posix()}"


def _to_text(notebook: Any, old: str, twin: str) -> str:
    """The notebook's cells as a dev file with the old file's header."""
    import jupytext

    plain = copy.deepcopy(notebook)
    plain["metadata"] = copy.deepcopy(_METADATA)
    before = _from_text(old, twin)["cells"] if old else []
    commented = {cell["source"] for cell in before if "cell_marker" not in cell["metadata"]}
    orders = {_key(cell["metadata"]): cell["metadata"] for cell in before}
    for cell in plain["cells"]:
        _choose_marker(cell, commented)
        cell["metadata"] = orders.get(_key(cell["metadata"])) or _in_our_order(cell["metadata"])
    try:
        written = str(jupytext.writes(plain, fmt=dict(_FORMAT)))
        written.encode("utf-8")
    except _FAULTS as error:
        raise TitoError(f"this notebook cannot be written as .py: {error}", where=twin) from None
    made = header_of(written)
    with_old_header = header_of(old) + written.removeprefix(made)
    clean = _VERSION_LINE.sub("", made) + written.removeprefix(made)
    wanted = _contents(notebook["cells"])
    for text in (with_old_header, clean) if old else (clean,):
        if _contents(_from_text(text, twin)["cells"]) == wanted:
            return text
    raise _unwritable(notebook, _contents(_from_text(clean, twin)["cells"]), twin)


def _key(metadata: Mapping[str, Any]) -> str:
    kept = {key: value for key, value in metadata.items() if key not in _WINDOW}
    return json.dumps(kept, sort_keys=True)


def _in_our_order(metadata: Any) -> Any:
    """Jupyter sorts the keys that it saves; the .py file has them in the order of `_NBGRADER`."""
    ours = metadata.get("nbgrader")
    if isinstance(ours, dict):
        place = {key: number for number, key in enumerate(_NBGRADER)}
        keys = sorted(ours, key=lambda key: (place.get(key, len(place)), key))
        metadata["nbgrader"] = {key: ours[key] for key in keys}
    return metadata


def _choose_marker(cell: Any, commented: set[str]) -> None:
    """Prose goes between triple quotes, unless it holds some or stood in comments before."""
    if cell["cell_type"] != "markdown":
        return
    if '"""' in cell["source"]:
        cell["metadata"].pop("cell_marker", None)
    elif cell["source"] not in commented:
        cell["metadata"].setdefault("cell_marker", '"""')


def _unwritable(notebook: Any, found: list[Content], twin: str) -> TitoError:
    """Names the first cell that would come back changed."""
    wanted = _contents(notebook["cells"])
    same = (a == b for a, b in zip(wanted, found, strict=False))
    number = next((n for n, equal in enumerate(same, start=1) if not equal), len(found))
    line = wanted[number - 1][1].partition("\n")[0] if wanted else ""
    return TitoError(
        f"cell {number} of the notebook ({line[:40]!r}) cannot stand in a .py file",
        where=twin,
        hint="a line like `# %%` begins a cell, and some invisible characters break lines: "
        "take them out; nothing was changed",
    )


def _replace(file: Path, data: bytes) -> None:
    """Write the whole file or nothing."""
    part = file.with_name(f".{file.name}.part")
    try:
        part.write_bytes(data)
        if file.exists():
            shutil.copymode(file, part)
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)
