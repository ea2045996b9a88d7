"""The course as frozen records, and how its modules and checkpoints are looked up."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, TypeVar

import msgspec

from tito.assignments import Assignment, Classroom
from tito.errors import TitoError, UsageError
from tito.record import Name, Number, Positive, Record

MANIFEST = "classroom.yml"

Target = Annotated[str, msgspec.Meta(pattern=r"^(core|utils)\.[a-z][a-z0-9_]*$")]
PythonVersion = Annotated[str, msgspec.Meta(pattern=r"^3\.\d+$")]
Ref = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9*][A-Za-z0-9._*/-]*$")]
Prefix = Annotated[str, msgspec.Meta(pattern=r"^[a-z]+/$")]


class Settings(Record, frozen=True):
    """Section `course`."""

    name: str
    package: Name
    source: str
    pythons: tuple[PythonVersion, ...]
    timezone: str
    points: Positive


class Module(Record, frozen=True):
    """One module: where it stands, where it is exported to, what it may import."""

    number: Number
    name: Name
    title: str
    target: Target
    points: Positive
    needs: tuple[Name, ...] = ()
    max_lines: Positive = 700

    @property
    def slug(self) -> str:
        """`02_tensor`: how files name the module."""
        return f"{self.number}_{self.name}"

    @property
    def file(self) -> str:
        """`core/tensor.py`: its place in the package."""
        return self.target.replace(".", "/") + ".py"


class Checkpoint(Record, frozen=True):
    """A capability question and every module its answer needs."""

    number: Number
    name: Name
    question: str
    modules: tuple[Name, ...]

    @property
    def slug(self) -> str:
        """`01_foundation`: how files name the checkpoint."""
        return f"{self.number}_{self.name}"

    @property
    def path(self) -> str:
        """Its file, relative to the course."""
        return f"tests/checkpoints/checkpoint_{self.slug}.py"


class Protection(Record, frozen=True):
    """Which paths are generated, locked, or the student's to edit."""

    generated: tuple[str, ...]
    locked: tuple[str, ...]
    editable: tuple[str, ...]


class BranchRule(Record, frozen=True):
    """What holds for some branches or tags: one ruleset, under this name.

    None of them may be deleted, no history rewritten, no tag moved. With `made_by`, a role, the
    rule says one thing alone: who may make such a tag.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    branches: tuple[Ref, ...] = ()
    tags: tuple[Ref, ...] = ()
    reviews: Annotated[int, msgspec.Meta(ge=0, le=10)] | None = None
    code_owners: bool = False
    checks: tuple[str, ...] = ()
    up_to_date: bool = False
    merge_queue: bool = False
    made_by: Literal["maintain", "admin"] | None = None


class Environment(Record, frozen=True):
    """Where jobs may use what is secret: who must agree, and from which tags and branches."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]*$")]
    reviewers: tuple[str, ...]
    """Logins, or teams of the organisation as `team/maintainers`."""
    tags: tuple[Ref, ...] = ()
    branches: tuple[Ref, ...] = ()


class Branches(Record, frozen=True):
    """Section `branches`: how branches and commits are named, and which rules guard them."""

    prefixes: tuple[Prefix, ...] = ()
    machines: tuple[Prefix, ...] = ()
    """Prefixes of branches that no human names."""
    trailers: tuple[str, ...] = ()
    """Keys of trailers that no commit message may carry."""
    override: str = ""
    """The label that sets the policy aside."""
    rules: tuple[BranchRule, ...] = ()
    environments: tuple[Environment, ...] = ()


class Manifest(Record, frozen=True):
    """The whole of classroom.yml: what the JSON schema is made from."""

    course: Settings
    modules: tuple[Module, ...]
    checkpoints: tuple[Checkpoint, ...]
    protection: Protection
    branches: Branches = Branches()
    classroom: Classroom = Classroom()
    assignments: tuple[Assignment, ...] = ()


