"""The repositories of a class as git sees them: one working copy of all, fetched and pushed by
address.

Objects of one student repository are of use for the next, since most of them are the template's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from bot import git
from bot.git import File
from tito.errors import TitoError

MAIN, FEEDBACK, UPDATE = "main", "feedback", "course-update"
_LOOPBACK = ("127.0.0.1", "localhost")


class Forge:
    """git, with a token for each request. `folder` is empty, and removed by whoever made it."""

    def __init__(self, folder: Path, token: Callable[[], str], server_url: str) -> None:
        self._token = token
        self._server = urlsplit(server_url)
        self.local = folder / "objects.git"
        git.run(None, "init", "--quiet", "--bare", str(self.local))
        git.run(self.local, "config", "gc.auto", "0")

    def refs(self, address: str) -> dict[str, str]:
        """Branches and tags of a repository, by their full names. Empty for an empty one."""
        listed = self._with("ls-remote", address, "refs/heads/*", "refs/tags/*")
        rows = (line.split("\t", 1) for line in listed.split("\n") if line)
        return {ref: sha for sha, ref in rows if not ref.endswith("^{}")}

    def fetch(self, address: str, *refs: str, depth: int = 0) -> None:
        """Bring what these refs or commits hold; `depth` 0 is all of their history."""
        shallow = [f"--depth={depth}"] if depth else []
        options = ("--quiet", "--no-tags", "--no-auto-maintenance", "--no-write-fetch-head")
        self._with("fetch", *options, *shallow, address, *refs)

    def mirror(self, address: str, folder: Path) -> None:
        """Bring every ref, under its own name, into a bare repository of its own."""
        arguments = ("fetch", "--quiet", "--no-auto-maintenance", "--no-write-fetch-head")
        environment = git.with_token(self._checked(address), self._token())
        git.run(folder, *arguments, address, "+refs/*:refs/*", environment=environment)

    def push(self, address: str, refs: Mapping[str, tuple[str, str]]) -> None:
        """Ref → (commit, what it was, or nothing). All or none, and only if nobody was faster."""
        leases = [f"--force-with-lease={ref}:{before}" for ref, (_, before) in refs.items()]
        specs = [f"{sha}:{ref}" for ref, (sha, _) in refs.items()]
        self._with("push", "--quiet", "--atomic", *leases, address, *specs)

    def files(self, sha: str) -> dict[str, File]:
        """What a fetched commit holds."""
        return git.files(self.local, sha)

    def tree(self, sha: str) -> str:
        """The tree of a fetched commit: equal files are an equal tree."""
        return git.text(self.local, "rev-parse", f"{sha}^{{tree}}")

    def root(self, sha: str) -> str:
        """The first commit of the history that leads to a fetched one."""
        found = git.text(self.local, "rev-list", "--max-parents=0", sha).split("\n")
        return found[-1]

    def commit(
        self,
        message: str,
        files: Mapping[str, File],
        *,
        parent: str = "",
        seconds: int = git.ALWAYS,
        keep: bool = False,
    ) -> str:
        """A commit that holds exactly these files; with `keep`, those of the parent as well."""
        return git.commit(
            self.local, "refs/made", message, files, parent=parent, seconds=seconds, keep=keep
        )

    def empty_commit(self, parent: str, message: str) -> str:
        """A commit that changes nothing. The same parent and message make the same commit."""
        who = f"{git.AUTHOR} {git.ALWAYS} +0000"
        lines = [f"tree {self.tree(parent)}", f"parent {parent}", f"author {who}"]
        text = "\n".join([*lines, f"committer {who}", "", message, ""])
        made = git.run(
            self.local, "hash-object", "-t", "commit", "-w", "--stdin", given=text.encode()
        )
        return made.decode("ascii").strip()

    def access(self, address: str) -> dict[str, str]:
        """The environment in which git reaches a repository of this server."""
        return git.with_token(self._checked(address), self._token())

    def _with(self, *arguments: str) -> str:
        address = next(each for each in arguments if not each.startswith("-") and ":" in each)
        return git.run(self.local, *arguments, environment=self.access(address)).decode("utf-8")

    def _checked(self, address: str) -> str:
        """The token goes to the server of the settings alone, whatever an answer says."""
        parts = urlsplit(address)
        same = (parts.scheme, parts.netloc) == (self._server.scheme, self._server.netloc)
        local = parts.scheme == "file" and self._server.hostname in _LOOPBACK
        if not (same or local):
            raise TitoError(f"{parts.scheme}://{parts.netloc} is not the server of this course")
        return address
