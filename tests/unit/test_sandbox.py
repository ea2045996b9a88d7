"""The sandbox holds what it reports: each measure is tried from inside."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tito import sandbox
from tito.errors import TitoError
from tito.sandbox import Isolation, Limits, Outcome, run

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="measures of POSIX systems")


def python(
    code: str, folder: Path, *, limits: Limits | None = None, isolate: bool = True
) -> Outcome:
    command = [sys.executable, "-I", "-c", textwrap.dedent(code)]
    return run(command, cwd=folder, limits=limits, isolate=isolate)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until_gone(pid: int) -> bool:
    for _ in range(100):
        if not alive(pid):
            return True
        time.sleep(0.05)
    return False


def test_the_environment_is_empty_of_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret-token")
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    outcome = python("import json, os; print(json.dumps(dict(os.environ)))", tmp_path)
    seen = json.loads(outcome.stdout)
    assert "secret-token" not in outcome.stdout
    assert "PYTHONPATH" not in seen
    assert seen["HOME"] != os.environ.get("HOME")


def test_the_home_folder_is_gone_afterwards(tmp_path: Path) -> None:
    code = "import os, pathlib; p = pathlib.Path.home() / 'x'; p.write_text('1'); print(p)"
    outcome = python(code, tmp_path)
    assert outcome.returncode == 0
    assert not Path(outcome.stdout.strip()).exists()


def test_output_and_exit_code_come_back(tmp_path: Path) -> None:
    outcome = python("import sys; print('a'); print('b', file=sys.stderr); sys.exit(3)", tmp_path)
    assert (outcome.stdout, outcome.stderr, outcome.returncode) == ("a\n", "b\n", 3)
    assert outcome.stopped == ""


def test_standard_input_is_closed(tmp_path: Path) -> None:
    assert "EOFError" in python("input()", tmp_path).stderr


@pytest.mark.parametrize("isolate", [True, False])
def test_an_endless_loop_is_stopped(tmp_path: Path, isolate: bool) -> None:
    outcome = python("while True: pass", tmp_path, limits=Limits(seconds=0.5), isolate=isolate)
    assert outcome.stopped == "it ran longer than 0.5 seconds"
    assert outcome.returncode != 0


def test_a_flood_of_output_is_cut_and_does_not_hang(tmp_path: Path) -> None:
    outcome = python("print('x' * 5_000_000)", tmp_path, limits=Limits(output_bytes=1000))
    assert outcome.returncode == 0
    assert outcome.stdout == "x" * 1000 + "\n[output cut off]"


@posix_only
def test_memory_is_limited(tmp_path: Path) -> None:
    outcome = python("bytearray(10**9)", tmp_path, limits=Limits(megabytes=500))
    assert "MemoryError" in outcome.stderr
    assert "RLIMIT_AS" in outcome.isolation.limits


@posix_only
def test_the_size_of_files_is_limited(tmp_path: Path) -> None:
    code = f"open({str(tmp_path / 'big')!r}, 'wb').write(b'x' * 3_000_000)"
    outcome = python(code, tmp_path, limits=Limits(file_megabytes=1))
    assert outcome.returncode != 0
    assert (tmp_path / "big").stat().st_size <= 1024 * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="processes are counted on Linux")
@pytest.mark.parametrize("isolate", [True, False])
def test_a_fork_bomb_is_stopped_and_leaves_nothing(tmp_path: Path, isolate: bool) -> None:
    code = f"""
        import os, time
        for _ in range(50):
            if os.fork() == 0:
                with open({str(tmp_path / "pids")!r}, "a") as file:
                    file.write(f"{{os.getpid()}}\\n")
                time.sleep(60)
        time.sleep(60)
    """
    outcome = python(code, tmp_path, limits=Limits(seconds=30, processes=20), isolate=isolate)
    assert outcome.stopped == "it started more than 20 processes"
    if not isolate:  # inside a namespace the numbers would be others
        pids = [int(line) for line in (tmp_path / "pids").read_text().split()]
        assert pids
        assert all(wait_until_gone(pid) for pid in pids)


@pytest.mark.skipif(sys.platform != "linux", reason="uses Linux's process list")
@pytest.mark.parametrize("isolate", [True, False])
def test_a_process_that_left_the_group_is_ended_too(tmp_path: Path, isolate: bool) -> None:
    marker = f"left-behind-{os.getpid()}-{isolate}"
    code = f"""
        import os, subprocess, sys
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", {marker!r}],
                         start_new_session=True)
    """
    assert python(code, tmp_path, isolate=isolate).returncode == 0
    for _ in range(100):
        left = [
            pid
            for pid in filter(str.isdigit, os.listdir("/proc"))
            if marker.encode() in _command_line(pid) and alive(int(pid))
        ]
        if not left:
            break
        time.sleep(0.05)
    assert left == []


def _command_line(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_the_network_is_off_if_the_report_says_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = f"import socket; socket.create_connection(('127.0.0.1', {port}), timeout=2)"
        outcome = python(code, tmp_path)
        open_network = python(code, tmp_path, isolate=False)
    assert (outcome.returncode != 0) == outcome.isolation.network_off
    assert open_network.returncode == 0
    assert "network ON" in str(open_network.isolation)


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's process status")
def test_no_new_privileges_holds(tmp_path: Path) -> None:
    outcome = python("print(open('/proc/self/status').read())", tmp_path)
    assert outcome.isolation.no_new_privileges
    assert "NoNewPrivs:\t1" in outcome.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
def test_the_process_numbers_are_its_own_if_the_report_says_so(tmp_path: Path) -> None:
    outcome = python("import os; print(os.getpid())", tmp_path)
    assert (int(outcome.stdout) < 10) == outcome.isolation.pid_namespace
    assert not python("pass", tmp_path, isolate=False).isolation.pid_namespace


@pytest.mark.skipif(sys.platform != "linux", reason="the parent's death is told on Linux")
def test_the_child_dies_with_tito(tmp_path: Path) -> None:
    script = f"""
        import sys
        from pathlib import Path
        from tito.sandbox import run
        run([sys.executable, "-c", "import time; time.sleep(60)", "orphan-{os.getpid()}"],
            cwd=Path({str(tmp_path)!r}))
    """
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT)
    marker = f"orphan-{os.getpid()}".encode()

    def sleepers() -> list[int]:
        pids = map(int, filter(str.isdigit, os.listdir("/proc")))
        return [p for p in pids if p != parent.pid and marker in _command_line(str(p)) and alive(p)]

    for _ in range(200):
        if any(b"time.sleep" in _command_line(str(pid)) for pid in sleepers()):
            break
        time.sleep(0.05)
    started = sleepers()
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    assert started
    assert all(wait_until_gone(pid) for pid in started)


def test_a_folder_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(TitoError, match="the sandbox could not start"):
        python("pass", tmp_path / "missing")


@pytest.mark.parametrize("report", [b"", b"[]", b"\xff", b"isolate pid network"])
def test_a_broken_report_claims_nothing(report: bytes) -> None:
    counted = bool(report) and sys.platform == "linux"
    assert sandbox._isolation(report) == Isolation(counted=counted)


def test_isolation_reads_as_a_sentence() -> None:
    full = Isolation(True, True, True, ("RLIMIT_AS", "RLIMIT_CORE"), True)
    assert str(full) == (
        "own process space; network off; no new privileges; limits: time, memory, core; "
        "processes counted"
    )
    assert str(Isolation()) == "process group; network ON; limits: time"


# The Windows branch, forced: it must work with nothing that only POSIX has.


def on_windows(code: str, folder: Path, seconds: float = 30) -> Outcome:
    command = [sys.executable, "-c", textwrap.dedent(code)]
    return run(command, cwd=folder, limits=Limits(seconds=seconds), platform="win32")


def test_windows_runs_with_a_clean_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret-token")
    monkeypatch.setenv("SYSTEMROOT", "C:/Windows")
    outcome = on_windows("import json, os; print(json.dumps(dict(os.environ)))", tmp_path)
    seen = json.loads(outcome.stdout)
    assert "secret-token" not in outcome.stdout
    assert seen["SYSTEMROOT"] == "C:/Windows"
    assert seen["TEMP"] == seen["HOME"]
    assert outcome.isolation == Isolation()


def test_windows_stops_an_endless_loop(tmp_path: Path) -> None:
    outcome = on_windows("while True: pass", tmp_path, seconds=0.5)
    assert outcome.stopped == "it ran longer than 0.5 seconds"


def test_windows_ends_the_whole_tree_with_taskkill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "arguments"
    tool = tmp_path / "taskkill"
    tool.write_text(f'#!/bin/sh\necho "$@" > {seen}\n', encoding="utf-8")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    on_windows("import time; time.sleep(60)", tmp_path, seconds=0.3)
    words = seen.read_text(encoding="utf-8").split()
    assert words[:3] == ["/F", "/T", "/PID"]
    assert words[3].isdigit()


# What is nobody's business


def test_no_other_process_is_seen_if_the_report_says_so(tmp_path: Path) -> None:
    code = "import os; print(sum(name.isdigit() for name in os.listdir('/proc')))"
    outcome = python(code, tmp_path)
    assert (int(outcome.stdout) == 2) == outcome.isolation.own_proc
    assert not python(code, tmp_path, isolate=False).isolation.own_proc


TRIES = """
    import os, pathlib
    for name in {names}:
        try:
            os.makedirs(os.path.dirname(name), exist_ok=True)
            open(name, "a").write("x")
            print("wrote", name)
        except OSError:
            pass
    for change in (lambda: os.truncate({there!r}, 0), lambda: os.remove({there!r}),
                   lambda: os.rename({there!r}, {there!r} + "2")):
        try:
            change()
            print("changed")
        except OSError:
            pass
    (pathlib.Path.home() / "mine").write_text("x")
    open(os.devnull, "w").write("x")
    print("done")
