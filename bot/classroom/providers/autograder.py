"""Runs the visible tests of a student's repository, and writes what Classroom 50 reads of it.

This is feedback, not the grade: it runs beside code that the student wrote. Anybody can read it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

COURSE: Any = {"assignments": {}, "modules": []}

MODULE_SECONDS, ALL_SECONDS = 180, 12 * 60
SET_UP_SECONDS = 5 * 60
LOCK = "requirements/base.txt"
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
"""All that student code sees of the environment: no token is among it."""
TAG = "refs/tags/submit/"


def main() -> int:
    """Exit code 0 if there is a result, whatever it says."""
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    end = time.monotonic() + ALL_SECONDS
    set_up(environment)
    rows: list[dict[str, Any]] = []
    for module in chosen(os.environ.get("GITHUB_REF", "")):
        verdicts = tried(module["number"], environment, end)
        rows += rows_of(module, verdicts)
    result = result_of(os.environ, rows, submitted(environment))
    Path("result.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"{result['score']} of {result['max-score']} points")
    return 0


def chosen(ref: str) -> list[Any]:
    """The modules of the assignment whose tag was pushed, else all."""
    names = COURSE["assignments"].get(ref[len(TAG) :]) if ref.startswith(TAG) else None
    return [m for m in COURSE["modules"] if names is None or m["module"] in names]


def set_up(environment: Mapping[str, str]) -> None:
    """Install what the course has locked, from wheels with the hashes it names."""
    if Path(LOCK).is_file():
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--require-hashes",
            "-r",
            LOCK,
        ]
        subprocess.run(command, env=dict(environment), check=True, timeout=SET_UP_SECONDS)


def tried(number: str, environment: Mapping[str, str], end: float) -> dict[str, str]:
    """Test → verdict. Empty where the module cannot be tried, or there is no time left."""
    command = [sys.executable, "-m", "tito", "module", "test", number, "--json", "-"]
    seconds = min(MODULE_SECONDS, end - time.monotonic())
    if seconds <= 0:
        return {}
    try:
        done = subprocess.run(
            command, env=dict(environment), stdout=subprocess.PIPE, check=False, timeout=seconds
        )
        (found,) = json.loads(done.stdout)
        return {test["name"]: test["verdict"] for test in found["tests"]}
    except (subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        return {}


def rows_of(module: Mapping[str, Any], verdicts: Mapping[str, str]) -> list[dict[str, Any]]:
    """One row a graded cell, which has passed if all of its tests have."""
    rows = []
    for name, functions, points in module["tests"]:
        passed = all(verdicts.get(function) == "passed" for function in functions)
        score = points if passed else 0
        row = {"test-name": name, "passed": passed, "score": score, "max-score": points}
        rows.append(row)
    return rows


def submitted(environment: Mapping[str, str]) -> datetime:
    """The time of the commit, which a new run does not change."""
    command = ["git", "show", "--no-patch", "--format=%ct", "HEAD"]
    done = subprocess.run(
        command, env=dict(environment), capture_output=True, text=True, check=True
    )
    return datetime.fromtimestamp(int(done.stdout), timezone.utc)


def result_of(
    given: Mapping[str, str], rows: Sequence[Mapping[str, Any]], when: datetime
) -> dict[str, Any]:
    """In the format classroom50/result/v1. `given` is the environment of Classroom 50's runner."""
    shape = "%Y-%m-%dT%H:%M:%SZ"
    return {
        "schema": "classroom50/result/v1",
        "classroom": given["CLASSROOM"],
        "assignment": given["ASSIGNMENT"],
        "assignment_type": given["ASSIGNMENT_TYPE"],
        "owner": given.get("OWNER") or given["USERNAME"],
        "submission": given["SUBMISSION_TAG"],
        "commit": given["COMMIT_URL"],
        "release": given["RELEASE_URL"],
        "review": given.get("REVIEW_URL") or given["COMMIT_URL"],
        "datetime": when.strftime(shape),
        "graded_at": datetime.now(timezone.utc).strftime(shape),
        "score": sum(row["score"] for row in rows),
        "max-score": sum(row["max-score"] for row in rows),
        "tests": list(rows),
    }


if __name__ == "__main__":
    sys.exit(main())
