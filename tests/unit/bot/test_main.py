"""The command, as the workflow and a laptop call it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from bot import __main__ as program
from bot.local import NOWHERE, preview
from tests.conftest import ROOT
from tests.unit.bot.subjects import HEAD, SUBJECTS, SYNTAX, report
from tito.errors import TitoError, UsageError
from tito.report import Report, encode, judge

needs_the_local_github = pytest.mark.skipif(
    not (importlib.util.find_spec("openapi_core") and importlib.util.find_spec("github")),
    reason="missing: openapi-core, PyGithub",
)


def written(folder: Path, value: Report) -> Path:
    file = folder / "report.json"
    file.write_bytes(encode(value))
    return file


@needs_the_local_github
def test_local_shows_the_requests_that_would_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, report(judge("export", [SYNTAX], "tito gate export")))
    assert program.invoke(["post", "--local", "--report", str(file)]) == 0
    first, *others = capsys.readouterr().out.split("\nPOST ")
    assert first.startswith(
        "POST /repos/local/course/issues/1/comments\n<!-- tito-report v1 pull=1"
    )
    assert f"sha={HEAD}" in first
    assert "### ✗ Not yet: 1 of 3 gates asks for a change" in first
    assert len(others) == 4
    assert all(each.startswith(f"/repos/local/course/statuses/{HEAD}\n{{") for each in others)
    assert '"context": "tito/export", "description": "1 to mend"' in others[0]
    assert '"state": "failure", "context": "tito/verdict"' in others[3]
    assert "Pull request 1: commented.\n" in others[3]


@needs_the_local_github
def test_local_shows_every_annotation_on_a_line_of_its_own(tmp_path: Path) -> None:
    huge = SUBJECTS["huge"].report
    assert isinstance(huge, Report)
    shown = preview(written(tmp_path, huge))
    assert shown.count("\nPOST /repos/local/course/check-runs\n") == 1
    assert shown.count("\nPATCH /repos/local/course/check-runs/") == 9
    assert shown.count('\n{"path": ') == 500


@needs_the_local_github
def test_local_says_what_github_would_not_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    huge = SUBJECTS["huge"].report
    assert isinstance(huge, Report)
    monkeypatch.setattr("bot.checks.CHUNK", 51)
    with pytest.raises(TitoError, match="this breaks GitHub's description") as caught:
        preview(written(tmp_path, huge))
    assert "check-runs: request: " in caught.value.hint


def test_local_needs_a_report_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.invoke(["post", "--local"]) == 2
    assert "--report FILE" in capsys.readouterr().err
    with pytest.raises(UsageError):
        preview(None)


@needs_the_local_github
def test_local_puts_nothing_of_the_report_where_a_commit_stands(tmp_path: Path) -> None:
    shown = preview(written(tmp_path, Report(report().gates, (), "", "--> evil")))
    assert f"sha={NOWHERE}" in shown
    assert "evil" not in shown
    assert "The results could not be read" in preview(tmp_path / "none.json")


def test_local_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("bot.localhub", "bot.post"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "openapi_core", None)
    with pytest.raises(TitoError, match="the local GitHub needs openapi_core") as caught:
        preview(tmp_path / "report.json")
    assert "instructor" in caught.value.hint


def test_a_missing_variable_ends_without_a_traceback(tmp_path: Path) -> None:
    environment = {n: v for n, v in os.environ.items() if not n.startswith(("GITHUB_", "TITO_"))}
    done = subprocess.run(
        [sys.executable, "-m", "bot", "post"], cwd=ROOT, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "GITHUB_API_URL is not set: it should hold an address" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_wrong_use_is_2_and_help_is_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.invoke(["post", "--nonsense"]) == 2
    assert program.invoke(["--help"]) == 0
    assert "post" in capsys.readouterr().out


def test_an_interrupted_command_says_so_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise click.Abort

    monkeypatch.setattr(program.bot, "main", interrupted)
    assert program.invoke(["post"]) == 130


def test_the_renderer_and_the_pure_parts_do_not_load_pygithub() -> None:
    code = (
        "import sys, bot.local, bot.render, bot.comment, bot.status, bot.settings\n"
        "print([n for n in sys.modules if n.split('.')[0] in ('github', 'requests', 'tinytorch')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_there_is_one_door_to_pygithub() -> None:
    importing = [
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "bot").rglob("*.py")
        if "localhub" not in file.relative_to(ROOT).parts
        for line in file.read_text("utf-8").splitlines()
        if line.startswith(("from github", "import github", "import requests", "from requests"))
    ]
    assert set(importing) == {"bot/github.py"}
