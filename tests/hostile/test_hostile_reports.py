"""Whatever a report holds, and whatever stands in its place: none gets through, none breaks the bot."""

from __future__ import annotations

import copy
import json
import re
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.base import Before, known_at_base
from bot.model import Job, Status
from bot.render import BUDGET, render
from bot.status import LONGEST_DESCRIPTION, statuses
from bot.verdict import JOB, Unreadable, judge, read_report
from tests.conftest import ROOT
from tests.hostile.artifacts import NOT_KEPT
from tests.hostile.reports import READ, REFUSED, REPORT
from tests.hostile.texts import KINDS, NAMED
from tests.unit.bot.harmless import complaints, page
from tests.unit.bot.subjects import FAILED, HEAD, PULL, subject
from tito.cli import invoke
from tito.report import CheckpointResult, Finding, GateResult, Report, decode_report, encode
from tito.summary import markdown, workflow_commands

HIDDEN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def everywhere(text: str) -> Report:
    """A report that holds the text in every field that a comment may show."""
    findings = [
        Finding(text, "error", text, 0, text, text, text),
        Finding(text, "error", f"tinytorch/{text}", 3, f"{text}:\n{text}\n{text}", f"{text} a/b_dev.py:7", text),
        Finding(text, "warning", text, 2, f"x\n{text}", "tito export --all", text),
        Finding(text, "notice", text, 1, f"{text} {text}", text, text),
    ]  # fmt: skip
    gates = (
        GateResult("export", "failed", tuple(findings), text),
        GateResult(
            "protection", "error", tuple(findings[:1]), f"tito gate protection --base {text}"
        ),
        GateResult("integration", "passed", tuple(findings[2:]), f"tito {text}"),
    )
    return Report(gates, (CheckpointResult("01_a", text, "failed"),), text, text)


def anywhere(text: str) -> Report:
    """The same, and in the names that the bot refuses but a summary and a terminal show."""
    report = everywhere(text)
    gates = (*report.gates, GateResult(text, "failed", report.gates[0].findings, text))
    return msgspec.structs.replace(
        report, gates=gates, checkpoints=(CheckpointResult(text, text, "not run"),)
    )


def test_there_are_enough_of_them() -> None:
    assert len(NAMED) >= 60
    assert len(NAMED) + len(REFUSED) + len(READ) + len(NOT_KEPT) >= 150
    assert min(len(each) for each in KINDS.values()) >= 3


PLAIN = page(
    render(replace(subject(everywhere("plain " * 100 + "\nplain"), FAILED), touches_gates=True))
).outline


@pytest.mark.parametrize("name", NAMED)
def test_no_text_gets_out_of_a_comment(name: str) -> None:
    one = replace(subject(everywhere(NAMED[name]), FAILED), touches_gates=True)
    text = render(one)
    assert complaints(text) == []
    assert len(text.encode()) <= BUDGET
    # Nor does it add a row, a list or a fold: those of a plain report are all there are.
    for element in ("h3", "h4", "tr", "td", "ol", "details", "summary", "blockquote"):
        assert page(text).outline.count(element) <= PLAIN.count(element), element
    shown = text.replace("\n", "")
    assert not {unicodedata.category(character) for character in shown} & set(HIDDEN)


