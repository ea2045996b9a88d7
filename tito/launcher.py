"""The first process of a sandbox: give up rights, then run the command. Not part of `tito`'s own
process; it imports nothing of tito and stays small.

    python -I -S launcher.py REPORT_FD isolate,RLIMIT_CPU=60,... COMMAND...

It tries every measure by itself and writes the names of those that held to the descriptor
REPORT_FD. Every run waits for it, so it imports next to nothing.
"""

from __future__ import annotations

import ctypes
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing would double the time this process needs
    from typing import Any, NoReturn

SIGKILL = 9
NEW_USER, NEW_PID, NEW_NET = 0x10000000, 0x20000000, 0x40000000
SET_PARENT_DEATH_SIGNAL, SET_CHILD_SUBREAPER, SET_NO_NEW_PRIVILEGES = 1, 36, 38


def main() -> None:
    report, settings, command = int(sys.argv[1]), sys.argv[2].split(","), sys.argv[3:]
    isolate = "isolate" in settings
    held: list[str] = []
    libc: Any = None
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(SET_PARENT_DEATH_SIGNAL, SIGKILL)
        if isolate:
            _namespaces(libc, held)
        if libc.prctl(SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0:
            held.append("no_new_privileges")
    _limits([item for item in settings if "=" in item], held, isolate)
    os.write(report, " ".join(held).encode())
    os.close(report)
    if "pid_namespace" not in held:
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
        libc.prctl(SET_PARENT_DEATH_SIGNAL, SIGKILL)
        _end_like(_wait_for(_start(command, libc)))
    _end_like(_wait_for(first))


def _start(command: list[str], libc: Any) -> int:
    child = os.fork()
    if child == 0:
        libc.prctl(SET_PARENT_DEATH_SIGNAL, SIGKILL)
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
            os.kill(pid, SIGKILL)
        for pid in children:
            os.waitpid(pid, 0)


def _end_like(code: int) -> NoReturn:
    os._exit(code if code >= 0 else 128 - code)


def _namespaces(libc: Any, held: list[str]) -> None:
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
    for name, space in (("network_off", NEW_NET), ("pid_namespace", NEW_PID)):
        if libc.unshare(space) == 0:
            held.append(name)


def _limits(settings: list[str], held: list[str], isolate: bool) -> None:
    """Set those that this system knows and allows."""
    import resource

    for setting in settings:
        name, _, number = setting.partition("=")
        kind, value = getattr(resource, name, None), int(number)
        if kind is None:
            continue
        # The system counts a user's processes, not ours, and does not limit root.
        if name == "RLIMIT_NPROC" and (os.getuid() == 0 or not isolate):
            continue
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        try:
            resource.setrlimit(kind, (value, value))
        except (ValueError, OSError):
            continue
        held.append(name)


if __name__ == "__main__":
    main()
