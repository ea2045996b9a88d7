"""A student repository as one file: a git bundle with every branch, tag and pull request."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from bot import git
from bot.classroom.forge import Forge
from tito.errors import TitoError


def mirrored(forge: Forge, address: str, folder: Path) -> dict[str, str]:
    """Bring all of a repository into a new one in `folder`. Returns its refs, by full name."""
    git.run(None, "init", "--quiet", "--bare", "--initial-branch=main", str(folder))
    forge.mirror(address, folder)
    rows = git.text(folder, "for-each-ref", "--format=%(refname) %(objectname)").split("\n")
    return dict(sorted(row.split(" ") for row in rows if row))


def bundle(folder: Path, file: Path) -> None:
    """Write the bundle of a mirrored repository, and see that git can read it."""
    git.run(
        folder, "-c", "pack.threads=1", "bundle", "create", "--quiet", str(file.resolve()), "--all"
    )
    git.run(folder, "bundle", "verify", "--quiet", str(file.resolve()))


def keep(forge: Forge, name: str, address: str, folder: Path) -> Path | None:
    """Keep a copy of a repository as `<name>-<hash of its refs>.bundle`, complete or not at all.

    One that is there is not made again, and none is overwritten. None if the repository is empty.
    Raises TitoError if what was kept is not what the repository holds.
    """
    refs = forge.refs(address)
    if not refs:
        return None
    file = folder / f"{name}-{_hash(refs)}.bundle"
    if file.exists():
        git.run(None, "bundle", "list-heads", str(file))
        return file
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="copy-") as place:
            found = mirrored(forge, address, Path(place) / "all.git")
            if any(found.get(ref) != sha for ref, sha in refs.items()):
                hint = "somebody pushed meanwhile: run this again"
                raise TitoError(f"the copy of {name} is not what the repository holds", hint=hint)
            beside = folder / f".{file.name}.next"
            bundle(Path(place) / "all.git", beside)
            if forge.refs(address) != refs:
                beside.unlink()
                raise TitoError(f"somebody pushes to {name}", hint="run this again")
            os.replace(beside, file)
    except OSError as error:
        raise TitoError(f"cannot keep a copy: {error.strerror}", where=str(folder)) from None
    return file


def _hash(refs: Mapping[str, str]) -> str:
    text = "".join(f"{ref} {sha}\n" for ref, sha in sorted(refs.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