"""


@pytest.mark.parametrize("isolate", [True, False])
def test_with_files_of_its_own_it_writes_nowhere_else(tmp_path: Path, isolate: bool) -> None:
    if not landlock():
        pytest.skip("this kernel has no Landlock")
    given, there = tmp_path / "gi,ven", tmp_path / "there"
    given.mkdir()
    there.write_text("as it was")
    names = [str(path) for path in (given / "a/b", tmp_path / "b", tmp_path / "c/d", there)]
    code = textwrap.dedent(TRIES.format(names=names, there=str(there)))
    outcome = run(
        [sys.executable, "-I", "-c", code], cwd=tmp_path, limits=Limits(own_files=True),
        isolate=isolate, folders=[given],
    )  # fmt: skip
    assert outcome.stdout == f"wrote {given}/a/b\ndone\n", outcome.stderr
    assert outcome.isolation.own_files
    assert "other files locked" in str(outcome.isolation)
    assert there.read_text() == "as it was"


def test_nothing_runs_where_files_cannot_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blind = tmp_path / "launcher.py"
    text = Path(sandbox.__file__).with_name("launcher.py").read_text(encoding="utf-8")
    blind.write_text(text.replace("FIRST_COMPLETE, FIRST_SCOPED = 3, 6", "FIRST_COMPLETE, FIRST_SCOPED = 999, 999"))  # fmt: skip
    monkeypatch.setattr(sandbox, "_LAUNCHER", blind)
    code = f"open({str(tmp_path / 'ran')!r}, 'w')"
    for isolate in (True, False):
        with pytest.raises(TitoError, match="cannot keep the files of others"):
            python(code, tmp_path, limits=Limits(own_files=True), isolate=isolate)
    assert not (tmp_path / "ran").exists()


def landlock() -> bool:
    """True if this kernel has the whole of it."""
    if sys.platform != "linux":
        return False
    import ctypes

    return int(ctypes.CDLL(None).syscall(444, None, 0, 1)) >= 3
