"""The student version of a module, and of the repository: what a class is given.

The tree is a projection of the course: the same layout, the same tito, stubs where solutions stand,
and nothing that the modules handed out do not need.
"""

from __future__ import annotations

import ast
import json
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from tito import course as course_module
from tito import provenance
from tito.api import Api
from tito.contract import snapshot_path, stored
from tito.course import MANIFEST, Checkpoint, Course, Module
from tito.errors import TitoError, UsageError
from tito.export import build
from tito.names import public_names
from tito.protection import git
from tito.released import release
from tito.report import encode
from tito.source import read
from tito.syntax import UNREADABLE, fresh_tree

CARRIED = (
    MANIFEST,
    "pyproject.toml",
    "LICENSE",
    ".gitattributes",
    ".gitignore",
    "requirements/base.txt",
)
"""Files that students get as they are. All of `tito/` comes with them."""
README = "README.md"
CONTAINER = ".devcontainer/devcontainer.json"
_PACKAGES = ("tests/__init__.py", "tests/checkpoints/__init__.py")
_README_SOURCE = Path(__file__).with_name("student_readme.md")
_SET_UP = (
    "python -m venv .venv",
    ".venv/bin/python -m pip install --require-hashes -r requirements/base.txt",
    ".venv/bin/python -m pip install --no-deps --no-build-isolation -e .",
)
_COMMIT_FIRST = "commit them, or throw them away, and try again"


def student_version(course: Course, module: Module) -> str:
    """The dev file of a module as students get it. The same file gives the same text."""
    return student_versions(course, [module])[module]


def student_versions(
    course: Course, modules: Iterable[Module], *, gradebook: Path | None = None
) -> dict[Module, str]:
    """As `student_version`, for several modules at once, which costs little more than one.

    With a gradebook, graded cells are saved there as nbgrader saves them. It is the instructor's:
    what hidden tests were stands in it. Raises TitoError if a module is not written yet, or is
    itself a student version.
    """
    devs = {m: read(course.dev_file(m), course.dev_path(m)) for m in modules}
    for dev in devs.values():
        if any("checksum" in cell.nbgrader for cell in dev.cells):
            hint = "make student versions in the repository of the course"
            raise TitoError("this is a student version already", where=dev.path, hint=hint)
    return release(course, devs, gradebook=gradebook)


def tree(
    course: Course,
    modules: Iterable[Module],
    *,
    source: str,
    allow_dirty: bool = False,
    gradebook: Path | None = None,
) -> dict[str, bytes]:
    """The files of a student repository with these modules, by path. `source` is the commit.

    What git lists is taken as it stands in the working folder; a file that differs from the last
    commit is refused unless `allow_dirty`. The same files give the same bytes.
    Raises UsageError unless the modules are the first of the course, without a gap.
    """
    chosen = _without_gap(course, modules)
    listed = _listed(course)
    plain = [*_carried(listed), *_of_modules(course, chosen, listed)]
    plain += [c.path for c in _completed(course, chosen) if c.path in listed]
    api = [path for path in [snapshot_path(course)] if path in listed]
    if not allow_dirty:
        changed = _uncommitted(course)
        handed = {*plain, *api, *(course.dev_path(module) for module in chosen)}
        if any(path.startswith("examples/") for path in changed):
            handed.update(_examples(course, chosen, listed))
        _refuse(sorted(changed & handed))
    with ThreadPoolExecutor(1) as pool:
        # nbgrader takes a second in a process of its own: meanwhile the rest is gathered here.
        made = pool.submit(student_versions, course, chosen, gradebook=gradebook)
        plain += _examples(course, chosen, listed)
        files = {path: (course.root / path).read_bytes() for path in plain}
        files |= {path: _cut(course, chosen) for path in api}
        files |= {README: _readme(course, chosen), CONTAINER: _container(course)}
        versions = made.result()
    files |= {course.dev_path(m): text.encode("utf-8") for m, text in versions.items()}
    files |= _package(course, files)
    return provenance.stamped(course, files, chosen, source=source)


def commit_of(course: Course) -> str:
    """The last commit of the course. Raises TitoError if there is none."""
    try:
        return git(course.root, "rev-parse", "--verify", "HEAD").strip()
    except subprocess.CalledProcessError:
        hint = "a release names the commit it was made from: git init, git add, git commit"
        raise TitoError("this course is not in a git repository yet", hint=hint) from None


def _without_gap(course: Course, modules: Iterable[Module]) -> tuple[Module, ...]:
    wanted = set(modules)
    if not wanted:
        raise UsageError("no module to hand out", hint="name some, or type --all")
    last = max(wanted, key=lambda module: module.number)
    for module in course.up_to(last):
        if module not in wanted:
            raise UsageError(
                f"{last.slug} cannot be handed out without {module.slug}",
                hint="a package has no gap: name all modules up to the last one",
            )
    return course.up_to(last)


def _listed(course: Course) -> frozenset[str]:
    """What git knows of the course, committed or about to be."""
    try:
        text = git(course.root, "ls-files", "-z")
    except subprocess.CalledProcessError:
        hint = "git says which files belong to the course: git init, git add, git commit"
        raise TitoError("this course is not in a git repository", hint=hint) from None
    return frozenset(path for path in text.split("\0") if path and (course.root / path).is_file())


