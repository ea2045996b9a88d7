"""The first process of a sandbox: give up rights, then run the command. Not part of `tito`'s own
process; it imports nothing of tito and stays small.

    python -I -S launcher.py REPORT_FD isolate,RLIMIT_CPU=60,writable=2f746d70,... COMMAND...

It tries every measure by itself and writes the names of those that held to the descriptor
REPORT_FD. `writable` is a folder, in hex: where one is named, files elsewhere cannot be written,
and if that cannot be had, the command does not start. Every run waits for this, so it imports next
to nothing.
"""

from __future__ import annotations

import ctypes
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing would double the time this process needs
    from typing import Any, NoReturn

SIGKILL = 9
NEW_USER, NEW_PID, NEW_NET, NEW_MOUNTS = 0x10000000, 0x20000000, 0x40000000, 0x20000
SET_PARENT_DEATH_SIGNAL, SET_CHILD_SUBREAPER, SET_NO_NEW_PRIVILEGES = 1, 36, 38
PRIVATE, BIND, QUIET_PROC = 0x44000, 0x1000, 0xE
"""Flags of mount(2): no mount of ours is seen outside; bind; neither suid nor dev nor exec."""
DOORS = ("/run/docker.sock", "/run/podman/podman.sock")
"""Whoever may write there is as good as root."""
NEW_RULES, ADD_RULE, OBEY_RULES = 444, 445, 446
"""Landlock's system calls, the same on every processor."""
WRITING = 0x7FF2
"""Its rights to write, remove, make, move and cut off files."""
SPEAKING = 3
"""Its scopes: sockets without a path, and signals."""
FIRST_COMPLETE, FIRST_SCOPED = 3, 6
REFUSED = 126


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
    _limits([item for item in settings if item.startswith("RLIMIT_")], held, isolate)
    folders = [bytes.fromhex(item[9:]) for item in settings if item.startswith("writable=")]
    rules = _rules(libc, folders) if folders else None
    if rules is not None and rules >= 0:
        held.append("own_files")
    if "pid_namespace" not in held:
        _tell(report, held, rules)
        if libc is None:
            os.execv(command[0], command)
        # What the command leaves behind becomes our child, where it can be found and ended.
        libc.prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        code = _wait_for(_start(command, libc, rules))
        _end_children()
        _end_like(code)
    # Process 1 of the new namespace does nothing but wait: when it ends, all in it end. The command
    # is process 2, since the kernel withholds many signals from process 1.
    first = os.fork()
    if first == 0:
        libc.prctl(SET_PARENT_DEATH_SIGNAL, SIGKILL)
        _mounts(libc, held)
        _tell(report, held, rules)
        _end_like(_wait_for(_start(command, libc, rules)))
    os.close(report)
    _end_like(_wait_for(first))


def _tell(report: int, held: list[str], rules: int | None) -> None:
    """What held. Ends here if the rules for files are wanted and cannot be had."""
    os.write(report, " ".join(held).encode())
    os.close(report)
    if rules is not None and rules < 0:
        os._exit(REFUSED)


def _start(command: list[str], libc: Any, rules: int | None) -> int:
    child = os.fork()
    if child == 0:
        libc.prctl(SET_PARENT_DEATH_SIGNAL, SIGKILL)
        # Only here: by the rules' scope, the command sends us no signal.
        if rules is not None and libc.syscall(OBEY_RULES, rules, 0) != 0:
            os._exit(REFUSED)
        os.execv(command[0], command)
    return child


def _mounts(libc: Any, held: list[str]) -> None:
    """A /proc that shows the processes of this namespace alone, and no door to a service of root.

    A process's command line is open to everybody who sees the process.
    """
    if libc.unshare(NEW_MOUNTS) != 0 or libc.mount(b"none", b"/", None, PRIVATE, None) != 0:
        return
    if libc.mount(b"proc", b"/proc", b"proc", QUIET_PROC, None) == 0:
        held.append("own_proc")
    for door in DOORS:
        if os.path.exists(door):
            libc.mount(b"/dev/null", door.encode(), None, BIND, None)


def _rules(libc: Any, folders: list[bytes]) -> int:
    """A descriptor of rules by which files can be written below these folders alone; -1 if not."""
    if libc is None:
        return -1
    version = libc.syscall(NEW_RULES, None, 0, 1)
    if version < FIRST_COMPLETE:
        return -1
    words = [WRITING, 0, SPEAKING] if version >= FIRST_SCOPED else [WRITING]
    wanted = b"".join(word.to_bytes(8, sys.byteorder) for word in words)
    rules = int(libc.syscall(NEW_RULES, wanted, len(wanted), 0))
    for folder in (*folders, b"/dev/null", b"/dev/shm"):
        try:
            place = os.open(folder, os.O_PATH)
        except OSError:
            continue
        rights = WRITING if os.path.isdir(folder) else 0x4002  # a file's own: to write, to cut off
        rule = rights.to_bytes(8, sys.byteorder) + place.to_bytes(4, sys.byteorder)
        libc.syscall(ADD_RULE, rules, 1, rule, 0)
        os.close(place)
    return rules


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
