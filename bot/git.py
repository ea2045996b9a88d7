"""git as the bot uses it: what a commit holds, and commits made of files.

git asks nobody for a password, and takes no repository for another one. A token reaches it in its
environment, for one address alone, and never on a command line, where anybody could read it.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tito.errors import TitoError

AUTHOR = "TinyTorch tools <tools@localhost>"
ALWAYS = 946684800
"""The second at which everything was made that shall be the same whenever it is made."""
NOTHING = "0" * 40
"""The name of no commit."""
_ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY")


@dataclass(frozen=True)
class File:
    """A file of a commit. `mode` is git's: 100644, 100755, or 120000 for a link."""

    mode: str
    data: bytes


def run(
    folder: Path | None,
    *arguments: str,
    given: bytes | None = None,
    environment: Mapping[str, str] | None = None,
) -> bytes:
    """What git prints. Raises TitoError with its complaint if it fails."""
    where = ["-C", str(folder)] if folder else []
    inherited = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
    done = subprocess.run(
        ["git", *where, *arguments], input=given, capture_output=True, check=False,
        env={**inherited, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", **(environment or {})},
    )  # fmt: skip
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        hint = "see that the repository is there and that you may write to it"
        raise TitoError(f"git {arguments[0]} failed: {said}", hint=hint)
    return done.stdout


def text(folder: Path | None, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """As `run`, for what is one line."""
    return run(folder, *arguments, environment=environment).decode("utf-8", "replace").strip()


def with_token(address: str, token: str) -> dict[str, str]:
    """The environment in which git may use a token, at the server of this address alone."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https"):
        return {}
    word = base64.b64encode(f"x-access-token:{token}".encode()).decode("ascii")
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{parts.scheme}://{parts.netloc}/.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {word}",
    }


def files(repository: Path, commit: str) -> dict[str, File]:
    """The files of a commit, by path. A link to another repository has no file here."""
    listed = run(repository, "ls-tree", "-r", "-z", commit).decode("utf-8").split("\0")
    entries = [line.split("\t", 1) for line in listed if line]
    rows = [(*meta.split(" "), path) for meta, path in entries if " commit " not in meta]
    wanted = "".join(f"{name}\n" for _, _, name, _ in rows).encode("ascii")
    output = run(repository, "cat-file", "--batch", "--buffer", given=wanted)
    found, position = {}, 0
    for mode, _, _, path in rows:
        end = output.index(b"\n", position)
        size = int(output[position:end].split(b" ")[2])
        found[path] = File(mode, output[end + 1 : end + 1 + size])
        position = end + 2 + size
    return found


def commit(
    repository: Path,
    ref: str,
    message: str,
    contents: Mapping[str, File],
    *,
    seconds: int = ALWAYS,
    parent: str = "",
    keep: bool = False,
) -> str:
    """Make a commit that holds exactly these files, and let `ref` lead to it. Returns its hash.

    The same files, parent and second make the same commit. With `keep`, what the parent holds
    beside them stays.
    """
    said = message.encode()
    head = f"commit {ref}\ncommitter {AUTHOR} {seconds} +0000\ndata {len(said)}\n".encode()
    follows = f"from {parent}\n" if parent else ""
    follows += "deleteall\n" if parent and not keep else ""
    parts = [head, said, b"\n", follows.encode()]
    for path, file in contents.items():
        quoted = json.dumps(path, ensure_ascii=False)
        parts.append(f"M {file.mode} inline {quoted}\ndata {len(file.data)}\n".encode())
        parts += [file.data, b"\n"]
    run(repository, "fast-import", "--quiet", "--force", given=b"".join(parts))
    return text(repository, "rev-parse", ref)