@pytest.mark.parametrize("name", NAMED)
def test_no_text_gets_out_of_a_summary(name: str) -> None:
    text = markdown(anywhere(NAMED[name]))
    assert complaints(text) == []
    assert not {unicodedata.category(character) for character in text.replace("\n", "")} & set(
        HIDDEN
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMED)
def test_no_text_gives_orders_to_a_terminal_or_a_runner(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    report = anywhere(NAMED[name])
    file = tmp_path / "report.json"
    file.write_bytes(encode(report))
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    assert invoke(["report", "show", str(file)]) == 1
    told = capsys.readouterr().out.replace("\n", "").replace("\t", "")
    assert not {unicodedata.category(c) for c in told} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert invoke(["report", "show", str(file), "--annotations"]) == 1
    said = capsys.readouterr().out.split("\n")
    word = said[0].removeprefix("::stop-commands::")
    assert re.fullmatch(r"\w{32}", word)
    end = said.index(f"::{word}::")
    annotations = [line for line in said[end + 1 :] if line.lstrip().startswith(("::", "##["))]
    assert annotations == workflow_commands(report)
    assert all(re.match(r"::(error|warning) [^:]*::", line) for line in annotations)


@pytest.mark.parametrize("name", NAMED)
def test_no_text_gets_out_of_a_branch_s_name_or_a_status(name: str) -> None:
    text = NAMED[name]
    one = subject(everywhere("plain"), FAILED)
    one = replace(one, pull=replace(PULL, base_branch=text))
    assert complaints(render(one)) == []
    odd = Status(f"tito/{text}", "failure", f"{text} 3 to mend", text)
    known = known_at_base(
        [odd, replace(odd, context="tito/export", state=text), replace(odd, context=text)]
    )
    assert set(known.values()) <= {Before("failed")}
    assert complaints(render(replace(one, pull=PULL, base=known))) == []


def _written(folder: Path, data: bytes) -> Path:
    file = folder / "report.json"
    file.write_bytes(data)
    return file


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_report_is_not_shown_and_breaks_nothing(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = _written(tmp_path, REFUSED[name])
    found = read_report(file, HEAD)
    assert isinstance(found, Unreadable)
    text = render(subject(found, FAILED))
    assert complaints(text) == []
    assert "The results could not be read: " in text
    verdict = judge([Job(JOB, "failure")], found)
    assert [status.context for status in statuses(found, verdict, "u")] == ["tito/verdict"]
    invoke(["report", "show", str(file)])
    assert "Traceback" not in capsys.readouterr().err
    # As the result of a gate it is none either: the gate counts as not run.
    target = tmp_path / "merged.json"
    assert invoke(["report", "merge", str(file), "--expect", "report", "-o", str(target)]) == 1
    assert decode_report(target.read_bytes()).gates[0].status == "error"


@pytest.mark.parametrize("name", READ)
def test_what_is_odd_but_a_report_is_shown_as_text(name: str, tmp_path: Path) -> None:
    found = read_report(_written(tmp_path, READ[name]), HEAD)
    assert isinstance(found, Report)
    text = render(subject(found, FAILED))
    assert complaints(text) == []
    assert len(text.encode()) <= BUDGET
    for status in statuses(found, FAILED, "u"):
        assert len(status.description) <= LONGEST_DESCRIPTION
    assert complaints(markdown(found, room=100_000)) == []


def unpicklers(code: str) -> list[str]:
    """Whatever makes objects, or runs code, out of a file's bytes."""
    names = "pickle|cPickle|dill|cloudpickle|joblib|shelve|marshal|torch"
    calls = r"allow_pickle=True|yaml\.(?:unsafe_|full_)?load\(|(?<![\w.])eval\("
    return re.findall(rf"^\s*(?:import|from) (?:{names})\b|{calls}", code, re.MULTILINE)


def test_nothing_of_ours_makes_objects_of_a_file() -> None:
    for file in (file for name in ("tito", "bot") for file in (ROOT / name).rglob("*.py")):
        assert unpicklers(file.read_text("utf-8")) == [], file
    for text in (
        "import pickle",
        "from torch import load",
        "np.load(x, allow_pickle=True)",
        "yaml.load(f)",
        "eval(x)",
    ):
        assert len(unpicklers(text)) == 1, text
    assert unpicklers("yaml.safe_load(f); retrieval(x)") == []


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path, *(place for key, one in inside for place in _places(one, (*path, key)))]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from([*NAMED.values()]) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@pytest.mark.slow
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(changes=st.lists(st.tuples(st.sampled_from(_places(REPORT)[1:]), ANYTHING), max_size=3))
def test_whatever_is_changed_in_a_report_it_is_refused_or_shown_as_text(
    changes: list[tuple[tuple[Any, ...], Any]], tmp_path: Path
) -> None:
    made = copy.deepcopy(REPORT)
    for place, value in changes:
        _put(made, place, value)
    found = read_report(_written(tmp_path, json.dumps(made).encode()), HEAD)
    assert complaints(render(subject(found, FAILED))) == []


def _put(made: Any, place: tuple[Any, ...], value: Any) -> None:
    """Where an earlier change has taken the place away, nothing is put."""
    for key in place[:-1]:
        try:
            made = made[key]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(made, dict) or (isinstance(made, list) and place[-1] in range(len(made))):
        made[place[-1]] = value


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from([*NAMED.values()]) | st.text(max_size=20), max_size=4).map("".join))
def test_no_mixture_of_them_gets_out(text: str) -> None:
    assert complaints(render(subject(everywhere(text), FAILED))) == []
    assert complaints(markdown(anywhere(text))) == []
