"""Runs commands of the bot in processes that can be killed, without starting Python for each.

`python -m tests.integration.client` loads the bot once and forks for every line of its input: a
JSON list of the folder, the environment and the arguments. It answers with the number of the process, and
once that has ended with the exit code, below zero for a signal, and what was printed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

ROOT = Path(__file__).resolve().parents[2]
LOADED = (
    "bot.classroom.doctor",
    "bot.classroom.provision",
    "bot.classroom.publish",
    "bot.classroom.session",
    "bot.classroom.update",
)


class Client:
    """A process that forks. Used in a `with` block."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.client"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def run(
        self,
        folder: Path,
        environment: Mapping[str, str],
        *arguments: str,
        started: Callable[[int], object] = lambda _: None,
    ) -> tuple[int, str]:
        """Run `python -m bot` with these arguments. `started` gets the process's number first."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([str(folder), dict(environment), arguments]) + "\n")
        self._process.stdin.flush()
        started(int(self._process.stdout.readline()))
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        code, output = json.loads(self._process.stdout.readline())
        return code, output


def main() -> None:
    """Fork for every line, and wait for the child."""
    import importlib

    from bot import __main__ as program

    for name in LOADED:
        importlib.import_module(name)
    for line in iter(sys.stdin.readline, ""):
        folder, environment, arguments = json.loads(line)
        read_end, write_end = os.pipe()
        with tempfile.TemporaryFile("w+") as output:
            child = os.fork()
            if child == 0:
                os.read(read_end, 1)
                os.chdir(folder)
                os.environ.clear()
                os.environ.update(environment, CLIENT_PID=str(os.getpid()))
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
                code = program.invoke(arguments)
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
            print(child, flush=True)
            sys.stdin.readline()
            os.write(write_end, b"!")
            ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            os.close(read_end)
            os.close(write_end)
            output.seek(0)
            print(json.dumps([ended, output.read()]), flush=True)


if __name__ == "__main__":
    main()
