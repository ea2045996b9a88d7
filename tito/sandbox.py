"""Run a command as a child that can do little harm, and say how well it was isolated.

The level is `feedback`: it protects a student's machine and the run from mistakes, and names what
it could not do. It is not the level a grade needs.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec

from tito.errors import SandboxError

_LAUNCHER = Path(__file__).with_name("launcher.py")
_POLL = 0.05


class Limits(msgspec.Struct, frozen=True):
    """What a run may use. Memory is the address space of one process."""

    seconds: float = 60.0
    megabytes: int = 4096
    processes: int = 64
    file_megabytes: int = 256
    output_bytes: int = 1_000_000
    own_files: bool = False
    """Files can be written in its home and the folders it is given alone, or nothing runs."""


class Isolation(msgspec.Struct, frozen=True):
    """What held in this run, as the child reported it before the command started."""

    pid_namespace: bool = False
    network_off: bool = False
    no_new_privileges: bool = False
    limits: tuple[str, ...] = ()
    counted: bool = False
    """The number of processes was watched from outside."""
    own_proc: bool = False
    """It saw no process but its own."""
    own_files: bool = False
    """It could write nowhere but where it was meant to."""

    def __str__(self) -> str:
        """One line for people."""
        words = [
            "own process space" if self.pid_namespace else "process group",
            "network off" if self.network_off else "network ON",
            "no new privileges" if self.no_new_privileges else "",
            "other processes hidden" if self.own_proc else "",
            "other files locked" if self.own_files else "",
            "limits: " + (", ".join(["time", *map(_limit_word, self.limits)])),
            "processes counted" if self.counted else "",
        ]
        return "; ".join(word for word in words if word)


class Outcome(msgspec.Struct, frozen=True):
    """How a run ended. `stopped` says why we ended it, empty if it ended by itself."""

    returncode: int
    stdout: str
    stderr: str
    seconds: float
    isolation: Isolation
    stopped: str = ""


class _Captured:
    """Output up to a size; what is beyond is read and forgotten, so that the child never hangs."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.chunks: list[bytes] = []

    def drain(self, pipe: IO[bytes]) -> None:
        while chunk := pipe.read1(65536):  # type: ignore[attr-defined]
            if self.room > 0:
                self.chunks.append(chunk[: self.room])
                self.room -= len(chunk)

    @property
    def text(self) -> str:
        tail = "\n[output cut off]" if self.room < 0 else ""
        return b"".join(self.chunks).decode("utf-8", "replace") + tail


def run(
    command: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    limits: Limits | None = None,
    isolate: bool = True,
    folders: Sequence[Path] = (),
    platform: str = sys.platform,
) -> Outcome:
    """Run `command` with an empty environment, no input and every limit this system allows.

    `command[0]` is an absolute path. All processes it starts are ended with it. `isolate=False`
    leaves out the namespaces, as on systems that have none. With `own_files` among the limits, it
    can write in `folders`; raises SandboxError if this system cannot hold it to that.
    """
    started = start(
        command, cwd=cwd, environment=environment, limits=limits or Limits(), isolate=isolate,
        folders=folders, platform=platform,
    )  # fmt: skip
    return started.wait()


def start(
    command: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    limits: Limits,
    isolate: bool = True,
    stdin: int = subprocess.DEVNULL,
    folders: Sequence[Path] = (),
    platform: str = sys.platform,
) -> Running:
    """As `run`, but return at once. `stdin` may be the end of a pipe. Call `wait` on the result."""
    home = tempfile.mkdtemp(prefix="tito-")
    clean = {**_environment(Path(home), platform), **(environment or {})}
    read_end, write_end = os.pipe()
    try:
        if platform == "win32":
            # Windows has no limits to give from here: time, the end of all, and the environment.
            arguments = list(command)
            group = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
            options: dict[str, Any] = {"creationflags": group}
        else:
            settings = ",".join(_settings(limits, isolate, [Path(home), *folders]))
            arguments = [sys.executable, "-I", "-S", str(_LAUNCHER), str(write_end), settings]
            arguments += command
            options = {"pass_fds": [write_end], "start_new_session": True}
        process = subprocess.Popen(
            arguments,
            cwd=cwd,
            env=clean,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **options,
        )
    except OSError as error:
        os.close(read_end)
        shutil.rmtree(home, ignore_errors=True)
        raise SandboxError(f"the sandbox could not start: {error}") from None
    finally:
        os.close(write_end)
    return Running(process, home, read_end, limits, platform)


def _settings(limits: Limits, isolate: bool, folders: Sequence[Path]) -> list[str]:
    megabyte = 1024 * 1024
    sizes = {
        "RLIMIT_CPU": int(limits.seconds) + 1,
        "RLIMIT_AS": limits.megabytes * megabyte,
        "RLIMIT_FSIZE": limits.file_megabytes * megabyte,
        "RLIMIT_NPROC": limits.processes,
        "RLIMIT_CORE": 0,
    }
    writable = [f"writable={os.fsencode(folder).hex()}" for folder in folders if limits.own_files]
    numbers = [f"{name}={value}" for name, value in sizes.items()]
    return ["isolate"] * isolate + numbers + writable


