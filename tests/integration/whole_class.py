"""A class from the first publication to the table of its students, with nothing left out.

The course is a small one in a real repository; what it publishes is proven, pushed by real git to
the local GitHub, and run by the real `act`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bot import __main__ as program
from bot.act import Act, Run
from bot.localhub import LocalHub
from bot.localhub.repository import Repository
from tests.conftest import ROOT
from tests.integration.class_on_hub import TEACHER, git
from tests.workflows.student_world import instructors_course
from tito.course import Course, load

GITIGNORE = "roster.csv\nextensions.csv\noverrides.csv\ncatch-ups.csv\ngradebook.db\n.tito/\n"
LATER = "2999-01-01T00:00:00Z"
WORKFLOWS = {"legacy": "classroom.yml"}


@dataclass
class WholeClass:
    """The instructor's side, the students' side, and the hub between them."""

    hub: LocalHub
    root: Path
    folder: Path
    provider: str
    environment: dict[str, str]
    runs: int = 0
    clones: dict[str, Path] = field(default_factory=dict)

    @property
    def course(self) -> Course:
        return load(self.root)

    def bot(self, *arguments: str) -> int:
        """A command of the instructor's, in the course's folder."""
        return program.invoke(["classroom", *arguments])

    def roster(self, *rows: str, columns: str = "login,status") -> None:
        for row in rows:
            self.hub.state.user(row.split(",")[0])
        (self.root / "roster.csv").write_text("\n".join([columns, *rows, ""]))

    def commit(self, message: str) -> None:
        git(self.root, "add", "--all")
        git(self.root, "commit", "--quiet", "--message", message)

    def commit_always(self, message: str) -> None:
        """As `commit`, at a second of its own: every class has the same hash."""
        who = "Ada <ada@localhost> 946684800 +0000"
        git(self.root, "add", "--all")
        tree = git(self.root, "write-tree")
        text = f"tree {tree}\nauthor {who}\ncommitter {who}\n\n{message}\n"
        done = subprocess.run(
            ["git", "hash-object", "-t", "commit", "-w", "--stdin"],
            cwd=self.root, input=text, capture_output=True, text=True, check=True,
        )  # fmt: skip
        git(self.root, "update-ref", "HEAD", done.stdout.strip())

    def name(self, login: str) -> str:
        """Of a student's repository."""
        from bot.classroom.names import repository_name

        return repository_name(self.course, login)

    def repository(self, login: str) -> Repository:
        found = self.hub.state.find("acme", self.name(login))
        assert found is not None
        return found

    def bare(self, name: str) -> Path:
        return self.folder / "forge" / "acme" / f"{name}.git"

    def clone(self, login: str) -> Path:
        folder = self.folder / "clones" / login
        if not folder.exists():
            git(self.folder, "clone", "--quiet", str(self.bare(self.name(login))), str(folder))
        git(folder, "pull", "--quiet", "--rebase")
        return folder

    def push(self, login: str, change: Callable[[Path], object]) -> str:
        """Work of a student's, committed and pushed."""
        folder = self.clone(login)
        change(folder)
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--allow-empty", "--message", "Work")
        git(folder, "push", "--quiet", "origin", "HEAD:main")
        return git(folder, "rev-parse", "HEAD")

    def run(self, login: str, runner: Act) -> Run:
        """What GitHub would run for the newest push to `main`."""
        folder, repository = self.clone(login), self.repository(login)
        file = WORKFLOWS.get(self.provider, "feedback.yml")
        text = (folder / ".github/workflows" / file).read_text(encoding="utf-8")
        (job,) = yaml.safe_load(text)["jobs"].values()
        used = next(s["uses"] for s in job["steps"] if s.get("uses", "").startswith("acme/tools/"))
        sha = used.rpartition("@")[2]
        self.hub.token(job["permissions"], repository=repository, value=runner.token)
        self.runs += 1
        payload = {
            "ref": "refs/heads/main",
            "after": git(folder, "rev-parse", "HEAD"),
            "repository": {"full_name": f"acme/{repository.name}"},
        }
        settings = {
            "GITHUB_API_URL": self.hub.url,
            "GITHUB_REPOSITORY": f"acme/{repository.name}",
            "GITHUB_RUN_NUMBER": str(self.runs),
            "TITO_SECONDS_BETWEEN_WRITES": "0",
            "TITO_SECONDS_BEFORE_RETRY": "0.01",
        }
        return runner.run(
            folder, file, "push", payload, number=self.runs, environment=settings,
            repositories={f"acme/tools@{sha}": self.tools(sha)},
        )  # fmt: skip

    def tools(self, sha: str) -> Path:
        """A checkout of the published tools at a commit."""
        folder = self.folder / "tools" / sha
        if not folder.exists():
            git(self.folder, "clone", "--quiet", str(self.bare("tools")), str(folder))
            git(folder, "checkout", "--quiet", sha)
        return folder

    def status(self, capsys: Any) -> dict[str, Mapping[str, Any]]:
        """The table, by login."""
        capsys.readouterr()
        assert self.bot("status", "--json", "-") in (0, 1)
        found = json.loads(capsys.readouterr().out)
        return {row["student"]: row for row in found["students"]}


@contextmanager
def whole_class(
    folder: Path, provider: str, monkeypatch: Any, *, only_first: bool = False
) -> Iterator[WholeClass]:
    """A class of nobody, whose course is committed and whose organisation is locked down.

    With `only_first`, one of its two modules is handed out, and proven in half the time.
    """
    root = folder / "course"
    root.mkdir()
    instructors_course(root, second="push")
    manifest = root / "classroom.yml"
    text = manifest.read_text(encoding="utf-8")
    lines = f"classroom:\n  provider: {provider}\n  term: autumn-2026\n  template: template\n"
    text = text.replace("classroom:\n", lines)
    if only_first:
        text = text.replace("  - slug: second\n", f"  - slug: second\n    opens: {LATER}\n")
    manifest.write_text(text, encoding="utf-8")
    (root / ".gitignore").write_text(GITIGNORE)
    shutil.copy(ROOT / ".gitattributes", root)
    subprocess.run(["git", "init", "--quiet", "--initial-branch", "main", root], check=True)
    (folder / "forge").mkdir()
    with LocalHub(folder / "forge") as hub:
        hub.state.everybody_exists = False
        acme = hub.organisation("acme")
        acme.add("teacher", "admin")
        acme.lock_down()
        environment = {
            "GITHUB_API_URL": hub.url,
            "GITHUB_SERVER_URL": hub.url,
            "GITHUB_TOKEN": hub.token(TEACHER, login="teacher"),
            "TITO_SECONDS_BETWEEN_WRITES": "0",
            "TITO_SECONDS_BEFORE_RETRY": "0",
            "TITO_PACE": "off",
            "PATH": os.environ["PATH"],
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(root)
        made = WholeClass(hub, root, folder, provider, environment)
        made.commit_always("The course")
        if provider == "classroom50":
            set_up_classroom50(made)
        yield made
        assert hub.violations == []


def set_up_classroom50(made: WholeClass) -> None:
    """What Classroom 50's own set-up leaves: its repository with a commit in it."""
    made.hub.repository("acme/classroom50", private=True)
    folder = made.folder / "classroom50"
    git(made.folder, "clone", "--quiet", str(made.bare("classroom50")), str(folder))
    (folder / "README.md").write_text("Classroom 50\n")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Set up")
    git(folder, "push", "--quiet", "origin", "HEAD:main")