class Course(msgspec.Struct, frozen=True):
    """The course in the folder `root`."""

    root: Path
    settings: Settings
    modules: tuple[Module, ...]
    checkpoints: tuple[Checkpoint, ...]
    protection: Protection
    branches: Branches = Branches()
    classroom: Classroom = Classroom()
    assignments: tuple[Assignment, ...] = ()

    @property
    def package(self) -> Path:
        """The folder of the generated package."""
        return self.root / self.settings.package

    def dev_path(self, module: Module) -> str:
        """The module's dev file, relative to the course, with `/`."""
        return f"{self.settings.source}/{module.slug}/{module.name}_dev.py"

    def dev_file(self, module: Module) -> Path:
        """The module's dev file."""
        return self.root / PurePosixPath(self.dev_path(module))

    def written(self, module: Module) -> bool:
        """True if the module has a dev file."""
        return self.dev_file(module).is_file()

    def entered(self) -> tuple[Module, ...]:
        """The modules that the package holds: always the first so many of the course."""
        prefix = []
        for module in self.modules:
            if not (self.package / module.file).is_file():
                break
            prefix.append(module)
        return tuple(prefix)

    def up_to(self, module: Module) -> tuple[Module, ...]:
        """The module and all before it."""
        return self.modules[: self.modules.index(module) + 1]

    def module_of_target(self, dotted: str) -> Module | None:
        """The module exported to `core.tensor`, or None."""
        return next((module for module in self.modules if module.target == dotted), None)

    def module(self, reference: str) -> Module:
        """The module called `2`, `02`, `tensor` or `02_tensor`. Raises UsageError for others."""
        return _look_up(self.modules, reference, "module", "tito module list")

    def assignment(self, slug: str) -> Assignment:
        """The assignment of that slug. Raises UsageError for others."""
        for assignment in self.assignments:
            if assignment.slug == slug.strip().lower():
                return assignment
        import difflib

        names = [assignment.slug for assignment in self.assignments]
        near = difflib.get_close_matches(slug, names, n=3, cutoff=0.5)
        guess = f"did you mean {' or '.join(near)}? " if near else ""
        there = f"There are: {', '.join(names)}" if names else f"{MANIFEST} names none"
        raise UsageError(f"there is no assignment {slug!r}", hint=f"{guess}{there}")

    def checkpoint(self, reference: str) -> Checkpoint:
        """The checkpoint called `1`, `01`, `foundation` or `01_foundation`."""
        return _look_up(self.checkpoints, reference, "checkpoint", "tito checkpoint status")


Noun = TypeVar("Noun", Module, Checkpoint)


def _look_up(records: Sequence[Noun], reference: str, noun: str, listing: str) -> Noun:
    wanted = reference.strip().lower().rstrip("/")
    for record in records:
        if wanted in (record.slug, record.name, record.number):
            return record
    # isascii: "²".isdigit() is true, and int("²") is an error.
    if wanted.isascii() and wanted.isdigit():
        for record in records:
            if int(record.number) == int(wanted):
                return record
    import difflib

    names = [name for record in records for name in (record.slug, record.name)]
    near = difflib.get_close_matches(wanted, names, n=3, cutoff=0.5)
    guess = f"did you mean {' or '.join(near)}? " if near else ""
    raise UsageError(f"there is no {noun} {reference!r}", hint=f"{guess}See: {listing}")


def find_root(start: Path) -> Path:
    """The nearest folder at or above `start` that holds classroom.yml."""
    for folder in (start, *start.parents):
        if (folder / MANIFEST).is_file():
            return folder
    raise TitoError(
        f"no {MANIFEST} in {start} or above it",
        hint="change into the folder of your course and try again",
    )


def load(root: Path) -> Course:
    """Read `root/classroom.yml`. Raises RefusedError with every fault and its line."""
    from tito.classroom import read_manifest

    return _course(root, read_manifest(_text(root)))


def load_cached(root: Path) -> Course:
    """As `load`, but faster where the file has not changed since the last call.

    Reading YAML takes longer than everything else a small command does. The copy lies in `.tito/`,
    which somebody could have put there: a gate calls `load`.
    """
    text = _text(root)
    ours = (Path(__file__).with_name(name) for name in ("course.py", "assignments.py", "record.py"))
    key = hashlib.sha256(b"".join(file.read_bytes() for file in ours) + text.encode()).digest()
    file = root / ".tito" / "course"
    try:
        data = file.read_bytes()
        if data.startswith(key):
            return _course(root, msgspec.msgpack.decode(data[len(key) :], type=Manifest))
    except (OSError, msgspec.MsgspecError):
        pass  # no copy, or none of ours: it is made below
    course = load(root)
    manifest = Manifest(
        course.settings,
        course.modules,
        course.checkpoints,
        course.protection,
        course.branches,
        course.classroom,
        course.assignments,
    )
    file.parent.mkdir(exist_ok=True)
    part = file.with_suffix(".part")
    part.write_bytes(key + msgspec.msgpack.encode(manifest))
    part.replace(file)
    return course


def _course(root: Path, manifest: Manifest) -> Course:
    return Course(
        root,
        manifest.course,
        manifest.modules,
        manifest.checkpoints,
        manifest.protection,
        manifest.branches,
        manifest.classroom,
        manifest.assignments,
    )


def _text(root: Path) -> str:
    try:
        return (root / MANIFEST).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise TitoError(
            f"no {MANIFEST} in {root}", hint="change into the folder of your course"
        ) from None
    except UnicodeDecodeError as error:
        raise TitoError("the file is not UTF-8", where=MANIFEST, hint=str(error)) from None
