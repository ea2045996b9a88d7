"""The command, as the workflow and a laptop call it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from bot import __main__ as program
from bot.local import NOWHERE, preview
from tests.conftest import ROOT
from tests.unit.bot.subjects import HEAD, SYNTAX, report
from tito.errors import UsageError
from tito.report import Report, encode, judge


def written(folder: Path, value: Report) -> Path:
    file = folder / "report.json"
    file.write_bytes(encode(value))
    return file


def test_local_shows_the_comment_and_the_statuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, report(judge("export", [SYNTAX], "tito gate export")))
    assert program.invoke(["post", "--local", "--report", str(file)]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("<!-- tito-report v1 pull=0 sha=" + HEAD)
    assert "### ✗ Not yet: 1 of 3 gates asks for a change" in shown
    assert "\ntito/export: failure: 1 to mend\n" in shown
    assert shown.endswith("tito/verdict: failure: not yet: the comment says what to do next\n")


def test_local_needs_a_report_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.invoke(["post", "--local"]) == 2
    assert "--report FILE" in capsys.readouterr().err
    with pytest.raises(UsageError):
        preview(None)


def test_local_puts_nothing_of_the_report_where_a_commit_stands(tmp_path: Path) -> None:
    shown = preview(written(tmp_path, Report(report().gates, (), "", "--> evil")))
    assert f"sha={NOWHERE}" in shown
    assert "evil" not in shown
    assert "The results could not be read" in preview(tmp_path / "none.json")


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
        if "localhub" not in file.parts
        for line in file.read_text("utf-8").splitlines()
        if line.startswith(("from github", "import github", "import requests", "from requests"))
    ]
    assert set(importing) == {"bot/github.py"}
