"""Protection: the package is what an export wrote, and what a course locks is not changed unseen.

Reads files and git's history. Runs none of the students' code.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from tito.classroom import read_manifest
from tito.course import MANIFEST, Course
from tito.errors import RefusedError, TitoError
from tito.export import build, fields, intact, present
from tito.package import edited, foreign, written_module
from tito.report import Finding
from tito.syntax import fresh_tree

INIT = "__init__.py"
_LONGEST_GIT = 60
_FROM_OUTSIDE = ("PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "XDG_CONFIG_HOME")
"""All that git gets of the environment: the user's own settings, no GIT_* variable, no token."""


def check(course: Course, *, base: str | None = None) -> list[Finding]:
    """What was changed by hand; with `base`, a git ref, also what was changed since then.

    Raises TitoError if git cannot say what changed.
    """
    fresh = _fresh(course)
    findings = package_findings(course, fresh)
    if base is not None:
        changes = changed(course, base)
        findings += _locked(course, changes)
        known = {finding.path for finding in findings if finding.severity == "error"}
        findings += [f for f in _generated(course, changes, fresh) if f.path not in known]
    return findings


def _fresh(course: Course) -> Mapping[str, bytes] | None:
    """What an export would write now; None if it would be refused, which is another gate's."""
    try:
        return build(course, course.entered())
    except RefusedError:
        return None


def package_findings(course: Course, fresh: Mapping[str, bytes] | None) -> list[Finding]:
    """Each file of the package against its own header and the manifest in `__init__.py`."""
    found = present(course.package)
    manifest = _manifest(found.get(INIT, b"").decode("utf-8", "replace"))
    findings = [*_links(course)]
    if manifest is None:
        path = f"{course.settings.package}/{INIT}"
        message = "the package has no manifest of its files"
        findings.append(Finding("package-manifest", "error", path, 0, message, _RESTORE))
        # What each file says of itself still counts.
        manifest = {name: _sha(data) for name, data in found.items() if _header(data)}
    for name in sorted({INIT, *manifest, *found}):
        if name not in found:
            path = f"{course.settings.package}/{name}"
            message = "this generated file is missing"
            findings.append(Finding("package-missing", "error", path, 0, message, _RESTORE))
        elif name not in manifest and name != INIT:
            findings.append(foreign(course, name))
        else:
            findings += _file(course, name, found[name], manifest, fresh)
    return findings


_RESTORE = "tito export --all"


def _file(
    course: Course,
    name: str,
    data: bytes,
    manifest: Mapping[str, str],
    fresh: Mapping[str, bytes] | None,
) -> Iterator[Finding]:
    text = data.decode("utf-8", "replace")
    if not intact(text):
        expected = fresh.get(name) if fresh else None
        yield edited(course, name, text, expected.decode("utf-8") if expected else None)
    elif name != INIT and manifest[name] != _sha(data):
        path = f"{course.settings.package}/{name}"
        message = f"the manifest in {course.settings.package}/{INIT} names another content"
        yield Finding("package-manifest", "error", path, 0, message, _RESTORE)


def _header(data: bytes) -> bool:
    return "body-hash" in fields(data.decode("utf-8", "replace"))


def _sha(data: bytes) -> str:
    return hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest()


def _manifest(text: str) -> dict[str, str] | None:
    """The literal `_manifest` of a package's `__init__.py`, read and never run."""
    try:
        for node in fresh_tree(text).body:
            match node:
                case ast.Assign(targets=[ast.Name(id="_manifest")], value=value):
                    return msgspec.convert(ast.literal_eval(value), dict[str, str])
    except (SyntaxError, ValueError, TypeError, RecursionError, msgspec.ValidationError):
        return None
    return None


def _links(course: Course) -> Iterator[Finding]:
    """An export writes no links: what one leads to could change without the package."""
    for path in sorted(course.package.rglob("*")):
        if path.is_symlink() and "__pycache__" not in path.parts:
            yield foreign(course, path.relative_to(course.package).as_posix())


class Changes(msgspec.Struct, frozen=True):
    """Paths, relative to the course, that changed since the merge base, and that commit."""

    since: str
    paths: frozenset[str]


def changed(course: Course, base: str) -> Changes:
    """What differs between the working folder and where it left `base`, new files included.

    Raises TitoError if git is missing, this is no repository, or it does not hold `base`.
    """
    since = left_at(course, base)
    with _comparing(base):
        tracked = git(course.root, "diff", *_NAMES, since, "--")
        new = git(course.root, "ls-files", "--others", "--exclude-standard", "-z")
    return Changes(since, frozenset(f"{tracked}\0{new}".split("\0")) - {""})


