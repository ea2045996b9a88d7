"""One repository on GitHub, as far as the bot reads it and writes to its pull requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from bot.errors import GoneError, NotAllowedError
from bot.github import Connection, asking
from bot.model import Changes, CheckRun, Comment, Job, Pull, Run, Status

MOST_FILES = 3000
"""GitHub lists no more files of a pull request."""
MOST_COMPARED = 300
"""GitHub lists no more files of a comparison."""


class Door(Connection):
    """What the bot asks and says, in its own words."""

    def open_pulls(self, run: Run) -> list[Pull]:
        """Open pull requests that may belong to the run: all of them if its fork is deleted."""
        asked = {"state": "open"}
        if run.head_owner:
            asked["head"] = f"{run.head_owner}:{run.head_branch}"
        with asking("list the pull requests"):
            return [self._pull(pull) for pull in self.pages(f"{self.root}/pulls", **asked)]

    def pulls_between(self, base: str, head: str) -> list[Pull]:
        """Pull requests from one branch of this repository to another, open or closed, in order."""
        asked = {"state": "all", "base": base, "head": f"{self.name.partition('/')[0]}:{head}"}
        asked |= {"sort": "created", "direction": "asc"}
        with asking("list the pull requests"):
            found = [self._pull(pull) for pull in self.pages(f"{self.root}/pulls", **asked)]
        return [pull for pull in found if not pull.fork and pull.head_branch == head]

    def pull(self, number: int) -> Pull:
        """One pull request as it is now."""
        with asking(f"read pull request {number}"):
            return self._pull(self.read(f"{self.root}/pulls/{number}"))

    def _pull(self, pull: Any) -> Pull:
        head, base = pull["head"], pull["base"]
        repository = head["repo"]  # null if the fork is deleted
        name = repository["full_name"] if repository else ""
        return Pull(
            number=pull["number"],
            open=pull["state"] == "open",
            head_sha=head["sha"],
            head_branch=head["ref"],
            head_repository=repository["id"] if repository else None,
            base_sha=base["sha"],
            base_branch=base["ref"],
            fork=name.lower() != self.name.lower(),
        )

    def jobs(self, run: Run) -> list[Job]:
        """The jobs of this attempt. GitHub's own record: no workflow can write it."""
        path = f"{self.root}/actions/runs/{run.id}/attempts/{run.attempt}/jobs"
        with asking(f"read the jobs of run {run.number}"):
            return [Job(job["name"], job["conclusion"]) for job in self.pages(path, "jobs")]

    def changes(self, pull: Pull) -> Changes:
        """Every path the pull request touches, old names too, and whether its base has moved on."""
        try:
            compared = self._compare(pull.base_branch, pull.head_sha)
        except (GoneError, NotAllowedError):
            return Changes(self._listed_paths(pull), None)
        files, behind = compared["files"], bool(compared["behind_by"])
        paths = _paths(files) if len(files) < MOST_COMPARED else self._listed_paths(pull)
        return Changes(paths, behind)

    def _listed_paths(self, pull: Pull) -> tuple[str, ...] | None:
        with asking(f"list the files of pull request {pull.number}"):
            files = list(self.pages(f"{self.root}/pulls/{pull.number}/files"))
        return _paths(files) if len(files) < MOST_FILES else None

    def moved_paths(self, pull: Pull) -> frozenset[str] | None:
        """Paths that the base has changed since the head left it: there, lines may differ.

        None if GitHub cannot say, or has more to say than it lists.
        """
        try:
            files = self._compare(pull.head_sha, pull.base_branch)["files"]
        except (GoneError, NotAllowedError):
            return None
        return frozenset(_paths(files)) if len(files) < MOST_COMPARED else None

    def _compare(self, first: str, second: str) -> Any:
        """What `second` has changed since it left `first`. The files are all on the first page."""
        path = f"{self.root}/compare/{quote(first)}...{quote(second)}"
        with asking("compare the head with its base"):
            return self.read(path, per_page=1)

    def statuses(self, sha: str) -> list[Status]:
        """The newest status of each context. Empty if there is no such commit."""
        try:
            with asking(f"read the statuses of {sha[:7]}"):
                found = list(self.pages(f"{self.root}/commits/{sha}/status", "statuses"))
        except GoneError:
            return []
        return [
            Status(one["context"], one["state"], one["description"] or "", one["target_url"] or "")
            for one in found
        ]

    def create_status(self, sha: str, status: Status) -> None:
        """Give a commit a status. Raises UnsureError if it may have it now."""
        given = {"state": status.state, "context": status.context}
        given |= {"description": status.description, "target_url": status.url}
        self.write(f"write the status {status.context}", "POST", f"/statuses/{sha}", given)

    def comments(self, number: int) -> list[Comment]:
        """Every comment of a pull request, over all pages."""
        with asking(f"list the comments of pull request {number}"):
            return [_comment(one) for one in self.pages(f"{self.root}/issues/{number}/comments")]

    def comment(self, comment: int) -> Comment:
        """One comment as it is now. Raises GoneError if it was deleted."""
        with asking(f"read comment {comment}"):
            return _comment(self.read(f"{self.root}/issues/comments/{comment}"))

    def create_comment(self, number: int, body: str) -> Comment:
        """Write a new comment. Raises UnsureError if it may have been created."""
        what, given = f"comment on pull request {number}", {"body": body}
        return _comment(self.write(what, "POST", f"/issues/{number}/comments", given))

    def edit_comment(self, comment: int, body: str) -> Comment:
        """Replace a comment. Raises GoneError if it was deleted, UnsureError if nobody knows."""
        what, given = f"edit comment {comment}", {"body": body}
        return _comment(self.write(what, "PATCH", f"/issues/comments/{comment}", given))

    def delete_comment(self, comment: int) -> None:
        """Delete a comment. Raises GoneError if it was deleted already."""
        self.write(f"delete comment {comment}", "DELETE", f"/issues/comments/{comment}")

    def labelled_by(self, number: int, label: str) -> str:
        """Who set the label that a pull request has now; empty if nobody did, or took it off."""
        with asking(f"read who labelled pull request {number}"):
            events = list(self.pages(f"{self.root}/issues/{number}/events"))
        about = [each for each in events if each.get("label", {}).get("name") == label]
        if not about or about[-1]["event"] != "labeled":
            return ""
        return about[-1]["actor"]["login"] if about[-1]["actor"] else "an account that is deleted"

    def check_runs(self, sha: str, name: str) -> list[CheckRun]:
        """The check runs of a commit with this name, those of earlier attempts too."""
        path = f"{self.root}/commits/{sha}/check-runs"
        with asking(f"read the check runs of {sha[:7]}"):
            found = list(self.pages(path, "check_runs", check_name=name, filter="all"))
        return [_check_run(one) for one in found]

    def create_check_run(self, sha: str, **given: Any) -> CheckRun:
        """Make a check run of a commit. Raises UnsureError if it may have been made."""
        what = f"create the check run {given['name']}"
        return _check_run(self.write(what, "POST", "/check-runs", {"head_sha": sha, **given}))

    def annotate(self, check_run: int, output: dict[str, Any]) -> CheckRun:
        """Add annotations to those that are there. Raises UnsureError if they may be there now."""
        what, given = f"add to check run {check_run}", {"status": "completed", "output": output}
        given["conclusion"] = "neutral"
        return _check_run(self.write(what, "PATCH", f"/check-runs/{check_run}", given))


def _paths(files: Sequence[Any]) -> tuple[str, ...]:
    """The names of changed files, and those they had before."""
    names = [file.get(key) for file in files for key in ("filename", "previous_filename")]
    return tuple(name for name in names if name)


def _comment(one: Any) -> Comment:
    # an account that was deleted has left comments without an author
    return Comment(one["id"], one["user"]["login"] if one["user"] else "", one["body"] or "")


def _check_run(one: Any) -> CheckRun:
    return CheckRun(one["id"], one["external_id"] or "", one["output"]["annotations_count"])
