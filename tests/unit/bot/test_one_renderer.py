"""The comment, the job's summary and the terminal say the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.render import render
from tests.unit.bot.subjects import FAILED, PASSED, SUBJECTS
from tito import outline
from tito.cli import invoke
from tito.markdown import own_command
from tito.report import Report, encode
from tito.summary import markdown

NAMES = [
    name
    for name, one in SUBJECTS.items()
    if isinstance(one.report, Report) and one.verdict in (PASSED, FAILED) and name != "hostile"
]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_said_is_the_same_everywhere(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = SUBJECTS[name]
    report = one.report
    assert isinstance(report, Report)
    file = tmp_path / "report.json"
    file.write_bytes(encode(report))
    assert invoke(["report", "show", str(file)]) == (report.status != "passed")
    shown = (render(one), markdown(report), capsys.readouterr().out)
    headline = outline.headline(report)
    wanted = [headline[2:], outline.sentence(report), outline.how_far(report.checkpoints)]
    for gate in report.gates:
        wanted.append(outline.result(gate))
        if gate.status != "passed" and "--base" not in gate.reproduce:
            wanted.append(own_command(gate))
    wanted += [outline.STATES[group.state] for group in outline.groups(report.checkpoints)]
    for point in outline.points(report):
        path, line = outline.origin(point.finding)
        wanted += [f"{path}:{line}" if line else path, point.why]
    for text in shown:
        for words in wanted:
            assert words in text, words


def test_what_matters_most_comes_last_in_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = SUBJECTS["hand-edit"].report
    assert isinstance(report, Report)
    file = tmp_path / "report.json"
    file.write_bytes(encode(report))
    invoke(["report", "show", str(file)])
    told = capsys.readouterr().out
    parts = ["export: ✗ failed: 1 to mend", "Checkpoints: 1 of 16 passed", "Start with", "Fix first",
             "1. this generated file was edited by hand", "   modules/source/02_tensor/tensor_dev.py:621",
             "2. the package cannot be imported", "✗ Not yet: 3 of 3 gates ask for a change"]  # fmt: skip
    places = [told.rindex(part) for part in parts]
    assert places == sorted(places)
    assert told.endswith(parts[-1] + "\n")
