"""What a student gets, as a folder: the newest release with its branches. GitHub is only read."""

from __future__ import annotations

from pathlib import Path

from bot import git
from bot.classroom.forge import FEEDBACK, MAIN, Forge
from bot.classroom.provision import STARTED
from bot.classroom.update import Releases
from tito.errors import TitoError


def preview(forge: Forge, handed_out: Releases, folder: Path) -> None:
    """Make a repository as provisioning leaves it. Raises TitoError if something is there."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        hint = "name a new folder: --output DIR"
        raise TitoError("something is there already", where=str(folder), hint=hint)
    starter = handed_out.commits[handed_out.newest]
    made = forge.empty_commit(starter, STARTED)
    git.run(None, "init", "--quiet", "--initial-branch=none", str(folder))
    refs = [f"{starter}:refs/heads/{FEEDBACK}", f"{made}:refs/heads/{MAIN}"]
    git.run(forge.local, "push", "--quiet", str(folder.resolve()), *refs)
    git.run(folder, "checkout", "--quiet", MAIN)