def _environment(home: Path, platform: str) -> dict[str, str]:
    """All that a child gets: no token, no setting of the user's."""
    clean = {
        "PATH": os.defpath,
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUTF8": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    if platform == "win32":
        clean |= {"TEMP": str(home), "TMP": str(home), "USERPROFILE": str(home)}
        clean |= {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    return clean


def _isolation(report: bytes) -> Isolation:
    """What the launcher says held. A launcher that died said nothing, and nothing held."""
    held = report.decode("ascii", "replace").split()
    if not held:
        return Isolation()
    return Isolation(
        pid_namespace="pid_namespace" in held,
        network_off="network_off" in held,
        no_new_privileges="no_new_privileges" in held,
        limits=tuple(name for name in held if name.startswith("RLIMIT_")),
        counted=sys.platform == "linux",
        own_proc="own_proc" in held,
        own_files="own_files" in held,
    )


class Running:
    """A run that has started. It is ended, and its home folder removed, by `wait`."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        home: str,
        report: int,
        limits: Limits,
        platform: str,
    ) -> None:
        self._process = process
        self._home = home
        self._report = report
        self._limits = limits
        self._platform = platform

    def wait(self) -> Outcome:
        """Wait for the end, or bring it about when a limit is reached."""
        began = time.monotonic()
        process, limits = self._process, self._limits
        with os.fdopen(self._report, "rb") as pipe:
            isolation = _isolation(pipe.read(4096))
        self._require(isolation)
        outputs = [_Captured(limits.output_bytes), _Captured(limits.output_bytes)]
        pipes = (process.stdout, process.stderr)
        threads = [
            threading.Thread(target=output.drain, args=[pipe], daemon=True)
            for output, pipe in zip(outputs, pipes, strict=True)
        ]
        for thread in threads:
            thread.start()
        stopped = ""
        try:
            while process.poll() is None and not stopped:
                stopped = self._too_much(began, isolation)
                if not stopped:
                    _pause(process, threads)
        finally:
            _end_all(process, self._platform)
            shutil.rmtree(self._home, ignore_errors=True)
        for thread, open_pipe in zip(threads, pipes, strict=True):
            thread.join(timeout=5)
            if open_pipe is not None and not thread.is_alive():
                open_pipe.close()
        said, complained = (output.text for output in outputs)
        seconds = time.monotonic() - began
        return Outcome(process.returncode, said, complained, seconds, isolation, stopped)

    def _require(self, isolation: Isolation) -> None:
        """The launcher has started nothing if the files cannot be kept."""
        if not self._limits.own_files or isolation.own_files:
            return
        _end_all(self._process, self._platform)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        shutil.rmtree(self._home, ignore_errors=True)
        message = "this system cannot keep the files of others from the code that would run"
        raise SandboxError(message, hint="Linux 6.2 or newer, with Landlock")

    def stop(self) -> None:
        """End it now, whatever it does: nobody wants its outcome any more."""
        _end_all(self._process, self._platform)
        self.wait()

    def _too_much(self, began: float, isolation: Isolation) -> str:
        """Which limit was reached, if one was."""
        if time.monotonic() - began > self._limits.seconds:
            return f"it ran longer than {self._limits.seconds:g} seconds"
        if isolation.counted and _descendants(self._process.pid) > self._limits.processes:
            return f"it started more than {self._limits.processes} processes"
        return ""


def _pause(process: subprocess.Popen[bytes], threads: Sequence[threading.Thread]) -> None:
    """Until something ends, but not for long. Python waits for a process by polling: its output,
    which ends with it, wakes us at once."""
    for thread in threads:
        if thread.is_alive():
            thread.join(_POLL)
            return
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_POLL)


def _end_all(process: subprocess.Popen[bytes], platform: str) -> None:
    """End everything that descends from the process, and its group.

    In a process namespace the kernel ends what is left in it; without one, Linux keeps what left
    the group below the launcher, where it is found here.
    """
    if platform == "win32":
        if process.poll() is None:
            taskkill = shutil.which("taskkill") or "taskkill"
            with contextlib.suppress(OSError):
                subprocess.run(
                    [taskkill, "/F", "/T", "/PID", str(process.pid)],
                    capture_output=True,
                    check=False,
                )
            process.kill()
    else:
        for pid in [*_walk(process.pid)]:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _descendants(root: int) -> int:
    """How many processes descend from `root`, by Linux's own list of children."""
    return sum(1 for _ in _walk(root))


def _walk(pid: int) -> Iterator[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in map(int, children):
        yield child
        yield from _walk(child)


def _limit_word(name: str) -> str:
    words = {"AS": "memory", "CPU": "processor time", "FSIZE": "file size", "NPROC": "processes"}
    short = name.removeprefix("RLIMIT_")
    return words.get(short, short.lower())
