"""A class on the local GitHub: an organisation, a small course, a template, a roster."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.classroom.publish import MESSAGE, TAG
from bot.clock import Clock
from bot.git import File, commit, run
from bot.localhub import LocalHub
from bot.localhub.organisation import Organisation
from bot.localhub.repository import Repository
from bot.localhub.state import START
from tests.conftest import SmallCourse
from tito.course import Course, load
from tito.provenance import FILE, decode, stamped

TEACHER = {
    "administration": "write",
    "contents": "write",
    "workflows": "write",
    "pull-requests": "write",
    "members": "read",
    "statuses": "read",
    "organization-administration": "read",
    "organization-secrets": "read",
}
SECTIONS = """
classroom:
  organisation: acme
  term: autumn-2026
  prefix: work
  template: template
  tools: tools
assignments:
  - slug: first
    title: The first
    modules: [alpha]
    points: 1
"""
DEV = '''\
# %% nbgrader={"grade": false, "grade_id": "alpha-one", "locked": false, "schema_version": 3, "solution": true}
#| default_exp core.alpha
#| export
def one():
    """One."""
    ### BEGIN SOLUTION
    return 1
    ### END SOLUTION
'''


@dataclass
class World:
    """A class with its teacher's token in the environment."""

    hub: LocalHub
    organisation: Organisation
    course: Course
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def enter(self, monkeypatch: Any) -> None:
        """Be the teacher in the course's folder, until the test ends."""
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(self.course.root)

    def roster(self, *rows: str, columns: str = "login") -> None:
        """Write the roster; accounts are made for its logins."""
        for row in rows:
            self.hub.state.user(row.split(",")[0])
        text = "\n".join([columns, *rows, ""])
        (self.course.root / "roster.csv").write_text(text, encoding="utf-8")

    def release(self, source: str = "a" * 40, **changed: str) -> str:
        """Put a release into the template, as publishing does, and return its name."""
        files = {
            "README.md": b"Welcome\n",
            "pyproject.toml": b"[project]\n",
            "modules/source/01_alpha/alpha_dev.py": DEV.encode(),
            **{path.replace("__", "/"): text.encode() for path, text in changed.items()},
        }
        made = stamped(self.course, files, self.course.modules[:1], source=source)
        release = decode(made[FILE]).release
        template = self.hub.repository("acme/template", private=True)
        template.is_template = True
        contents = {path: File("100644", data) for path, data in made.items()}
        bare = self.bare(template)
        sha = commit(bare, "refs/heads/main", MESSAGE, contents)
        run(bare, "update-ref", f"{TAG}{release}", sha)
        return release

    def bare(self, repository: Repository | str) -> Path:
        """The git repository behind one of the organisation."""
        name = repository if isinstance(repository, str) else repository.name
        return self.folder / "forge" / "acme" / f"{name}.git"

    def clone(self, name: str) -> Path:
        """A student's working copy."""
        folder = self.folder / "clones" / name
        if not folder.exists():
            git(self.folder, "clone", "--quiet", str(self.bare(name)), str(folder))
        git(folder, "pull", "--quiet")
        return folder

    def work(self, name: str, files: dict[str, str], message: str = "Work") -> str:
        """Commit files to a student's main and push."""
        folder = self.clone(name)
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", message)
        git(folder, "push", "--quiet", "origin", "main")
        return git(folder, "rev-parse", "HEAD")


def git(folder: Path, *arguments: str) -> str:
    """git as a student."""
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@localhost"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@dataclass
class Turned:
    """A clock that a test turns: the hub's and the session's are the same."""

    seconds: float = START

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def days(self, count: float) -> None:
        """Let some pass."""
        self.seconds += count * 86_400

    @property
    def clock(self) -> Clock:
        return Clock(self.now, self.sleep)


@contextmanager
def world_in(
    folder: Path,
    small: SmallCourse,
    sections: str = SECTIONS,
    clock: Callable[[], float] | None = None,
) -> Iterator[World]:
    """A world without students."""
    small.add("alpha", DEV)
    root = small.load().root
    with (root / "classroom.yml").open("a", encoding="utf-8") as file:
        file.write(sections)
    (folder / "forge").mkdir()
    with LocalHub(folder / "forge", clock=clock) as hub:
        acme = hub.organisation("acme")
        acme.add("teacher", "admin")
        acme.lock_down()
        hub.state.everybody_exists = False
        token = hub.token(TEACHER, login="teacher")
        environment = {
            "GITHUB_API_URL": hub.url,
            "GITHUB_SERVER_URL": hub.url,
            "GITHUB_TOKEN": token,
            "TITO_SECONDS_BETWEEN_WRITES": "0",
            "TITO_SECONDS_BEFORE_RETRY": "0",
            "TITO_PACE": "off",
            "PATH": os.environ["PATH"],
        }
        yield World(hub, acme, load(root), folder, environment)
        assert hub.violations == [], hub.violations


def names(rows: Sequence[str]) -> list[str]:
    """Of repositories for these logins."""
    return [f"work-{row}" for row in rows]
