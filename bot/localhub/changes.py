"""What a pull request and its base have changed, as GitHub's JSON objects. Pure."""

from __future__ import annotations

import hashlib
from urllib.parse import quote

from bot.localhub.payloads import PAGES, Payload, Payloads, base_sha
from bot.localhub.state import PullRequest


def file(github: Payloads, pull: PullRequest, path: str, sha: str) -> Payload:
    """Return a changed file as lists of a pull request and comparisons show it."""
    page = f"{PAGES}/{pull.repository.full_name}"
    before = pull.renamed.get(path)
    return {
        "sha": hashlib.sha1(path.encode(), usedforsecurity=False).hexdigest(),
        "filename": path,
        "status": "renamed" if before else "modified",
        **dict.fromkeys(("additions", "deletions"), 1),
        "changes": 2,
        "blob_url": f"{page}/blob/{sha}/{quote(path)}",
        "raw_url": f"{page}/raw/{sha}/{quote(path)}",
        "contents_url": f"{github.address(pull.repository)}/contents/{quote(path)}?ref={sha}",
        **({"previous_filename": before} if before else {}),
    }


def comparison(github: Payloads, pull: PullRequest, paths: list[str]) -> Payload:
    """Return what the base of a pull request has changed since the head left it."""
    repository, page = github.address(pull.repository), f"{PAGES}/{pull.repository.full_name}"
    between, base = f"{pull.head_sha}...{pull.base}", base_sha(pull)
    return {
        "url": f"{repository}/compare/{between}",
        "permalink_url": f"{page}/compare/{between}",
        "html_url": f"{page}/compare/{between}",
        "diff_url": f"{page}/compare/{between}.diff",
        "patch_url": f"{page}/compare/{between}.patch",
        "base_commit": _commit(github, pull, pull.head_sha),
        "merge_base_commit": _commit(github, pull, base),
        "status": "diverged" if paths else "behind",
        "ahead_by": 1 if paths else 0,
        "behind_by": pull.commit_count,
        "total_commits": 1 if paths else 0,
        "commits": [_commit(github, pull, base)] if paths else [],
        "files": [file(github, pull, path, base) for path in paths],
    }


def _commit(github: Payloads, pull: PullRequest, sha: str) -> Payload:
    url = f"{github.address(pull.repository)}/commits/{sha}"
    person = {
        "name": pull.author.login,
        "email": "student@example.invalid",
        "date": pull.created_at,
    }
    return {
        "sha": sha,
        "node_id": f"C_{sha[:12]}",
        "url": url,
        "html_url": f"{PAGES}/{pull.repository.full_name}/commit/{sha}",
        "comments_url": f"{url}/comments",
        "commit": {
            "url": f"{github.address(pull.repository)}/git/commits/{sha}",
            "author": person,
            "committer": person,
            "message": pull.title,
            "comment_count": 0,
            "tree": {"sha": sha, "url": f"{github.address(pull.repository)}/git/trees/{sha}"},
        },
        **dict.fromkeys(("author", "committer"), github.user(pull.author)),
        "parents": [],
    }
