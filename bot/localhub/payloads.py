"""State as the JSON objects of GitHub's description. Pure: no function here changes anything."""

from __future__ import annotations

import hashlib
from typing import Any

from bot.localhub.links import REPOSITORY_LINKS, USER_LINKS
from bot.localhub.state import (
    Artifact,
    Comment,
    Job,
    PullRequest,
    Repository,
    Status,
    User,
    WorkflowRun,
)

Payload = dict[str, Any]

PAGES = "https://github.com"
"""Where links for people lead; nothing is served there."""

_OPEN = ("open_issues", "open_issues_count")
"""Pull requests are issues to GitHub."""
_NOTHING_YET = (
    "forks",
    "forks_count",
    "size",
    "stargazers_count",
    "watchers",
    "watchers_count",
)


def _kind(user: User) -> str:
    if user.is_organisation:
        return "Organization"
    return "Bot" if user.is_bot else "User"


def node_id(kind: str, number: int) -> str:
    return f"{kind}_{number}"


class Payloads:
    """Builds payloads whose links lead to the hub at `api`."""

    def __init__(self, api: str) -> None:
        self.api = api

    def address(self, repository: Repository) -> str:
        return f"{self.api}/repos/{repository.full_name}"

    def user(self, user: User) -> Payload:
        url = f"{self.api}/users/{user.login.replace('[', '%5B').replace(']', '%5D')}"
        return {
            "login": user.login,
            "id": user.id,
            "node_id": node_id("U", user.id),
            "avatar_url": f"https://avatars.githubusercontent.com/u/{user.id}",
            "gravatar_id": "",
            "url": url,
            "html_url": f"{PAGES}/{user.login.removesuffix('[bot]')}",
            "type": _kind(user),
            "site_admin": False,
            **{name: url + end for name, end in USER_LINKS.items()},
        }

    def own_profile(self, user: User) -> Payload:
        """Return the user as `/user` shows a token's owner."""
        unknown = ("name", "company", "blog", "location", "email", "hireable", "bio")
        counts = ("public_repos", "public_gists", "followers", "following")
        return {
            **self.user(user),
            **dict.fromkeys(unknown),
            **dict.fromkeys(counts, 0),
            "user_view_type": "public",
            "created_at": "2030-01-01T00:00:00Z",
            "updated_at": "2030-01-01T00:00:00Z",
        }

    def repository(self, repository: Repository) -> Payload:
        """Return a repository as it stands inside other objects."""
        url, page = self.address(repository), f"{PAGES}/{repository.full_name}"
        return {
            "id": repository.id,
            "node_id": node_id("R", repository.id),
            "name": repository.name,
            "full_name": repository.full_name,
            "owner": self.user(repository.owner),
            "private": repository.private,
            "visibility": "private" if repository.private else "public",
            "fork": repository.fork_of is not None,
            "is_template": repository.is_template,
            "default_branch": repository.default_branch,
            "url": url,
            "html_url": page,
            "clone_url": repository.bare.address if repository.bare else f"{page}.git",
            "git_url": f"git://github.com/{repository.full_name}.git",
            "ssh_url": f"git@github.com:{repository.full_name}.git",
            "svn_url": page,
            **{name: url + end for name, end in REPOSITORY_LINKS.items()},
            **dict.fromkeys(_NOTHING_YET, 0),
            **dict.fromkeys(_OPEN, sum(each.state == "open" for each in repository.pulls.values())),
            "description": repository.description,
            **dict.fromkeys(("homepage", "language", "license", "mirror_url")),
            "archived": repository.archived,
            **dict.fromkeys(("disabled", "has_discussions", "has_pages"), False),
            **dict.fromkeys(("has_downloads", "has_issues", "has_projects", "has_wiki"), True),
            "pushed_at": repository.pushed_at,
            "created_at": repository.created_at,
            "updated_at": repository.created_at,
        }

    def whole_repository(self, repository: Repository) -> Payload:
        """Return a repository as its own address shows it."""
        counts = {"network_count": 0, "subscribers_count": 0}
        whole = {**self.repository(repository), **counts, **repository.settings}
        if repository.template:
            whole["template_repository"] = self.repository(repository.template)
        return whole

    def comment(self, repository: Repository, comment: Comment) -> Payload:
        page = f"{PAGES}/{repository.full_name}/pull/{comment.number}"
        return {
            "id": comment.id,
            "node_id": node_id("IC", comment.id),
            "url": f"{self.address(repository)}/issues/comments/{comment.id}",
            "html_url": f"{page}#issuecomment-{comment.id}",
            "issue_url": f"{self.address(repository)}/issues/{comment.number}",
            "body": comment.body,
            "user": self.user(comment.author),
            "author_association": _association(repository, comment.author),
            "performed_via_github_app": None,
            "created_at": comment.created_at,
            "updated_at": comment.updated_at,
        }

    def status(self, repository: Repository, status: Status) -> Payload:
        return {**self.simple_status(repository, status), "creator": self.user(status.creator)}

    def simple_status(self, repository: Repository, status: Status) -> Payload:
        """Return a status as the combined status of a commit lists it."""
        return {
            "id": status.id,
            "node_id": node_id("SC", status.id),
            "url": f"{self.address(repository)}/statuses/{status.sha}",
            "avatar_url": f"https://avatars.githubusercontent.com/u/{status.creator.id}",
            "state": status.state,
            "context": status.context,
            "description": status.description,
            "target_url": status.target_url,
            "created_at": status.created_at,
            "updated_at": status.created_at,
        }

    def combined_status(
        self, repository: Repository, sha: str, state: str, newest: list[Status], count: int
    ) -> Payload:
        commit = f"{self.address(repository)}/commits/{sha}"
        return {
            "sha": sha,
            "state": state,
            "total_count": count,
            "statuses": [self.simple_status(repository, status) for status in newest],
            "repository": self.repository(repository),
            "commit_url": commit,
            "url": f"{commit}/status",
        }

    def pull(self, pull: PullRequest) -> Payload:
        """Return a pull request as lists show it."""
        page = f"{PAGES}/{pull.repository.full_name}/pull/{pull.number}"
        return {
            "id": pull.id,
            "node_id": node_id("PR", pull.id),
            "number": pull.number,
            "state": pull.state,
            "locked": False,
            "title": pull.title,
            "user": self.user(pull.author),
            "body": pull.body,
            "labels": [],
            **self._pull_links(pull),
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "created_at": pull.created_at,
            "updated_at": pull.updated_at,
            "closed_at": pull.closed_at,
            "merged_at": pull.closed_at if pull.merged else None,
            "merge_commit_sha": pull.merge_commit,
            **dict.fromkeys(("assignee", "milestone", "auto_merge")),
            **{name: [] for name in ("assignees", "requested_reviewers", "requested_teams")},
            "author_association": _association(pull.repository, pull.author),
            "draft": False,
            "head": self._head(pull),
            "base": self._base(pull),
        }

    def whole_pull(self, pull: PullRequest) -> Payload:
        """Return a pull request as its own address shows it."""
        counts = ("additions", "changed_files", "deletions", "review_comments")
        return {
            **self.pull(pull),
            **dict.fromkeys(counts, 0),
            "comments": len(pull.repository.comments(pull.number)),
            "commits": pull.commit_count,
            "merged": pull.merged,
            "mergeable": None if pull.merged else True,
            "mergeable_state": "unknown" if pull.merged else "clean",
            "merged_by": self.user(pull.repository.owner) if pull.merged else None,
            "maintainer_can_modify": pull.from_fork,
        }

    def _pull_links(self, pull: PullRequest) -> Payload:
        repository = self.address(pull.repository)
        url, issue = f"{repository}/pulls/{pull.number}", f"{repository}/issues/{pull.number}"
        links = {
            "self": url,
            "html": f"{PAGES}/{pull.repository.full_name}/pull/{pull.number}",
            "issue": issue,
            "comments": f"{issue}/comments",
            "review_comments": f"{url}/comments",
            "review_comment": f"{repository}/pulls/comments{{/number}}",
            "commits": f"{url}/commits",
            "statuses": f"{repository}/statuses/{pull.head_sha}",
        }
        named = {
            f"{name}_url": link for name, link in links.items() if name not in ("self", "html")
        }
        targets = {name: {"href": link} for name, link in links.items()}
        return {**named, "url": url, "_links": targets}

    def _head(self, pull: PullRequest) -> Payload:
        repository = pull.head_repository
        return {
            "label": f"{pull.head_owner}:{pull.branch}" if repository else "unknown repository",
            "ref": pull.branch,
            "sha": pull.head_sha,
            "user": self.user(repository.owner if repository else pull.author),
            "repo": self.repository(repository) if repository else None,
        }

    def _base(self, pull: PullRequest) -> Payload:
        repository = pull.repository
        return {
            "label": f"{repository.owner.login}:{pull.base}",
            "ref": pull.base,
            "sha": base_sha(pull),
            "user": self.user(repository.owner),
            "repo": self.repository(repository),
        }

    def run(self, run: WorkflowRun) -> Payload:
        repository = self.address(run.repository)
        url = f"{repository}/actions/runs/{run.id}"
        previous = f"{url}/attempts/{run.attempt - 1}" if run.attempt > 1 else None
        suite, workflow = run.id + 1_000_000, run.repository.id + 2_000_000
        return {
            "id": run.id,
            "node_id": node_id("WFR", run.id),
            "name": run.name,
            "path": run.path,
            "display_title": run.name,
            "run_number": run.number,
            "run_attempt": run.attempt,
            "event": run.event,
            "status": run.status,
            "conclusion": run.conclusion,
            "workflow_id": workflow,
            "workflow_url": f"{repository}/actions/workflows/{workflow}",
            "check_suite_id": suite,
            "check_suite_url": f"{repository}/check-suites/{suite}",
            "head_branch": run.branch,
            "head_sha": run.head_sha,
            "head_commit": _commit(run),
            "head_repository": self.repository(run.head_repository),
            "repository": self.repository(run.repository),
            "pull_requests": [self._minimal_pull(pull) for pull in pulls_of(run)],
            **dict.fromkeys(("actor", "triggering_actor"), self.user(run.head_repository.owner)),
            "url": url,
            "html_url": f"{PAGES}/{run.repository.full_name}/actions/runs/{run.id}",
            **{
                f"{name}_url": f"{url}/{name}"
                for name in ("jobs", "logs", "artifacts", "cancel", "rerun")
            },
            "previous_attempt_url": previous,
            "run_started_at": run.created_at,
            "created_at": run.created_at,
            "updated_at": run.created_at,
        }

    def _minimal_pull(self, pull: PullRequest) -> Payload:
        def end(branch: str, sha: str) -> Payload:
            inside = {
                "id": pull.repository.id,
                "url": self.address(pull.repository),
                "name": pull.repository.name,
            }
            return {"ref": branch, "sha": sha, "repo": inside}

        return {
            "id": pull.id,
            "number": pull.number,
            "url": f"{self.address(pull.repository)}/pulls/{pull.number}",
            "head": end(pull.branch, pull.head_sha),
            "base": end(pull.base, base_sha(pull)),
        }

    def job(self, run: WorkflowRun, job: Job) -> Payload:
        repository = self.address(run.repository)
        page = f"{PAGES}/{run.repository.full_name}/actions/runs/{run.id}/job/{job.id}"
        return {
            "id": job.id,
            "node_id": node_id("CR", job.id),
            "name": job.name,
            "run_id": run.id,
            "run_attempt": job.attempt,
            "run_url": f"{repository}/actions/runs/{run.id}",
            "head_sha": run.head_sha,
            "head_branch": run.branch,
            "workflow_name": run.name,
            "url": f"{repository}/actions/jobs/{job.id}",
            "html_url": page,
            "check_run_url": f"{repository}/check-runs/{job.id}",
            "status": job.status,
            "conclusion": job.conclusion,
            "created_at": job.created_at,
            "started_at": job.created_at,
            "completed_at": job.created_at if job.conclusion else None,
            "labels": ["ubuntu-24.04"],
            "runner_id": 1,
            "runner_name": "GitHub Actions 1",
            "runner_group_id": 0,
            "runner_group_name": "GitHub Actions",
            "steps": [],
        }

    def artifact(self, run: WorkflowRun, artifact: Artifact) -> Payload:
        url = f"{self.address(run.repository)}/actions/artifacts/{artifact.id}"
        return {
            "id": artifact.id,
            "node_id": node_id("AR", artifact.id),
            "name": artifact.name,
            "size_in_bytes": len(artifact.archive),
            "digest": f"sha256:{hashlib.sha256(artifact.archive).hexdigest()}",
            "url": url,
            "archive_download_url": f"{url}/zip",
            "expired": False,
            "created_at": artifact.created_at,
            "updated_at": artifact.created_at,
            "expires_at": None,
            "workflow_run": {
                "id": run.id,
                "repository_id": run.repository.id,
                "head_repository_id": run.head_repository.id,
                "head_branch": run.branch,
                "head_sha": run.head_sha,
            },
        }


def base_sha(pull: PullRequest) -> str:
    """Return where the base branch stands; a branch nobody pushed has a sha of zeros."""
    return pull.repository.branches.get(pull.base, "0" * 40)


def pulls_of(run: WorkflowRun) -> list[PullRequest]:
    """Return the open pull requests that GitHub lists with a run: none of a fork's."""
    return [
        pull
        for pull in run.repository.pulls.values()
        if not pull.from_fork
        and run.head_repository is run.repository
        and (pull.state, pull.branch) == ("open", run.branch)
    ]


def _association(repository: Repository, user: User) -> str:
    if user is repository.owner:
        return "OWNER"
    return "COLLABORATOR" if user.login in repository.roles else "NONE"


def _commit(run: WorkflowRun) -> Payload:
    person = {"name": run.head_repository.owner.login, "email": "student@example.invalid"}
    return {
        "id": run.head_sha,
        "tree_id": run.head_sha,
        "message": run.name,
        "timestamp": run.created_at,
        "author": person,
        "committer": person,
    }
