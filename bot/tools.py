"""The tools repository: what the workflows of others need of this one, published without the rest.

It holds tito, the bot, the actions and the lock files: no module, no package, no solution, no
hidden case, no history. Every publication is one commit without parents, with the same hash for
the same files, so that anybody who has the course can make it again and compare. `main` and the
tag `v1` move to the newest; `v1.2.3` never moves, and keeps its commit for those who pinned it.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bot import git
from bot.git import File
from tito import course as course_module
from tito import leaks
from tito.errors import RefusedError, TitoError, UsageError
from tito.fingerprint import own
from tito.leaks import Secrets
from tito.report import Finding

MARK = "tools.json"
"""A repository whose commits hold this file is a tools repository."""
FORMAT = 1
CARRIED = (
    "tito/",
    "bot/",
    ".github/actions/",
    ".github/action-pins.toml",
    "requirements/base.txt",
    "requirements/bot.txt",
    "LICENSE",
)
"""All that is published. Workflows and the like stay: they would run in the tools repository."""
LEFT_OUT = ("bot/demo.py",)
"""It shows changes of modules, lines of solutions among them."""
README = """\
# Tools of a course

What the workflows of a course's repositories use: the actions, `tito`, and the bot. The tests, the
modules and their solutions are elsewhere.

- `.github/actions/setup`: puts `tito` on PATH, with locked requirements
- `.github/actions/export`: a fresh export equals the committed package, and every rule holds
- `.github/actions/protection`: what the course protects was not changed by hand
- `.github/actions/integration`: every prefix of the course works, all tests pass, a wheel works
- `.github/actions/feedback`: tries a student's modules, and tells the student what was found

Each folder has a README with inputs, outputs and an example. Pin a full commit hash, or a tag with
three numbers; a tag such as `v1` moves.

This repository is made by `python -m bot tools publish` in the repository of the course. What is
changed here by hand is lost with the next publication.
"""
_MESSAGE = "The tools of the course\n"
_VERSION = re.compile(r"(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})")
_HINT = "name an empty repository, or one that this command has made"


@dataclass(frozen=True)
class Publication:
    """What was published, or would be. `refs` are those that had to be written."""

    commit: str
    tag: str
    files: int
    refs: tuple[str, ...]


def publish(
    root: Path,
    target: str,
    version: str | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    dry_run: bool = False,
) -> Publication:
    """Publish the tools of the last commit in `root` to the git repository `target`.

    `version` is `1.2.3`; without one, it is the next that is free. A target that holds these files
    already is left as it is. `environment` is what git needs to reach the target.
    Raises RefusedError if they hold what students must not see, or the target is none for tools;
    UsageError for an unusable version or address.
    """
    if version is not None and not _VERSION.fullmatch(version):
        raise UsageError(f"{version!r} is no version", hint="three numbers, such as 1.0.0")
    if target.startswith("-") or re.match(r"[a-z+]+://[^/]*:[^/]*@", target):
        hint = "a path, or an address without a password; git asks its credential helper"
        raise UsageError("this address cannot be used", hint=hint)
    if Path(target).exists():
        target = str(Path(target).resolve())
    with tempfile.TemporaryDirectory(prefix="tools-") as temporary:
        folder = Path(temporary)
        commit = git.files(root, "HEAD")
        files = selected(commit)
        secrets = _secrets(commit, folder / "course")
        _refuse("these tools cannot be published", faults(files, secrets))
        made = folder / "made"
        git.run(None, "init", "--quiet", "--bare", "--initial-branch", "main", str(made))
        new = git.commit(made, "refs/heads/main", _MESSAGE, files)
        there = _refs(made, target, environment)
        _refuse("this is no target for tools", _target_faults(made, target, there))
        _refuse("there is a leak", leaks.search_repository(secrets, made))
        version = _next(new, there) if version is None else version
        wanted = _wanted(new, version, there)
        changed = tuple(ref for ref in wanted if there.get(ref) != new)
        if changed and not dry_run:
            _push(made, target, new, {ref: there.get(ref, "") for ref in changed}, environment)
        return Publication(new, f"v{version}", len(files), changed)


def selected(commit: Mapping[str, File]) -> dict[str, File]:
    """The files that are published, of those of a commit: the carried ones, README and mark."""
    files = {path: file for path, file in commit.items() if _carried(path)}
    missing = [each for each in CARRIED if not any(path.startswith(each) for path in files)]
    if missing:
        hint = "publish from the repository of the course, and commit first"
        raise TitoError(f"the last commit has no {', '.join(missing)}", hint=hint)
    with tempfile.TemporaryDirectory(prefix="tools-") as folder:
        _write(files, Path(folder))
        mark = {"format": FORMAT, "tito": own(Path(folder, "tito"))}
    files["README.md"] = File("100644", README.encode())
    files[MARK] = File("100644", (json.dumps(mark, indent=2) + "\n").encode())
    return dict(sorted(files.items()))


def faults(files: Mapping[str, File], secrets: Secrets) -> list[Finding]:
    """Whatever these files hold that a tools repository must not."""
    found = [_fault(path, "this does not belong here") for path in files if not _expected(path)]
    for path, file in files.items():
        if file.mode not in ("100644", "100755"):
            found.append(_fault(path, "a link, which could lead anywhere"))
        try:
            file.data.decode("utf-8")
        except UnicodeDecodeError:
            found.append(_fault(path, "this is no text"))
    return [*found, *leaks.search_files(secrets, {p: file.data for p, file in files.items()})]


def _fault(path: str, message: str) -> Finding:
    return Finding("tools-content", "error", path, 0, message)


def _carried(path: str) -> bool:
    return path.startswith(CARRIED) and path not in LEFT_OUT


def _expected(path: str) -> bool:
    """True for a path that may be published. Compiled files and modules hide in any folder."""
    parts = PurePosixPath(path)
    hidden = parts.name.endswith((".pyc", "_dev.py", "_dev.ipynb", "_cases.py"))
    return (_carried(path) or path in (MARK, "README.md")) and not hidden


def _secrets(commit: Mapping[str, File], folder: Path) -> Secrets:
    _write(commit, folder)
    return leaks.secrets_of(course_module.load(folder))


def _write(files: Mapping[str, File], folder: Path) -> None:
    for path, file in files.items():
        if file.mode != "120000":
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(file.data)


def _refs(made: Path, target: str, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Branches and tags of the target, whose objects are fetched. What GitHub adds is not ours."""
    git.run(made, "fetch", "--quiet", "--no-tags", "--no-auto-maintenance", target,
         "+refs/heads/*:refs/there/heads/*", "+refs/tags/*:refs/there/tags/*",
         environment=environment)  # fmt: skip
    listed = git.run(made, "for-each-ref", "--format=%(objectname) %(refname)", "refs/there/")
    rows = (line.split(" ") for line in listed.decode("utf-8").split("\n") if line)
    return {"refs/" + ref.removeprefix("refs/there/"): name for name, ref in rows}


