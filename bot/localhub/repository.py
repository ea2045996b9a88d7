"""A repository of the local GitHub: its branches, and everything that hangs on it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from bot.localhub.pulls import PullRequest
from bot.localhub.records import (
    NOTHING,
    ROLES,
    WORKFLOW_LOGIN,
    Activity,
    Comment,
    Invitation,
    Role,
    Status,
    User,
)
from bot.localhub.runs import WorkflowRun
from tito.errors import UsageError

if TYPE_CHECKING:
    from bot.localhub.checks import CheckRun
    from bot.localhub.forge import Bare
    from bot.localhub.state import State
    from bot.localhub.templates import Generation

SAME = ""
"""The head repository of a pull request that does not come from a fork."""


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
    bare: Bare | None = None
    """Its git repository, if the hub has a forge."""
    archived: bool = False
    pusher: str | None = None
    """Who pushes by git, where nobody logs in. None is the only one who may, or the owner."""
    access_level: Literal["none", "user", "organization"] = "none"
    """Which other repositories may call its workflows."""
    settings: dict[str, Any] = field(default_factory=dict)
    """What else was set, by GitHub's names."""
    invitations: dict[int, Invitation] = field(default_factory=dict)
    activities: list[Activity] = field(default_factory=list)
    heads: list[PullRequest] = field(default_factory=list)
    """The pull requests made from a branch of it, wherever they were opened."""
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
    _branches: dict[str, str] = field(default_factory=dict)
    _tags: dict[str, str] = field(default_factory=dict)
    _comments: dict[int, Comment] = field(default_factory=dict)
    _statuses: list[Status] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"Repository({self.full_name})"

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    @property
    def pushed_at(self) -> str:
        return self.activities[-1].timestamp if self.activities else self.created_at

    @property
    def branches(self) -> dict[str, str]:
        """Where each branch stands, by its short name."""
        self.refresh()
        return self._branches

    @property
    def tags(self) -> dict[str, str]:
        """Where each tag stands, by its short name."""
        self.refresh()
        return self._tags

    def role(self, user: User) -> Role:
        """Return what a user may do here; anybody reads a public repository."""
        if user is self.owner:
            return "admin"
        organisation = self.state.organisations.get(self.owner.login.lower())
        membership = organisation.members.get(user.login) if organisation else None
        if membership == "admin":
            return "admin"
        held: list[Role] = ["none" if self.private else "read", self.direct_role(user)]
        if organisation and membership:
            held.append(organisation.base_role)
        return max(held, key=ROLES.index)

    def direct_role(self, user: User) -> Role:
        """Return what a user may do as a collaborator."""
        return self.roles.get(user.login, "none")

    def push(self, branch: str, sha: str, *, by: User | None = None) -> None:
        """Move a branch, and with it the head of every open pull request made from it."""
        if self.bare:
            self.bare.move(f"refs/heads/{branch}", sha)
            self.refresh(by)
        else:
            self._moved(f"refs/heads/{branch}", sha, by)

    def tag(self, name: str, sha: str, *, by: User | None = None) -> None:
        """Set a tag."""
        if self.bare:
            self.bare.move(f"refs/tags/{name}", sha)
            self.refresh(by)
        else:
            self._moved(f"refs/tags/{name}", sha, by)

    def remove(self, ref: str, *, by: User | None = None) -> None:
        """Delete a branch or a tag by its full name."""
        if self.bare:
            self.bare.remove(ref)
            self.refresh(by)
        else:
            self._moved(ref, NOTHING, by)

    def refresh(self, by: User | None = None) -> None:
        """Take note of what was pushed by git since the last time.

        Every request to the repository does so. A test that turns the clock calls it after a
        push, so that the push has the time at which it was made.
        """
        if self.bare is None:
            return
        found = self.bare.refs()
        known = {f"refs/heads/{name}": sha for name, sha in self._branches.items()}
        known |= {f"refs/tags/{name}": sha for name, sha in self._tags.items()}
        if found != known:
            for ref in sorted(known.keys() | found.keys()):
                after = found.get(ref, NOTHING)
                if known.get(ref, NOTHING) != after:
                    self._moved(ref, after, by)

    def _moved(self, ref: str, after: str, by: User | None) -> None:
        kind, _, name = ref.removeprefix("refs/").partition("/")
        place = self._branches if kind == "heads" else self._tags
        before = place.pop(name, NOTHING)
        if after != NOTHING:
            place[name] = after
            self.commits.add(after)
        activity = Activity(
            self.state.next_id(),
            ref,
            before,
            after,
            self._kind(kind, before, after),
            by or self._who_pushes(),
            self.state.now(),
        )
        self.activities.append(activity)
        if kind == "heads":
            self._move_pulls(name, before, after)

    def _kind(self, kind: str, before: str, after: str) -> str:
        """Return what GitHub's list calls it."""
        if after == NOTHING:
            return "branch_deletion"
        if before == NOTHING:
            return "branch_creation" if kind == "heads" else "push"
        ahead = self.bare is None or self.bare.contains(after, before)
        return "push" if ahead else "force_push"

    def _who_pushes(self) -> User:
        writers = [login for login, role in self.roles.items() if role == "write"]
        sole = writers[0] if len(writers) == 1 else self.owner.login
        return self.state.user(self.pusher or sole)

    def _move_pulls(self, branch: str, before: str, after: str) -> None:
        for pull in self.heads:
            if pull.state == "open" and pull.branch == branch and after != NOTHING:
                pull.repository.commits.add(after)
                pull.head_moved(after)
        if self.bare is None or NOTHING in (before, after):
            return
        for pull in self.pulls.values():
            # Somebody may have merged it by hand, which GitHub sees and closes it.
            theirs = pull.state == "open" and pull.base == branch
            if theirs and self.bare.contains(after, pull.head_sha):
                pull.close(merged=True)
                pull.merge_commit = after

    def commit_of(self, reference: str) -> str | None:
        """Return the sha that a sha or a branch or a tag stands for; None if nothing does."""
        self.refresh()
        if reference in self.commits:
            return reference
        if self.bare and len(reference) == 40 and self.bare.holds(reference):
            self.commits.add(reference)
            return reference
        name = reference.removeprefix("refs/")
        branch = self._branches.get(name.removeprefix("heads/"))
        return branch or self._tags.get(name.removeprefix("tags/"))

    def invite(self, login: str, role: Role, inviter: User, *, expires: float) -> Invitation:
        """Invite somebody, or change the role that is offered by an invitation still open."""
        invitee = self.state.user(login)
        for present in list(self.invitations.values()):
            if present.invitee is invitee:
                if present.expires > self.state.seconds():
                    present.role = role
                    return present
                del self.invitations[present.id]
        number = self.state.next_id()
        made = Invitation(number, invitee, inviter, role, self.state.now(), expires)
        self.invitations[number] = made
        return made

    def accept(self, login: str) -> None:
        """Accept the invitation of a user, as they do.

        Raises:
            UsageError: there is none, or it has expired.
        """
        user = self.state.user(login)
        for present in list(self.invitations.values()):
            if present.invitee is user and present.expires > self.state.seconds():
                self.roles[user.login] = present.role
                del self.invitations[present.id]
                return
        raise UsageError(
            f"{login} has no open invitation to {self.full_name}",
            hint="invite them with PUT /repos/{owner}/{repo}/collaborators/{username}",
        )

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
            head_repository._offer(pull, head_sha)
        return pull

    def _offer(self, pull: PullRequest, sha: str) -> None:
        """Let a pull request made from here follow its branch, which stands at `sha`."""
        self.heads.append(pull)
        if self.branches.get(pull.branch) != sha:
            self.push(pull.branch, sha)

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