def _carried(listed: frozenset[str]) -> list[str]:
    missing = [path for path in CARRIED if path not in listed]
    if missing:
        hint = "restore them from git, or add them: git add"
        raise TitoError(f"git lists no {', '.join(missing)} in this course", hint=hint)
    mine = sorted(path for path in listed if path.startswith("tito/"))
    return [*CARRIED, *mine, *(path for path in _PACKAGES if path in listed)]


def _of_modules(course: Course, modules: Sequence[Module], listed: frozenset[str]) -> Iterator[str]:
    """The text beside each dev file. The dev file itself is made anew."""
    for module in modules:
        path = course.dev_path(module)
        if path not in listed:
            hint = f"write it, then: git add {path}"
            raise TitoError("this module is not part of the course yet", where=path, hint=hint)
        readme = f"{path.rpartition('/')[0]}/README.md"
        if readme in listed:
            yield readme


def _completed(course: Course, modules: Sequence[Module]) -> Iterator[Checkpoint]:
    """The checkpoints that need no other module."""
    names = {module.name for module in modules}
    return (c for c in course.checkpoints if names.issuperset(c.modules))


def _examples(course: Course, modules: Sequence[Module], listed: frozenset[str]) -> list[str]:
    """The examples that need no other module, and the files without the package that they use."""
    names = {m: _names(course, m) for m in modules}
    targets = {f"{course.settings.package}.{m.target}": names[m] for m in modules}
    known = {course.settings.package: frozenset[str]().union(*names.values()), **targets}
    paths = sorted(p for p in listed if p.startswith("examples/") and p.endswith(".py"))
    texts = {path: (course.root / path).read_text(encoding="utf-8") for path in paths}
    wanted = {path: _imports_of_package(course, text) for path, text in texts.items()}
    chosen = {path for path, needed in wanted.items() if needed and _all_known(needed, known)}
    used = {p for p in paths if wanted[p] == [] and any(Path(p).stem in texts[c] for c in chosen)}
    return sorted(chosen | used)


def _names(course: Course, module: Module) -> frozenset[str]:
    return frozenset(public_names(read(course.dev_file(module), course.dev_path(module))))


def _imports_of_package(course: Course, text: str) -> list[tuple[str, str]] | None:
    """What a file imports of the package, as (source, name); None if it is no Python."""
    package, found = course.settings.package, list[tuple[str, str]]()
    try:
        tree = fresh_tree(text)
    except UNREADABLE:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [(node.module or "", alias.name) for alias in node.names]
    return [each for each in found if each[0].partition(".")[0] == package]


def _all_known(needed: Iterable[tuple[str, str]], known: Mapping[str, frozenset[str]]) -> bool:
    return all(source in known and name in known[source] | {""} for source, name in needed)


def _uncommitted(course: Course) -> set[str]:
    commit_of(course)
    changed = git(course.root, "diff", "--name-only", "--relative", "--no-renames", "-z", "HEAD")
    return set(changed.split("\0")) - {""}


def _refuse(paths: Sequence[str]) -> None:
    if paths:
        shown = ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")
        message = f"{len(paths)} file(s) that would be handed out are not committed: {shown}"
        raise TitoError(message, hint=_COMMIT_FIRST)


def _cut(course: Course, modules: Sequence[Module]) -> bytes:
    """The snapshot of the API, without modules that are not handed out."""
    api = stored(course) or Api()
    targets = [module.target for module in modules if module.target in api.modules]
    return encode(msgspec.structs.replace(api, modules={t: api.modules[t] for t in targets}))


def _readme(course: Course, modules: Sequence[Module]) -> bytes:
    first = modules[0]
    words = {
        "course": course.settings.name,
        "package": course.settings.package,
        "source": course.settings.source,
        "first": course.dev_path(first),
        "number": first.number,
    }
    text = _README_SOURCE.read_text(encoding="utf-8")
    for word, value in words.items():
        text = text.replace(f"{{{word}}}", value)
    return text.encode("utf-8")


def _container(course: Course) -> bytes:
    newest = course.settings.pythons[-1]
    python = {"python.defaultInterpreterPath": ".venv/bin/python"}
    settings = {
        "name": course.settings.name,
        "image": f"python:{newest}-bookworm",
        "postCreateCommand": " && ".join(_SET_UP),
        "customizations": {"vscode": {"extensions": ["ms-python.python"], "settings": python}},
    }
    return (json.dumps(settings, indent=2) + "\n").encode("utf-8")


def _package(course: Course, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The package without any module: a student's modules enter it one by one."""
    with tempfile.TemporaryDirectory(prefix="tito-") as temporary:
        folder = Path(temporary)
        for path in (MANIFEST, "pyproject.toml", *(p for p in files if p.endswith("_dev.py"))):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(files[path])
        built = build(course_module.load(folder), ())
    return {f"{course.settings.package}/{name}": data for name, data in built.items()}
