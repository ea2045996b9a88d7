"""One class a provider, from publishing to the table of students."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("openapi_core")
pytest.importorskip("nbgrader")

from bot import act
from bot.act import Act
from tests.integration.class_on_hub import git
from tests.integration.whole_class import WholeClass, whole_class
from tests.small_class import FIRST, GOOD, HALF, OFTEN_TOO, SECOND, solve

pytestmark = pytest.mark.slow
STUDENTS = [f"student-{n:02}" for n in range(30)]
BEST, PARTIAL, BROKEN = STUDENTS[:3]


@pytest.fixture
def runner(tmp_path: Path) -> Act:
    program = act.program()
    if program is None:
        pytest.skip("missing: act")
    from tests.conftest import ROOT

    made = Act(tmp_path / "act", program, ROOT)
    made.token = "ghs_local_of_a_run"  # the first one of the hub is the teacher's
    return made


@pytest.mark.parametrize("provider", ["github", "classroom50", "legacy"])
def test_a_class_from_publishing_to_the_table(
    provider: str,
    tmp_path: Path,
    runner: Act,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with whole_class(tmp_path, provider, monkeypatch) as made:
        made.roster(*(f"{login},active" for login in STUDENTS))
        assert made.bot("publish") == 0, capsys.readouterr()
        assert made.bot("provision") == 0, capsys.readouterr()
        everybody_accepts(made)
        three_work(made, runner)
        the_course_changes(made)
        assert made.bot("publish") == 0, capsys.readouterr()
        assert made.bot("update") == 0, capsys.readouterr()
        updates_arrive(made)
        the_roster_changes(made)
        assert made.bot("provision") == 0, capsys.readouterr()
        the_table_says_so(made, capsys)
        nothing_is_left_to_do(made, capsys)


def everybody_accepts(made: WholeClass) -> None:
    names = {each.name for each in made.hub.organisation("acme").repositories()}
    assert {made.name(login) for login in STUDENTS} <= names
    for login in STUDENTS:
        repository = made.repository(login)
        assert [pull.base for pull in repository.pulls.values()] == ["feedback"]
        repository.accept(login)


def three_work(made: WholeClass, runner: Act) -> None:
    def best(folder: Path) -> None:
        solve(folder, FIRST, GOOD, HALF)
        solve(folder, SECOND, OFTEN_TOO)
        # A locked file, which the next release changes too.
        (folder / "README.md").write_text("My own notes\n")

    def partial(folder: Path) -> None:
        solve(folder, FIRST, GOOD)

    def broken(folder: Path) -> None:
        solve(folder, FIRST, "    return value +\n")

    expected = {
        BEST: (best, "success", "success", "✓"),
        PARTIAL: (partial, "failure", "failure", "15 of 20"),
        BROKEN: (broken, "failure", "failure", "✗"),
    }
    for login, (change, conclusion, state, words) in expected.items():
        sha = made.push(login, change)
        run = made.run(login, runner)
        assert list(run.jobs.values()) == [conclusion], run.log
        repository = made.repository(login)
        (comment,) = repository.comments(1)
        assert words in comment.body, comment.body
        statuses = {status.context: status.state for status in repository.statuses(sha)}
        assert statuses == {"tito/feedback": state}


def the_course_changes(made: WholeClass) -> None:
    check = made.root / "tests/checkpoints/checkpoint_00_begin.py"
    check.write_text(check.read_text().replace("twice(21) == 42", "twice(-21) == -42"))
    made.commit("A better checkpoint")
    # Given to everybody, and edited by one.
    pyproject = made.root / "pyproject.toml"
    pyproject.write_text(pyproject.read_text() + "# changed\n")
    made.commit("More settings")
    made.push(PARTIAL, lambda folder: (folder / "pyproject.toml").write_text("mine\n"))


def updates_arrive(made: WholeClass) -> None:
    for login in STUDENTS:
        pulls = made.repository(login).pulls
        assert [(pull.branch, pull.state) for pull in pulls.values()][1:] == [
            ("course-update", "open")
        ]
    conflict = made.repository(PARTIAL).pulls[2]
    release = conflict.title.split()[-1]
    assert "You had changed these files" in (conflict.body or "")
    before = git(made.bare(made.name(PARTIAL)), "show", f"main:{FIRST}")
    made.repository(PARTIAL).pulls[2].merge()
    bare = made.bare(made.name(PARTIAL))
    assert git(bare, "show", "main:pyproject.toml").endswith("# changed")
    kept = [
        p for p in git(bare, "ls-tree", "-r", "--name-only", "main").split("\n") if "kept/" in p
    ]
    assert [path.split("/")[-1] for path in kept] == ["pyproject.toml"]
    assert kept[0].split("/")[1].startswith(release)
    assert git(bare, "show", f"main:{kept[0]}") == "mine"
    assert git(bare, "show", f"main:{FIRST}") == before


def the_roster_changes(made: WholeClass) -> None:
    rows = [f"{login},active" for login in STUDENTS[:-1]]
    made.roster(*rows, f"{STUDENTS[-1]},dropped", "latecomer,active")


def the_table_says_so(made: WholeClass, capsys: pytest.CaptureFixture[str]) -> None:
    rows = made.status(capsys)
    assert set(rows) == {*STUDENTS, "latecomer"}
    assert made.repository(STUDENTS[-1]).roles[STUDENTS[-1]] == "read"
    told = {login: (row["access"], row["feedback"], row["update"]) for login, row in rows.items()}
    assert told[BEST] == ("accepted", "passed", "open")
    # A merge is a new commit, which nobody has run yet.
    assert told[PARTIAL] == ("accepted", "", "merged")
    assert told[BROKEN] == ("accepted", "to mend", "open")
    assert told[STUDENTS[-1]][0] == "dropped"
    assert told["latecomer"][0] == "invited"


def nothing_is_left_to_do(made: WholeClass, capsys: pytest.CaptureFixture[str]) -> None:
    made.commit_always("The same course in another commit")
    writes = len(made.hub.writes)
    refs = {name: git(made.bare(name), "for-each-ref") for name in ("template", "tools")}
    for command in ("publish", "provision", "update"):
        assert made.bot(command) == 0
    capsys.readouterr()
    assert made.hub.writes[writes:] == []
    assert {name: git(made.bare(name), "for-each-ref") for name in refs} == refs
