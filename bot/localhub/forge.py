"""Bare git repositories behind the repositories of the local GitHub.

What students and the bot push with git is what the hub shows; what the hub writes, git fetches.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tito.errors import TitoError

PRISTINE = ".pristine.git"
TREES = ".trees"
NAME, EMAIL = "GitHub", "noreply@github.com"


class GitError(TitoError):
    """git refused; the message is its own."""


@dataclass
class Bare:
    """A bare git repository."""

    path: Path

    @property
    def address(self) -> str:
        return self.path.as_uri()

    def refs(self) -> dict[str, str]:
        """Return every branch and tag by its full name, as git stores them.

        Read from the files: this is asked at every request. The loose ones first, because git
        writes the packed file before it deletes them.
        """
        found: dict[str, str] = {}
        for kind in ("heads", "tags"):
            folder = self.path / "refs" / kind
            for at, _, names in os.walk(folder):
                for name in names:
                    file = Path(at, name)
                    # One may be locked, or deleted in this moment.
                    with contextlib.suppress(FileNotFoundError):
                        sha = file.read_text().strip()
                        if len(sha) == 40 and file.suffix != ".lock":
                            found[file.relative_to(self.path).as_posix()] = sha
        with contextlib.suppress(FileNotFoundError):
            for line in (self.path / "packed-refs").read_text().splitlines():
                sha, _, name = line.partition(" ")
                if name.startswith(("refs/heads/", "refs/tags/")) and len(sha) == 40:
                    found.setdefault(name, sha)
        return dict(sorted(found.items()))

    def git(self, *arguments: str, given: bytes = b"", when: int = 0) -> bytes:
        """Run git in the repository and return what it prints.

        Raises:
            GitError: it failed.
        """
        done = self._run(*arguments, given=given, when=when)
        if done.returncode:
            message = done.stderr.decode(errors="replace").strip()
            raise GitError(f"git {arguments[0]} failed: {message}")
        return done.stdout

    def _run(
        self, *arguments: str, given: bytes = b"", when: int = 0
    ) -> subprocess.CompletedProcess[bytes]:
        person = {
            f"GIT_{role}_{name}": value
            for role in ("AUTHOR", "COMMITTER")
            for name, value in (("NAME", NAME), ("EMAIL", EMAIL), ("DATE", f"@{when} +0000"))
        }
        alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        return subprocess.run(
            ["git", "--git-dir", str(self.path), *arguments],
            input=given,
            capture_output=True,
            env={"PATH": os.environ["PATH"], **alone, **person},
            check=False,
        )

    def holds(self, sha: str) -> bool:
        """Return whether there is a commit of that name."""
        return not self._run("cat-file", "-e", f"{sha}^{{commit}}").returncode

    def tree(self, reference: str) -> str:
        return self.git("rev-parse", "--verify", f"{reference}^{{tree}}").decode().strip()

    def commit(self, tree: str, message: str, *, when: int, parents: tuple[str, ...] = ()) -> str:
        """Write a commit, which no branch has yet, and return its sha."""
        named = [argument for parent in parents for argument in ("-p", parent)]
        written = self.git("commit-tree", tree, *named, "-m", message, when=when)
        return written.decode().strip()

    def move(self, ref: str, sha: str) -> None:
        self.git("update-ref", ref, sha)

    def remove(self, ref: str) -> None:
        self.git("update-ref", "-d", ref)

    def contains(self, sha: str, ancestor: str) -> bool:
        """Return whether `ancestor` is in the history of `sha`."""
        return not self._run("merge-base", "--is-ancestor", ancestor, sha).returncode

    def between(self, base: str, head: str) -> int:
        """Return how many commits `head` has that `base` has not."""
        return int(self.git("rev-list", "--count", f"{base}..{head}"))

    def related(self, one: str, other: str) -> bool:
        """Return whether two commits have any history in common."""
        return not self._run("merge-base", one, other).returncode

    def merged(self, base: str, head: str) -> str | None:
        """Return the tree of a merge; None if it conflicts."""
        done = self._run("merge-tree", "--write-tree", base, head)
        # A conflict has a tree too, with both sides in it; a mistake has none.
        if not done.stdout:
            raise GitError(f"git merge-tree failed: {done.stderr.decode(errors='replace').strip()}")
        return None if done.returncode else done.stdout.decode().split("\n")[0]

    def fetch(self, other: Bare, sha: str) -> None:
        """Take a commit over from another repository."""
        self.git("fetch", "--quiet", str(other.path), sha)

    def listed(self, reference: str, path: str = "") -> list[tuple[str, str, str, int]]:
        """Return what stands at a path, or with a slash behind it in it: kind, sha, path, size."""
        lines = self.git("ls-tree", "-lz", reference, *([path] if path else [])).decode()
        found = []
        for line in filter(None, lines.split("\0")):
            facts, _, name = line.partition("\t")
            _, kind, sha, size = facts.split()
            found.append((kind, sha, name, int(size) if size.isdigit() else 0))
        return found

    def blob(self, sha: str) -> bytes:
        return self.git("cat-file", "blob", sha)

    def delete(self) -> None:
        shutil.rmtree(self.path)


class Forge:
    """A folder of bare repositories, `<owner>/<name>.git`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._pristine = self.folder / PRISTINE
        if not self._pristine.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            made = Bare(self._pristine)
            made.git("init", "--quiet", "--bare", "--template=", "-b", "main")
            # A copy must not be repacked behind the back of a test that looks at its files.
            made.git("config", "gc.auto", "0")
            made.git("config", "receive.autogc", "false")

    def create(self, full_name: str) -> Bare:
        """Return a new empty repository. A copy: `git init` would take five times as long."""
        made = Bare(self.folder / f"{full_name}.git")
        shutil.copytree(self._pristine, made.path)
        return made

    def move(self, bare: Bare, full_name: str) -> None:
        target = self.folder / f"{full_name}.git"
        target.parent.mkdir(exist_ok=True)
        bare.path.rename(target)
        bare.path = target

    def copy_tree(self, source: Bare, tree: str, target: Bare) -> None:
        """Give a repository the objects of one tree of another one, and nothing beside them.

        They are packed once for all that ask for the tree, and linked: students' repositories
        hold no object of a template that is not in the tree they were made from.
        """
        packs = self.folder / TREES / tree
        if not packs.exists():
            names = source.git("rev-list", "--objects", "--no-object-names", tree)
            packs.mkdir(parents=True)
            source.git("pack-objects", "--quiet", str(packs / "pack"), given=names)
        folder = target.path / "objects" / "pack"
        folder.mkdir(exist_ok=True)
        for file in packs.iterdir():
            linked = folder / file.name
            if not linked.exists():
                os.link(file, linked)
