"""The first process of a sandbox: give up rights, then run the command. Not part of `tito`'s own
process; it imports nothing of tito and stays small.

    python -I -S launcher.py REPORT_FD '{"limits": ...}' COMMAND...

It tries every measure by itself and writes what held, as JSON, to the descriptor REPORT_FD.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing would double the time this process needs
    from typing import Any, NoReturn

NEW_USER, NEW_PID, NEW_NET = 0x10000000, 0x20000000, 0x40000000
SET_PARENT_DEATH_SIGNAL, SET_CHILD_SUBREAPER, SET_NO_NEW_PRIVILEGES = 1, 36, 38


def main() -> None:
    report, settings, command = int(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3:]
    held: dict[str, Any] = {
        "pid_namespace": False,
        "network_off": False,
        "no_new_privileges": False,
    }
    libc: Any = None
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        if settings["isolate"]:
            _namespaces(libc, held)
        held["no_new_privileges"] = libc.prctl(SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0
    held["limits"] = _limits(settings)
    os.write(report, json.dumps(held).encode())
    os.close(report)
    if not held["pid_namespace"]:
        if libc is None:
            os.execv(command[0], command)
        # What the command leaves behind becomes our child, where it can be found and ended.
        libc.prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        code = _wait_for(_start(command, libc))
        _end_children()
        _end_like(code)
    # Process 1 of the new namespace does nothing but wait: when it ends, all in it end. The command
    # is process 2, since the kernel withholds many signals from process 1.
    first = os.fork()
    if first == 0:
        libc.prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        _end_like(_wait_for(_start(command, libc)))
    _end_like(_wait_for(first))


def _start(command: list[str], libc: Any) -> int:
    child = os.fork()
    if child == 0:
        libc.prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        os.execv(command[0], command)
    return child


def _wait_for(child: int) -> int:
    """The exit code of one child, 128 + n for signal n; others that end meanwhile are buried."""
    while True:
        ended, status = os.wait()
        if ended == child:
            return os.waitstatus_to_exitcode(status)


def _end_children() -> None:
    """End what is left, generation by generation: a child's children become ours."""
    while True:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            children = [int(pid) for pid in file.read().split()]
        if not children:
            return
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        for pid in children:
            os.waitpid(pid, 0)


def _end_like(code: int) -> NoReturn:
    os._exit(code if code >= 0 else 128 - code)


def _namespaces(libc: Any, held: dict[str, Any]) -> None:
    user, group = os.getuid(), os.getgid()
    if libc.unshare(NEW_USER) != 0:
        return
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        try:
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
        except OSError:
            return
    held["network_off"] = libc.unshare(NEW_NET) == 0
    held["pid_namespace"] = libc.unshare(NEW_PID) == 0


def _limits(settings: dict[str, Any]) -> list[str]:
    """Those of the settings that this system knows and allows, by name."""
    import resource

    held = []
    for name, value in settings["limits"].items():
        kind = getattr(resource, name, None)
        if kind is None:
            continue
        # The system counts a user's processes, not ours, and does not limit root.
        if name == "RLIMIT_NPROC" and (os.getuid() == 0 or not settings["isolate"]):
            continue
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        try:
            resource.setrlimit(kind, (value, value))
        except (ValueError, OSError):
            continue
        held.append(name)
    return held


if __name__ == "__main__":
    main()
