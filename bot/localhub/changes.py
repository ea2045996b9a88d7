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


def comparison(
    github: Payloads, pull: PullRequest, paths: list[str], *, backwards: bool = False
) -> Payload:
    """Return what a pull request has changed since it left its base, or `backwards` its base."""
    repository, page = github.address(pull.repository), f"{PAGES}/{pull.repository.full_name}"
    base, moved = base_sha(pull), 1 if pull.base_files else 0
    ends = (pull.head_sha, base) if backwards else (base, pull.head_sha)
    counts = (moved, pull.commit_count) if backwards else (pull.commit_count, moved)
    between = f"{pull.head_sha}...{pull.base}" if backwards else f"{pull.base}...{pull.head_sha}"
    status = "diverged" if all(counts) else "ahead" if counts[0] else "behind"
    return {
        "url": f"{repository}/compare/{between}",
        "permalink_url": f"{page}/compare/{between}",
        "html_url": f"{page}/compare/{between}",
        "diff_url": f"{page}/compare/{between}.diff",
        "patch_url": f"{page}/compare/{between}.patch",
        "base_commit": _commit(github, pull, ends[0]),
        "merge_base_commit": _commit(github, pull, base),
        "status": status,
        "ahead_by": counts[0],
        "behind_by": counts[1],
        "total_commits": counts[0],
        "commits": [_commit(github, pull, ends[1])] if counts[0] else [],
        "files": [file(github, pull, path, ends[1]) for path in paths],
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
