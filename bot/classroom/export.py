"""Everything that GitHub has of one student in this class, as one file for whoever asks for it."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bot import git
from bot.classroom.copies import bundle, mirrored
from bot.classroom.forge import Forge
from bot.classroom.names import Home
from bot.classroom.session import Session, chosen, members_homes
from bot.organisation import Organisation, Pull
from tito.errors import TitoError
from tito.report import encode

_TIME = (1980, 1, 1, 0, 0, 0)
_OF_A_STATUS = ("context", "state", "description", "target_url", "created_at")


def home_of_login(session: Session, login: str) -> tuple[Home, list[str]]:
    """A student's repository, and who else is in it. Those who left the roster have one too.

    Raises TitoError if there is none.
    """
    for target, home in members_homes(session, [], active=False):
        logins = [member.login for member in target.members]
        if login.lower() in map(str.lower, logins):
            return home, [each for each in logins if each.lower() != login.lower()]
    return chosen(session.homes, [login])[0], []


def export(door: Organisation, forge: Forge, login: str, home: Home) -> bytes:
    """A zip archive in a fixed order. Of the roster it has the login alone."""
    name = home.repository.name
    files = {"roster.csv": f"login\n{login}\n".encode(), "repository.json": encode(_about(home))}
    with tempfile.TemporaryDirectory(prefix="export-") as place:
        folder, file = Path(place) / "all.git", Path(place) / "repository.bundle"
        if mirrored(forge, home.repository.clone_url, folder):
            bundle(folder, file)
            files[file.name] = file.read_bytes()
            commits = git.text(folder, "rev-list", "--all", "--topo-order", "--reverse").split()
            statuses = {sha: _statuses(door, name, sha) for sha in commits}
            files["statuses.json"] = encode({sha: each for sha, each in statuses.items() if each})
    pulls = [_pull(door, name, pull) for pull in door.pulls(name)]
    files["pull-requests.json"] = encode(pulls)
    return _packed(files)


def write(file: Path, data: bytes) -> None:
    """The whole file or none. Raises TitoError if it is there, or cannot be written."""
    if file.exists():
        raise TitoError("it is there already", where=str(file), hint="name a new file: --output")
    beside = file.with_name(f".{file.name}.next")
    try:
        beside.write_bytes(data)
        os.replace(beside, file)
    except OSError as error:
        raise TitoError(f"cannot write it: {error.strerror}", where=str(file)) from None


def _about(home: Home) -> dict[str, Any]:
    repository = home.repository
    return {
        "name": repository.name,
        "id": repository.id,
        "owner": home.owner,
        "description": repository.description,
        "created_at": repository.created_at,
        "pushed_at": repository.pushed_at,
        "archived": repository.archived,
        "accounts": {str(number): active for number, active in sorted(home.numbers.items())},
    }


def _statuses(door: Organisation, name: str, sha: str) -> list[dict[str, Any]]:
    found = [{key: each.get(key) for key in _OF_A_STATUS} for each in door.statuses(name, sha)]
    return sorted(found, key=lambda each: str(each["context"]))


def _pull(door: Organisation, name: str, pull: Pull) -> dict[str, Any]:
    return {
        "number": pull.number,
        "title": pull.title,
        "body": pull.body,
        "state": "merged" if pull.merged else pull.state,
        "head": pull.head,
        "head_sha": pull.head_sha,
        "base": pull.base,
        "base_sha": pull.base_sha,
        "comments": _comments(door.comments(name, pull.number)),
    }


def _comments(found: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "id": each["id"],
            "author": (each.get("user") or {}).get("login", ""),
            "created_at": each["created_at"],
            "body": each.get("body") or "",
        }
        for each in sorted(found, key=lambda each: int(each["id"]))
    ]


def _packed(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in sorted(files.items()):
            entry = zipfile.ZipInfo(path, _TIME)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return packed.getvalue()
