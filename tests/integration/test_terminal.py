"""What people see: real terminals, wide and narrow, with and without colour."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.fixture
def course(copy_of_course: Callable[[], Path]) -> Path:
    return copy_of_course()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("columns", [40, 80])
def test_no_line_is_wider_than_the_window(course: Path, columns: int) -> None:
    for arguments in (
        ["module", "list"],
        ["checkpoint", "status", "--detailed"],
        ["gate", "export"],
    ):
        told = in_terminal(course, columns, *arguments)
        assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", told)  # NO_COLOR is respected
        plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", told)
        assert max(len(line) for line in plain.split("\n")) <= columns, plain


def in_terminal(folder: Path, columns: int, *arguments: str) -> str:
    import fcntl
    import pty
    import struct
    import termios

    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {**os.environ, "NO_COLOR": "1", "TERM": "xterm", "PYTHONPATH": str(ROOT)}
    environment.pop("COLUMNS", None)
    process = subprocess.Popen(
        [sys.executable, "-m", "tito", *arguments],
        cwd=folder, stdin=child, stdout=child, stderr=subprocess.DEVNULL, env=environment,
    )  # fmt: skip
    os.close(child)
    chunks = []
    while True:
        try:
            chunk = os.read(parent, 65536)
        except OSError:  # Linux tells the end of a terminal so
            break
        if not chunk:
            break
        chunks.append(chunk)
    process.wait()
    os.close(parent)
    return b"".join(chunks).decode().replace("\r\n", "\n")
