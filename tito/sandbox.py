"""Run a command as a child that can do little harm, and say how well it was isolated.

The level is `feedback`: it protects a student's machine and the run from mistakes, and names what
it could not do. It is not the level a grade needs.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tito.errors import TitoError

_LAUNCHER = Path(__file__).with_name("launcher.py")
_POLL = 0.05


@dataclass(frozen=True)
class Limits:
    """What a run may use. Memory is the address space of one process."""

    seconds: float = 60.0
    megabytes: int = 4096
    processes: int = 64
    file_megabytes: int = 256
    output_bytes: int = 1_000_000


@dataclass(frozen=True)
class Isolation:
    """What held in this run, as the child reported it before the command started."""

    pid_namespace: bool = False
    network_off: bool = False
    no_new_privileges: bool = False
    limits: tuple[str, ...] = ()
    counted: bool = False
    """The number of processes was watched from outside."""

    def __str__(self) -> str:
        """One line for people."""
        words = [
            "own process space" if self.pid_namespace else "process group",
            "network off" if self.network_off else "network ON",
            "no new privileges" if self.no_new_privileges else "",
            "limits: " + (", ".join(["time", *map(_limit_word, self.limits)])),
            "processes counted" if self.counted else "",
        ]
        return "; ".join(word for word in words if word)


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `stopped` says why we ended it, empty if it ended by itself."""

    returncode: int
    stdout: str
    stderr: str
    seconds: float
    isolation: Isolation
    stopped: str = ""


@dataclass
class _Captured:
    """Output up to a size; what is beyond is read and forgotten, so that the child never hangs."""

    room: int
    chunks: list[bytes] = field(default_factory=list)

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
    stdin: int = subprocess.DEVNULL,
    platform: str = sys.platform,
) -> Outcome:
    """Run `command` with an empty environment, no input and every limit this system allows.

    `command[0]` is an absolute path. All processes it starts are ended with it. `isolate=False`
    leaves out the namespaces, as on systems that have none. `stdin` may be the end of a pipe.
    """
    limits = limits or Limits()
    with tempfile.TemporaryDirectory(prefix="tito-", ignore_cleanup_errors=True) as home:
        clean = {**_environment(Path(home), platform), **(environment or {})}
        if platform == "win32":
            return _run_windows(command, cwd, clean, limits, stdin)
        return _run_posix(command, cwd, clean, limits, isolate, stdin)


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


def _run_posix(
    command: Sequence[str],
    cwd: Path,
    environment: Mapping[str, str],
    limits: Limits,
    isolate: bool,
    stdin: int,
) -> Outcome:
    megabyte = 1024 * 1024
    settings = {
        "isolate": isolate,
        "limits": {
            "RLIMIT_CPU": int(limits.seconds) + 1,
            "RLIMIT_AS": limits.megabytes * megabyte,
            "RLIMIT_FSIZE": limits.file_megabytes * megabyte,
            "RLIMIT_NPROC": limits.processes,
            "RLIMIT_CORE": 0,
        },
    }
    read_end, write_end = os.pipe()
    launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), str(write_end), json.dumps(settings)]
    try:
        process = subprocess.Popen(
            [*launcher, *command],
            cwd=cwd,
            env=dict(environment),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[write_end],
            start_new_session=True,
        )
    except OSError as error:
        os.close(read_end)
        raise TitoError(f"the sandbox could not start: {error}") from None
    finally:
        os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        isolation = _isolation(pipe.read(4096))
    return _wait(process, limits, isolation)


def _isolation(report: bytes) -> Isolation:
    try:
        held = json.loads(report)
        return Isolation(
            pid_namespace=bool(held["pid_namespace"]),
            network_off=bool(held["network_off"]),
            no_new_privileges=bool(held["no_new_privileges"]),
            limits=tuple(str(name) for name in held["limits"]),
            counted=sys.platform == "linux",
        )
    except (ValueError, KeyError, TypeError):
        return Isolation()


def _run_windows(
    command: Sequence[str], cwd: Path, environment: Mapping[str, str], limits: Limits, stdin: int
) -> Outcome:
    """Windows has no such limits to give from here: time, the group's end and the environment."""
    process = subprocess.Popen(
        list(command),
        cwd=cwd,
        env=dict(environment),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )
    return _wait(process, limits, Isolation(), platform="win32")


def _wait(
    process: subprocess.Popen[bytes],
    limits: Limits,
    isolation: Isolation,
    platform: str = sys.platform,
) -> Outcome:
    started = time.monotonic()
    outputs = [_Captured(limits.output_bytes), _Captured(limits.output_bytes)]
    threads = []
    for output, pipe in zip(outputs, (process.stdout, process.stderr), strict=True):
        threads.append(threading.Thread(target=output.drain, args=[pipe], daemon=True))
        threads[-1].start()
    stopped = ""
    try:
        while process.poll() is None and not stopped:
            if time.monotonic() - started > limits.seconds:
                stopped = f"it ran longer than {limits.seconds:g} seconds"
            elif isolation.counted and _descendants(process.pid) > limits.processes:
                stopped = f"it started more than {limits.processes} processes"
            else:
                _pause(process, threads)
    finally:
        _end_all(process, platform)
    for thread, pipe in zip(threads, (process.stdout, process.stderr), strict=True):
        thread.join(timeout=5)
        if pipe is not None and not thread.is_alive():
            pipe.close()
    return Outcome(
        process.returncode,
        outputs[0].text,
        outputs[1].text,
        time.monotonic() - started,
        isolation,
        stopped,
    )


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
