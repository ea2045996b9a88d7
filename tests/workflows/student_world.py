"""A course, its published tools, a student's repository on the local GitHub, and a runner."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from bot.act import Act, Repository, Run
from bot.classroom.workflow import PATH, student_workflow
from bot.tools import publish
from tests.conftest import ROOT
from tests.small_class import hand_out, small_course, write
from tito.course import Course

if TYPE_CHECKING:
    from bot.localhub import LocalHub

NAME = "acme/tinytorch-ann"
CARRIED = ("tito", "bot", ".github/actions", "requirements")
CASES = '''\
def cases(random):
    """What no student sees before the grade."""
    secret_number_of_this_round = random.integers(1, 1000)
    yield "twice(value)", {"value": secret_number_of_this_round}
'''


def instructors_course(folder: Path, *, first: str = "push", second: str = "off") -> Course:
    """The small course with tito, the bot and the actions in it, as a git repository."""
    course = small_course(folder, first=first, second=second)
    write(folder, "modules/source/01_twice/twice_cases.py", CASES)
    ignored = shutil.ignore_patterns("__pycache__", "localhub", "*.pyc")
    for name in CARRIED:
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in (".github/action-pins.toml", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    return course


def published(course: Course, folder: Path) -> Path:
    """A checkout of the tools that were published from there."""
    git = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@localhost"]
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "Course"]):
        subprocess.run([*git, *command], cwd=course.root, check=True)
    target, checkout = folder / "tools.git", folder / "tools"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", target], check=True)
    publish(course.root, target.as_uri(), "1.0.0")
    subprocess.run(["git", "clone", "-q", target.as_uri(), checkout], check=True)
    return checkout


@dataclass
class Student:
    """A student who works, pushes, and reads what comes back."""

    hub: LocalHub
    runner: Act
    course: Course
    tools: Path
    folder: Path
    runs: int = 0
    more: dict[str, str] = field(default_factory=dict)
    """What of the workflow is changed for a test: old text → new."""

    def __post_init__(self) -> None:
        head = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=self.tools, check=True, capture_output=True, text=True
        )
        self.sha = head.stdout.strip()
        hand_out(self.course, self.folder / "handed-out")
        self.workflow = student_workflow(self.course, "acme/tools", self.sha).decode()
        write(self.folder / "handed-out", PATH, self.workflow)
        subprocess.run(["git", "init", "-q", self.folder / "handed-out"], check=True)
        self.repository = Repository(self.folder / "handed-out", self.folder / "repository")
        self.root = self.repository.folder
        self.github = self.hub.repository(NAME, private=True)
        asked = yaml.safe_load(self.workflow)["jobs"]["feedback"]["permissions"]
        self.hub.token(asked, repository=self.github, value=self.runner.token)

    def open(self) -> None:
        """The Feedback pull request, as provisioning makes it."""
        head = self.repository.git("rev-parse", "HEAD")
        self.pull = self.github.pull_request(head_sha=head, branch="main", base="feedback")

    def push(self, ref: str = "refs/heads/main", **environment: str) -> Run:
        """Commit everything, push it as this branch or tag, and wait for the run."""
        text = self.workflow
        for old, new in self.more.items():
            assert old in text
            text = text.replace(old, new)
        (self.root / PATH).write_text(text, encoding="utf-8")
        head = self.repository.commit("Work")
        self.github.push("main", head)
        self.runs += 1
        return self.again(ref, **environment)

    def again(self, ref: str = "refs/heads/main", **environment: str) -> Run:
        """The newest run once more, as somebody asks for who presses the button."""
        head = self.head
        payload = {"ref": ref, "after": head, "repository": {"full_name": NAME}}
        settings = {
            "GITHUB_API_URL": self.hub.url,
            "GITHUB_REPOSITORY": NAME,
            "GITHUB_RUN_NUMBER": str(self.runs),
            "TITO_SECONDS_BETWEEN_WRITES": "0",
            "TITO_SECONDS_BEFORE_RETRY": "0.01",
            **environment,
        }
        return self.runner.run(
            self.root, Path(PATH).name, "push", payload, number=self.runs, environment=settings,
            repositories={f"acme/tools@{self.sha}": self.tools},
        )  # fmt: skip

    @property
    def head(self) -> str:
        return self.repository.git("rev-parse", "HEAD")

    def comments(self) -> list[str]:
        return [comment.body for comment in self.github.comments(self.pull.number)]

    def statuses(self) -> dict[str, str]:
        return {status.context: status.state for status in self.github.statuses(self.head)}

    def writes(self) -> int:
        return sum(method != "GET" for method, _ in self.hub.requests)
