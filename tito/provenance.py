"""Where a student repository comes from: `release.json`, written when it is handed out.

It names the release, the commit it was made from, and the sha256 of every file, so that anybody can
tell what a student has changed, and an update what it may replace.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

import msgspec

from tito.course import Course, Module
from tito.errors import TitoError
from tito.fingerprint import own
from tito.protection import covered
from tito.report import encode

FILE = "release.json"
FORMAT = 1
_LARGEST = 1024 * 1024
_LENGTH = 16

Hash = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
Release = Annotated[str, msgspec.Meta(pattern=rf"^[0-9a-f]{{{_LENGTH}}}$")]


class Provenance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was handed out. Paths are relative to the repository and use `/`.

    Locked is every file that is neither the student's to edit nor generated from what is.
    """

    release: Release
    """Of the names and bytes of all files: the same tree is the same release."""
    source: str
    """The commit of the course."""
    tito: str
    """The fingerprint of the tito that made it."""
    modules: tuple[str, ...]
    """The modules that are handed out, as `02_tensor`."""
    locked: dict[str, Hash]
    editable: dict[str, Hash]
    format: int = FORMAT


def stamped(
    course: Course, files: Mapping[str, bytes], modules: Iterable[Module], *, source: str
) -> dict[str, bytes]:
    """The files of a release with `release.json` among them, in the order of their paths."""
    plain = {path: files[path] for path in sorted(files) if path != FILE}
    hashes = {path: digest(data) for path, data in plain.items()}
    editable = {path for path in hashes if covered(path, course.protection.editable)}
    locked = {p for p in hashes if not covered(p, course.protection.generated)} - editable
    names = "".join(f"{path}\0{value}\0" for path, value in hashes.items())
    made = Provenance(
        hashlib.sha256(names.encode()).hexdigest()[:_LENGTH],
        source,
        own(),
        tuple(module.slug for module in modules),
        {path: value for path, value in hashes.items() if path in locked},
        {path: value for path, value in hashes.items() if path in editable},
    )
    return dict(sorted({**plain, FILE: encode(made)}.items()))


def digest(data: bytes) -> str:
    """The sha256 of a file, whatever its line ends: a checkout on Windows holds the same file."""
    return hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest()


def read(root: Path) -> Provenance | None:
    """Of the repository in `root`; None if it was not handed out by anybody.

    Raises TitoError if the file there is none of ours: a student can write anything into it.
    """
    try:
        data = (root / FILE).read_bytes()
    except FileNotFoundError:
        return None
    return decode(data)


def decode(data: bytes) -> Provenance:
    """From untrusted bytes. Raises TitoError if it is too large or not of this format."""
    hint = f"restore {FILE} as you were given it: git log -- {FILE}"
    if len(data) > _LARGEST:
        raise TitoError("the file is too large", where=FILE, hint=hint)
    try:
        found = msgspec.json.decode(data, type=Provenance)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise TitoError(
            f"this says not what was handed out: {error}", where=FILE, hint=hint
        ) from None
    if found.format != FORMAT:
        message = f"this release has format {found.format}, this tito reads {FORMAT}"
        raise TitoError(message, where=FILE, hint="use the tito that the repository brought along")
    return found