def left_at(course: Course, base: str) -> str:
    """The commit at which this history left `base`. Raises TitoError as `changed` does."""
    # A ref begins with no dash; git would take what does for an option.
    if not base or base.startswith("-"):
        raise TitoError(f"{base!r} is no commit to compare with", hint=_HINT_BASE)
    with _comparing(base):
        known = git(course.root, "rev-parse", "--verify", f"{base}^{{commit}}").strip()
        return git(course.root, "merge-base", known, "HEAD").strip()


@contextlib.contextmanager
def _comparing(base: str) -> Iterator[None]:
    try:
        yield
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip().split("\n")[0] or "there is no common commit"
        message = f"git cannot compare this course with {base!r}: {reason}"
        raise TitoError(message, hint=_HINT_BASE) from None


_NAMES = ("--name-only", "--relative", "--no-renames", "--no-ext-diff", "--no-textconv", "-z")
_HINT_BASE = "name a branch or commit that is here, as in --base origin/main; `git fetch` brings it"


def git(root: Path, *arguments: str) -> str:
    """What git prints. Raises CalledProcessError with its complaint if it ends with a failure."""
    environment = {name: os.environ[name] for name in _FROM_OUTSIDE if name in os.environ}
    environment |= {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(
            ["git", "-c", "core.fsmonitor=false", *arguments],
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LONGEST_GIT,
            check=True,
            encoding="utf-8",
            errors="replace",  # a name that is not UTF-8 is none that we generate or lock
        )
    except FileNotFoundError:
        raise TitoError("git is not installed", hint="install git, then try again") from None
    except subprocess.TimeoutExpired:
        raise TitoError(f"git {arguments[0]} took more than {_LONGEST_GIT} seconds") from None
    return done.stdout


def _locked(course: Course, changes: Changes) -> Iterator[Finding]:
    """The globs of both sides count: a change of classroom.yml cannot unlock what it changes."""
    globs = {*course.protection.locked, *_locked_before(course, changes.since), MANIFEST}
    message = "this changes its own gates; green proves nothing until a code owner has reviewed it"
    for path in sorted(changes.paths):
        if covered(path, globs):
            hint = "ask a code owner to review it, or take the change back"
            yield Finding("protection-locked", "warning", path, 0, message, hint)


def _locked_before(course: Course, since: str) -> tuple[str, ...]:
    """As classroom.yml had it; nothing if it was not there or could not be read."""
    try:
        text = git(course.root, "show", f"{since}:./{MANIFEST}")
        return read_manifest(text).protection.locked
    except (subprocess.CalledProcessError, RefusedError):
        return ()


def _generated(
    course: Course, changes: Changes, fresh: Mapping[str, bytes] | None
) -> Iterator[Finding]:
    """Generated files that changed though nothing did that they are made from.

    What an export writes now is right whatever changed: a module entered, or tito writes anew.
    """
    found = present(course.package)
    for path in sorted(changes.paths):
        if not covered(path, course.protection.generated):
            continue
        name = path.removeprefix(f"{course.settings.package}/")
        sources = _sources(course, name)
        right = fresh is not None and fresh.get(name) == found.get(name)
        if right or sources & changes.paths:
            continue
        message = f"this generated file changed, and {_unchanged(sources)}"
        hint = f"change the source instead; to undo the change here: {_RESTORE}"
        yield Finding("protection-generated", "error", path, 0, message, hint)


def _sources(course: Course, name: str) -> frozenset[str]:
    """The files that a generated file is made from."""
    module = written_module(course, name)
    if module is not None:
        return frozenset([course.dev_path(module)])
    devs = (course.dev_path(module) for module in course.modules if course.written(module))
    return frozenset([MANIFEST, "pyproject.toml", *devs])


def _unchanged(sources: frozenset[str]) -> str:
    return f"{next(iter(sources))} did not" if len(sources) == 1 else "none of its sources did"


def covered(path: str, globs: Iterable[str]) -> bool:
    """True if one of the globs matches the whole path: `**` crosses folders, `*` and `?` do not."""
    return any(re.fullmatch(_expression(glob), path) for glob in globs)


def _expression(glob: str) -> str:
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    return "(?s)" + "".join(words.get(part, re.escape(part)) for part in parts)
