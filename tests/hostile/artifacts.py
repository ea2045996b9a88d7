"""Folders that an artifact could unpack into, in place of one report. Each has a name."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.hostile.reports import REPORT
from tito.report import LARGEST_RESULT

NAME = "report.json"
SECRET = "the runner's own"
"""Stands in a file outside of the artifact; it may not be read."""


def good(folder: Path) -> None:
    (folder / NAME).write_text(json.dumps(REPORT), encoding="utf-8")


def nothing(folder: Path) -> None:
    shutil.rmtree(folder)


def accompanied(folder: Path) -> None:
    good(folder)
    (folder / "more.json").write_text("{}", encoding="utf-8")


def hidden_beside(folder: Path) -> None:
    good(folder)
    (folder / ".env").write_text("PATH=/evil", encoding="utf-8")


def renamed(folder: Path) -> None:
    good(folder)
    (folder / NAME).rename(folder / "other.json")


def upper_case(folder: Path) -> None:
    good(folder)
    (folder / NAME).rename(folder / NAME.upper())


def deeper(folder: Path) -> None:
    (folder / "deep").mkdir()
    good(folder / "deep")


def a_folder(folder: Path) -> None:
    (folder / NAME).mkdir()


def a_folder_with_it(folder: Path) -> None:
    (folder / NAME).mkdir()
    good(folder / NAME)


def a_link(folder: Path) -> None:
    (folder / NAME).symlink_to(folder.parent / "secret.json")


def a_link_upwards(folder: Path) -> None:
    (folder / NAME).symlink_to("../secret.json")


def a_link_to_nothing(folder: Path) -> None:
    (folder / NAME).symlink_to("nowhere.json")


def a_link_to_itself(folder: Path) -> None:
    (folder / NAME).symlink_to(NAME)


def a_linked_folder(folder: Path) -> None:
    (folder / "deep").symlink_to(folder.parent)


def a_link_and_it(folder: Path) -> None:
    good(folder)
    (folder / "a").symlink_to(folder.parent / "secret.json")


def a_device(folder: Path) -> None:
    (folder / NAME).symlink_to("/dev/zero")


def a_pipe(folder: Path) -> None:
    os.mkfifo(folder / NAME)


def unpacked_bomb(folder: Path) -> None:
    packed = folder.parent / "bomb.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(NAME, b"\0" * 20_000_000)
    assert packed.stat().st_size < 50_000
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(folder)


def many_unpacked(folder: Path) -> None:
    for number in range(300):
        (folder / f"{number}.json").touch()


def sparse(folder: Path) -> None:
    with open(folder / NAME, "wb") as file:
        file.truncate(1 << 40)


def a_byte_too_many(folder: Path) -> None:
    (folder / NAME).write_bytes(b" " * (LARGEST_RESULT + 1))


def a_name_with_a_line_end(folder: Path) -> None:
    good(folder)
    (folder / NAME).rename(folder / f"x\n{NAME}")


def a_name_like_an_option(folder: Path) -> None:
    good(folder)
    (folder / NAME).rename(folder / f"-delete -o -name {NAME}")


def a_name_like_an_order(folder: Path) -> None:
    good(folder)
    (folder / "$(touch owned); `touch owned`").touch()


NOT_KEPT: dict[str, Callable[[Path], None]] = {
    made.__name__.replace("_", " "): made
    for made in (
        nothing, accompanied, hidden_beside, renamed, upper_case, deeper, a_folder, a_folder_with_it,
        a_link, a_link_upwards, a_link_to_nothing, a_link_to_itself, a_linked_folder, a_link_and_it,
        a_device, a_pipe, unpacked_bomb, many_unpacked, sparse, a_byte_too_many,
        a_name_with_a_line_end, a_name_like_an_option, a_name_like_an_order,
    )
}  # fmt: skip
