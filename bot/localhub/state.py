"""What the local GitHub knows: users, repositories, pull requests, comments, statuses and runs.

Nothing here speaks HTTP or JSON. Ids increase over the whole hub, times are counted from a fixed
second, so that a run of a test gives the same bytes as the one before.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Literal

from bot.localhub.archive import zip_of
from tito.errors import UsageError

if TYPE_CHECKING:
    from bot.localhub.checks import CheckRun
    from bot.localhub.labels import LabelEvent
    from bot.localhub.templates import Generation

Role = Literal["none", "read", "write", "admin"]
WORKFLOW_LOGIN = "github-actions[bot]"
"""Who a workflow's own token acts as."""

SAME = ""
"""The head repository of a pull request that does not come from a fork."""


@dataclass(frozen=True)
class User:
    login: str
    id: int

    @property
    def is_bot(self) -> bool:
        return self.login.endswith("[bot]")


@dataclass(frozen=True)
class Comment:
    id: int
    number: int
    """The number of the issue or pull request it stands under."""
    author: User
    body: str
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class Status:
    id: int
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    creator: User
    created_at: str


@dataclass(frozen=True)
class Job:
    id: int
    name: str
    status: str
    conclusion: str | None
    attempt: int
    created_at: str


@dataclass(frozen=True)
class Artifact:
    id: int
    name: str
    archive: bytes = field(repr=False)
    created_at: str


@dataclass
class State:
    """All users and repositories, the clock and the counter of ids."""

    users: dict[str, User] = field(default_factory=dict)
    repositories: dict[str, Repository] = field(default_factory=dict)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1001))
    _seconds: Iterator[int] = field(default_factory=itertools.count)

    def next_id(self) -> int:
        return next(self._ids)

    def now(self) -> str:
        """Return the next second, as GitHub writes times."""
        start = datetime(2030, 1, 1, tzinfo=timezone.utc)
        return f"{start + timedelta(seconds=next(self._seconds)):%Y-%m-%dT%H:%M:%SZ}"

    def user(self, login: str) -> User:
        """Return the user of that name, made when first asked for."""
        if login not in self.users:
            self.users[login] = User(login, self.next_id())
        return self.users[login]

    def repository(
        self, full_name: str, *, private: bool = False, fork_of: Repository | None = None
    ) -> Repository:
        """Return the repository `owner/name`, made when first asked for."""
        if full_name.count("/") != 1:
            raise UsageError(f"'{full_name}' names no repository", hint="write it as owner/name")
        key = full_name.lower()
        if key not in self.repositories:
            owner, name = full_name.split("/")
            self.repositories[key] = Repository(
                self, self.next_id(), self.user(owner), name, private, fork_of, self.now()
            )
        return self.repositories[key]

    def find(self, owner: str, name: str) -> Repository | None:
        return self.repositories.get(f"{owner}/{name}".lower())


