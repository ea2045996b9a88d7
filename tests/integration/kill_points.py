"""Kill an export at every step it takes, and look at what is left. A script, not a test.

    python kill_points.py ROOT exchange|journal POINTS

ROOT is a course whose package is the old state and whose dev files give the new one. One child is
made for each of about POINTS moments, spread evenly, and killed there. Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from tito import atomic
from tito.course import Course, load
from tito.export import export

TRACED = ("atomic.py", "shutil.py", "pathlib.py", "_local.py")


class Countdown:
    """Counts the lines run in the traced files once staging begins, and kills at the given one."""

    def __init__(self, left: int) -> None:
        self.left = self.start = left
        self.on = False

    def __call__(self, frame: FrameType, event: str, _: Any) -> Any:
        if os.path.basename(frame.f_code.co_filename) not in TRACED:
            return None
        self.on = self.on or frame.f_code.co_name == "stage"
        if self.on and event == "line":
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return self


def tree(package: Path) -> dict[str, bytes]:
    return {
        path.relative_to(package).as_posix(): path.read_bytes()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def importable(root: Path) -> bool:
    command = [
        sys.executable,
        "-I",
        "-B",
        "-S",
        "-c",
        f"import sys; sys.path.insert(0, {str(root)!r}); import tinytorch",
    ]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def reset(course: Course, old: Path) -> None:
    shutil.rmtree(atomic.staging_folder(course.package), ignore_errors=True)
    shutil.rmtree(course.package)
    shutil.copytree(old, course.package)


def export_killed_at(course: Course, point: int, *, exchange: bool) -> int:
    """Export in a child that dies at `point`. Returns 0 if it died, else how many points it had."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        countdown = Countdown(point)
        sys.settrace(countdown)
        export(course, course.modules, exchange=exchange)
        sys.settrace(None)
        os.write(write_end, str(countdown.start - countdown.left).encode())
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        steps = pipe.read()
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the export failed by itself"
    return int(steps or 0)


def main() -> None:
    root, exchange, wanted = Path(sys.argv[1]), sys.argv[2] == "exchange", int(sys.argv[3])
    course = load(root)
    old_folder = root / "old"
    shutil.copytree(course.package, old_folder)
    old = tree(course.package)
    steps = export_killed_at(course, 10**9, exchange=exchange)
    new = tree(course.package)
    assert old != new
    seen = {"steps": steps, "points": 0, "old": 0, "new": 0, "refused": 0, "mended": 0}
    faults: list[str] = []
    for point in range(1, steps + 1, max(1, steps // wanted)):
        reset(course, old_folder)
        if export_killed_at(course, point, exchange=exchange):
            break  # later runs take a few steps less: folders stand already
        seen["points"] += 1
        left = tree(course.package)
        if left == old:
            seen["old"] += 1
        elif left == new:
            seen["new"] += 1
        elif exchange:
            faults.append(f"point {point}: a mix of {sorted(left)}")
        elif importable(root):
            faults.append(f"point {point}: a mix that can be imported")
        else:
            seen["refused"] += 1
        with atomic.locked(course.package):
            seen["mended"] += atomic.recover(course.package)
        if tree(course.package) not in (old, new):
            faults.append(f"point {point}: recover left a mix")
        export(course, course.modules)
        if tree(course.package) != new or atomic.staging_folder(course.package).exists():
            faults.append(f"point {point}: the next export did not finish")
    print(json.dumps({**seen, "faults": faults}))


if __name__ == "__main__":
    main()