def _target_faults(made: Path, target: str, there: Mapping[str, str]) -> Iterator[Finding]:
    """Every branch and tag must be a publication: a commit without parents that holds the mark."""
    for ref, name in there.items():
        message = ""
        if git.run(made, "cat-file", "-t", name).strip() != b"commit":
            message = "is no plain commit"
        elif b"\nparent " in git.run(made, "cat-file", "commit", name).split(b"\n\n")[0]:
            message = "has a history, which a tools repository never has"
        elif not _marked(made, name):
            message = f"holds no {MARK}"
        if message:
            yield Finding("tools-target", "error", target, 0, f"{ref} {message}", _HINT)


def _marked(made: Path, name: str) -> bool:
    listed = git.run(made, "ls-tree", "--name-only", name).decode("utf-8").split("\n")
    if MARK not in listed:
        return False
    try:
        mark = json.loads(git.run(made, "cat-file", "blob", f"{name}:{MARK}"))
    except ValueError:
        return False
    return isinstance(mark, dict) and mark.get("format") == FORMAT


def _next(new: str, there: Mapping[str, str]) -> str:
    """The version that these files have already, else one more than the newest."""
    found = (
        (_VERSION.fullmatch(ref.removeprefix("refs/tags/v")), sha) for ref, sha in there.items()
    )
    versions = {tuple(map(int, tag.groups())): sha for tag, sha in found if tag}
    if not versions:
        return "1.0.0"
    newest = max(versions)
    major, minor, patch = newest
    return ".".join(map(str, newest if versions[newest] == new else (major, minor, patch + 1)))


def _wanted(new: str, version: str, there: Mapping[str, str]) -> tuple[str, ...]:
    """The refs that shall lead to the new commit.

    Raises RefusedError if the version is taken, or lower than one that is there.
    """
    exact = f"refs/tags/v{version}"
    if there.get(exact, new) != new:
        message = f"v{version} was published with other files, and never moves"
        raise RefusedError(message, [], hint="give a higher version")
    tags = (_VERSION.fullmatch(ref.removeprefix("refs/tags/v")) for ref in there)
    newest = max((tuple(map(int, tag.groups())) for tag in tags if tag), default=(0, 0, 0))
    ours = tuple(map(int, version.split(".")))
    if exact in there and ours < newest:
        return (exact,)
    if ours < newest:
        message = f"v{'.'.join(map(str, newest))} is there already, and is newer than v{version}"
        raise RefusedError(message, [], hint="give a higher version")
    return ("refs/heads/main", f"refs/tags/v{ours[0]}", exact)


def _push(
    made: Path,
    target: str,
    new: str,
    refs: Mapping[str, str],
    environment: Mapping[str, str] | None,
) -> None:
    """All refs or none, and only if nobody has moved them since they were looked at."""
    leases = [f"--force-with-lease={ref}:{seen}" for ref, seen in refs.items()]
    specs = [f"{new}:{ref}" for ref in refs]
    options = ("--quiet", "--atomic", *leases)
    git.run(made, "push", *options, target, *specs, environment=environment)


def _refuse(message: str, findings: Iterable[Finding]) -> None:
    found = tuple(findings)
    if found:
        raise RefusedError(f"{message}: {len(found)} finding(s), nothing was written", found)