@dataclass(eq=False, repr=False)
class Repository:
    """A repository with what hangs on it. The methods without a verb in them make something."""

    state: State
    id: int
    owner: User
    name: str
    private: bool
    fork_of: Repository | None
    created_at: str
    default_branch: str = "main"
    branches: dict[str, str] = field(default_factory=dict)
    commits: set[str] = field(default_factory=set)
    pulls: dict[int, PullRequest] = field(default_factory=dict)
    runs: dict[int, WorkflowRun] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)
    check_runs: dict[int, CheckRun] = field(default_factory=dict)
    rulesets: dict[int, dict[str, Any]] = field(default_factory=dict)
    environments: dict[str, dict[str, Any]] = field(default_factory=dict)
    teams: dict[str, int] = field(default_factory=dict)
    plan: Literal["free", "team"] = "team"
    in_organisation: bool = True
    is_template: bool = False
    template: Repository | None = None
    description: str | None = None
    generation: Generation | None = None
    _comments: dict[int, Comment] = field(default_factory=dict)
    _statuses: list[Status] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"Repository({self.full_name})"

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    def role(self, user: User) -> Role:
        """Return what a user may do here; anybody reads a public repository."""
        if user == self.owner:
            return "admin"
        return self.roles.get(user.login, "none" if self.private else "read")

    def push(self, branch: str, sha: str) -> None:
        """Move a branch, and with it the head of every open pull request made from it."""
        self.branches[branch] = sha
        self.commits.add(sha)
        for repository in self.state.repositories.values():
            for pull in repository.pulls.values():
                if pull.state == "open" and pull.head_repository is self and pull.branch == branch:
                    repository.commits.add(sha)
                    pull.head_sha = sha
                    pull.updated_at = self.state.now()

    def commit_of(self, reference: str) -> str | None:
        """Return the sha that a sha or the name of a branch stands for; None if nothing does."""
        if reference in self.commits:
            return reference
        name = reference.removeprefix("refs/").removeprefix("heads/")
        return self.branches.get(name)

    def pull_request(
        self,
        *,
        head_sha: str,
        branch: str,
        head_repository: Repository | str | None = SAME,
        base: str = "main",
        title: str = "",
        author: str | None = None,
    ) -> PullRequest:
        """Open a pull request, by default as the owner of the head repository.

        `head_repository` is a fork, or its name; None is a fork that was deleted since.
        """
        if isinstance(head_repository, str):
            name = head_repository or self.full_name
            same = name.lower() == self.full_name.lower()
            head_repository = self if same else self.state.repository(name, fork_of=self)
        owner = head_repository.owner.login if head_repository else "ghost"
        number = len(self.pulls) + 1
        now = self.state.now()
        pull = PullRequest(
            self,
            self.state.next_id(),
            number,
            title or f"Change {branch}",
            self.state.user(author or owner),
            branch,
            head_sha,
            base,
            head_repository,
            now,
            now,
        )
        self.pulls[number] = pull
        self.commits.add(head_sha)
        if head_repository:
            head_repository.push(branch, head_sha)
        return pull

    def comment(self, number: int, body: str, author: str | User) -> Comment:
        """Write a comment under a pull request."""
        user = author if isinstance(author, User) else self.state.user(author)
        now = self.state.now()
        comment = Comment(self.state.next_id(), number, user, body, now, now)
        self._comments[comment.id] = comment
        return comment

    def find_comment(self, comment_id: int) -> Comment | None:
        return self._comments.get(comment_id)

    def edit_comment(self, comment_id: int, body: str) -> Comment:
        edited = replace(self._comments[comment_id], body=body, updated_at=self.state.now())
        self._comments[comment_id] = edited
        return edited

    def delete_comment(self, comment_id: int) -> None:
        del self._comments[comment_id]

    def comments(self, number: int) -> list[Comment]:
        """Return the comments under a pull request, oldest first."""
        return [comment for comment in self._comments.values() if comment.number == number]

    def status(
        self,
        sha: str,
        state: str,
        *,
        context: str = "default",
        description: str | None = None,
        target_url: str | None = None,
        creator: str | User = WORKFLOW_LOGIN,
    ) -> Status:
        """Set a commit status."""
        user = creator if isinstance(creator, User) else self.state.user(creator)
        made = Status(
            self.state.next_id(),
            sha,
            state,
            context,
            description,
            target_url,
            user,
            self.state.now(),
        )
        self.commits.add(sha)
        self._statuses.append(made)
        return made

    def statuses(self, sha: str) -> list[Status]:
        """Return the statuses of a commit, oldest first, replaced ones too."""
        return [status for status in self._statuses if status.sha == sha]

    def workflow_run(
        self,
        *,
        head_sha: str,
        branch: str,
        head_repository: Repository | str = SAME,
        name: str = "Pull request",
        path: str = ".github/workflows/pull-request.yml",
        event: str = "pull_request",
        conclusion: str | None = "success",
        attempt: int = 1,
    ) -> WorkflowRun:
        """Record a run of a workflow; with conclusion None it is still in progress."""
        if isinstance(head_repository, str):
            known = self.state.repositories.get(head_repository.lower())
            head_repository = known or self.state.repository(
                head_repository or self.full_name, fork_of=self
            )
        run = WorkflowRun(
            self,
            self.state.next_id(),
            len(self.runs) + 1,
            name,
            path,
            event,
            branch,
            head_sha,
            head_repository,
            conclusion,
            attempt,
            self.state.now(),
        )
        self.commits.add(head_sha)
        self.runs[run.id] = run
        return run


@dataclass(eq=False)
class PullRequest:
    repository: Repository
    id: int
    number: int
    title: str
    author: User
    branch: str
    head_sha: str
    base: str
    head_repository: Repository | None
    created_at: str
    updated_at: str
    state: Literal["open", "closed"] = "open"
    merged: bool = False
    closed_at: str | None = None
    commit_count: int = 1
    files: list[str] = field(default_factory=list)
    """Paths that it changes."""
    base_files: list[str] = field(default_factory=list)
    """Paths that its base has changed since the head left it."""
    renamed: dict[str, str] = field(default_factory=dict)
    """New path → the path it had before, for those of `files` that were moved."""
    label_events: list[LabelEvent] = field(default_factory=list)

    @property
    def head_owner(self) -> str:
        return self.head_repository.owner.login if self.head_repository else self.author.login

    @property
    def from_fork(self) -> bool:
        return self.head_repository is not self.repository

    def push(self, sha: str) -> None:
        """Push a commit to the branch of this pull request."""
        self.commit_count += 1
        if self.head_repository:
            self.head_repository.push(self.branch, sha)

    def close(self, *, merged: bool = False) -> None:
        self.state, self.merged, self.closed_at = "closed", merged, self.repository.state.now()


@dataclass(eq=False)
class WorkflowRun:
    repository: Repository
    id: int
    number: int
    name: str
    path: str
    event: str
    branch: str
    head_sha: str
    head_repository: Repository
    conclusion: str | None
    attempt: int
    created_at: str
    jobs: list[Job] = field(default_factory=list)
    artifacts: dict[int, Artifact] = field(default_factory=dict)

    @property
    def status(self) -> str:
        return "completed" if self.conclusion else "in_progress"

    def job(self, name: str, conclusion: str | None, *, attempt: int | None = None) -> Job:
        """Record a job of the run's newest attempt, or of an older one."""
        state = self.repository.state
        made = Job(
            state.next_id(),
            name,
            "completed" if conclusion else "in_progress",
            conclusion,
            attempt or self.attempt,
            state.now(),
        )
        self.jobs.append(made)
        return made

    def artifact(self, name: str, data: bytes, *, file: str | None = "report.json") -> Artifact:
        """Upload a zip that holds `data` as its one file; with `file` None, `data` is the zip."""
        state = self.repository.state
        archive = data if file is None else zip_of(file, data)
        made = Artifact(state.next_id(), name, archive, state.now())
        self.artifacts[made.id] = made
        return made
