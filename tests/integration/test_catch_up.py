"""A module that is over is given once, to the right people, and nothing of theirs is lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

pytest.importorskip("openapi_core")

from bot import __main__ as program
from bot.classroom.catch_up import CatchUps, due_for, given_file
from bot.classroom.forge import Forge
from bot.classroom.names import Home
from bot.classroom.offer import push
from bot.classroom.session import members_homes, opened
from bot.classroom.steps import Step, one_by_one
from bot.errors import LaterError
from bot.organisation import Repository
from tests.conftest import SmallCourse
from tests.integration.class_on_hub import DEV, SECTIONS, Turned, World, git, world_in
from tito.assignments import Assignment
from tito.errors import RefusedError, TitoError
from tito.roster import CatchUp, Extension, note_catch_up, read_catch_ups, read_extensions

ADA, BOB = "ada", "bob"
PATH = "modules/source/01_alpha/alpha_dev.py"
BRANCH = "course-catch-up-01"
DUE = datetime(2030, 1, 5, tzinfo=timezone.utc)
WITH_DUE = SECTIONS + '    due: "2030-01-05T00:00:00+00:00"\n    grace: 1h\n'
STUB = DEV.replace("return 1", "raise NotImplementedError")
OWN = DEV.replace("return 1", "return 2")


@pytest.fixture
def turned() -> Turned:
    return Turned()


@pytest.fixture
def world(
    small: SmallCourse,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    turned: Turned,
) -> Iterator[World]:
    with world_in(tmp_path_factory.mktemp("world"), small, WITH_DUE, turned.now) as world:
        world.enter(monkeypatch)
        world.release(**{PATH.replace("/", "__"): STUB})
        world.roster(ADA, BOB)
        assert program.invoke(["classroom", "provision"]) == 0
        yield world


def offer(
    world: World, turned: Turned, *logins: str, dry_run: bool = False
) -> tuple[list[Step], CatchUps]:
    with opened(world.course, "catch-up", world.environment, turned.clock) as session:
        course = world.course
        rows = read_extensions(course, course.root / "extensions.csv", "extensions.csv")
        offers = CatchUps(
            course, session.door, session.forge, course.module("01"), rows, session.clock, dry_run
        )
        return list(offers.run(offers.due(members_homes(session, logins)))), offers


def at(world: World, login: str, path: str, ref: str = BRANCH) -> str:
    return git(world.bare(f"work-{login}"), "show", f"{ref}:{path}")


def test_it_is_refused_until_the_time_is_over(world: World, turned: Turned) -> None:
    before = len(world.hub.writes)
    with pytest.raises(TitoError, match="until 2030-01-05 01:00 UTC"):
        offer(world, turned)
    turned.days(4)
    with pytest.raises(TitoError, match="until 2030-01-05 01:00 UTC"):
        offer(world, turned)
    assert len(world.hub.writes) == before
    (world.course.root / "extensions.csv").write_text(
        "login,assignment,until,reason\nBob,first,2030-01-07T00:00:00Z,ill\n"
    )
    turned.seconds += 3601
    steps, offers = offer(world, turned)
    assert steps == [Step("work-ada", "catch-up 01 offered")]
    assert offers.later == {BOB: DUE + timedelta(days=2, hours=1)}
    with pytest.raises(TitoError, match="until 2030-01-07 01:00 UTC"):
        offer(world, turned, BOB)


def test_it_is_offered_once_and_work_is_kept(world: World, turned: Turned) -> None:
    sha = world.work("work-ada", {PATH: OWN})
    turned.days(5)
    dry = offer(world, turned, ADA, dry_run=True)[0]
    assert dry == [Step("work-ada", "catch-up 01 offered")]
    repository = world.hub.repository("acme/work-ada")
    assert BRANCH not in repository.branches
    assert not (world.course.root / "catch-ups.csv").exists()
    assert len(offer(world, turned, "ADA")[0]) == 1
    assert at(world, ADA, PATH) == DEV.strip()
    assert at(world, ADA, f"kept/catch-up-01/{PATH}") == OWN.strip()
    assert git(world.bare("work-ada"), "rev-parse", f"{BRANCH}^") == sha
    assert at(world, ADA, PATH, "main") == OWN.strip()
    pull = repository.pulls[2]
    assert f"kept as `kept/catch-up-01/{PATH}`" in (pull.body or "")
    [row] = read_catch_ups(world.course.root / "catch-ups.csv", "catch-ups.csv")
    assert (row.login, row.module, row.commit) == (ADA, "01_alpha", pull.head_sha)
    assert row.when == datetime(2030, 1, 6, tzinfo=timezone.utc)
    # Again, there is nothing to do: neither while it is open, nor once it is merged or closed.
    writes = len(world.hub.writes)
    assert offer(world, turned, ADA)[0] == []
    pull.merge()
    assert offer(world, turned, ADA)[0] == []
    assert len(world.hub.writes) == writes
    assert len(read_catch_ups(world.course.root / "catch-ups.csv", "catch-ups.csv")) == 1


def test_newer_work_is_kept_too(world: World, turned: Turned) -> None:
    turned.days(5)
    offer(world, turned, ADA)
    world.work("work-ada", {PATH: OWN})
    assert offer(world, turned, ADA)[0] == [Step("work-ada", "catch-up 01 replaced")]
    assert at(world, ADA, f"kept/catch-up-01/{PATH}") == OWN.strip()
    world.work("work-ada", {"notes.md": "not about it\n"})
    assert offer(world, turned, ADA)[0] == []
    clone = world.clone("work-ada")
    git(clone, "fetch", "--quiet", "origin", BRANCH)
    git(clone, "checkout", "--quiet", "-B", BRANCH, "FETCH_HEAD")
    git(clone, "commit", "--quiet", "--allow-empty", "--message", "Mine")
    git(clone, "push", "--quiet", "origin", BRANCH)
    git(clone, "checkout", "--quiet", "main")
    world.work("work-ada", {PATH: OWN + "\n# more\n"})
    assert offer(world, turned, ADA)[0] == []


def test_what_is_kept_already_is_not_overwritten(world: World, turned: Turned) -> None:
    tip = world.work("work-ada", {PATH: OWN, f"kept/catch-up-01/{PATH}": "by hand\n"})
    turned.days(5)
    offer(world, turned, ADA)
    assert at(world, ADA, f"kept/catch-up-01/{PATH}") == "by hand"
    assert at(world, ADA, f"kept/catch-up-01-{tip[:7]}/{PATH}") == OWN.strip()


def test_who_has_it_already_is_offered_nothing(world: World, turned: Turned) -> None:
    turned.days(5)
    world.work("work-ada", {PATH: DEV})
    assert offer(world, turned, ADA)[0] == []


def test_a_killed_run_is_finished_by_the_next(world: World, turned: Turned) -> None:
    turned.days(5)
    world.work("work-ada", {PATH: OWN})
    world.hub.fail(3, 500, method="POST", path="/pulls")
    steps = offer(world, turned, ADA)[0]
    assert steps[-1].failed
    assert BRANCH in world.hub.repository("acme/work-ada").branches
    turned.seconds += 60
    assert offer(world, turned, ADA)[0] == [Step("work-ada", "catch-up 01 offered")]
    assert len(world.hub.repository("acme/work-ada").pulls) == 2
    assert len(read_catch_ups(world.course.root / "catch-ups.csv", "catch-ups.csv")) == 1


def test_a_lost_answer_opens_nothing_twice(world: World, turned: Turned) -> None:
    turned.days(5)
    world.hub.drop_response_after_write(method="POST", path="/pulls")
    assert len(offer(world, turned, ADA)[0]) == 1
    assert len(world.hub.repository("acme/work-ada").pulls) == 2


def test_a_push_that_was_carried_out_is_no_failure(world: World, tmp_path: Path) -> None:
    (tmp_path / "git").mkdir()

    class Lost(Forge):
        """Carries out what it is told to, and hears nothing."""

        carried_out = True

        def push(self, address: str, refs: Mapping[str, tuple[str, str]]) -> None:
            if self.carried_out:
                super().push(address, refs)
            raise TitoError("the connection was cut")

    forge = Lost(tmp_path / "git", lambda: "token", world.hub.url)
    address = world.bare("work-ada").as_uri()
    tip = forge.refs(address)["refs/heads/main"]
    forge.fetch(address, tip)
    push(forge, address, "refs/heads/one", made=tip, before="")
    forge.carried_out = False
    with pytest.raises(TitoError, match="was cut"):
        push(forge, address, "refs/heads/two", made=tip, before="")


def test_one_without_main_and_one_that_deleted_the_file(world: World, turned: Turned) -> None:
    turned.days(5)
    world.hub.repository("acme/work-bob").remove("refs/heads/main")
    clone = world.clone("work-ada")
    (clone / PATH).unlink()
    world.work("work-ada", {"notes.md": "deleted it\n"})
    ada, bob = offer(world, turned)[0]
    assert (ada.what, ada.failed) == ("catch-up 01 offered", False)
    assert (bob.what, bob.failed) == ("work-bob has no branch main yet", True)
    assert at(world, ADA, PATH) == DEV.strip()
    assert "kept" not in git(world.bare("work-ada"), "ls-tree", "--name-only", BRANCH)


def test_many_in_a_row_are_not_about_the_students() -> None:
    def work(_: int) -> Iterator[Step]:
        raise TitoError("the server is on fire")
        yield

    def home(_: int) -> Home:
        repository = Repository("work", 1, True, "", "", "", False, "main", 1, "", False)
        return Home(repository, "ada", {})

    with pytest.raises(TitoError, match="on fire"):
        list(one_by_one(range(9), work, home))
    assert len(list(one_by_one(range(5), work, home))) == 5

    def later(_: int) -> Iterator[Step]:
        raise LaterError("a pause", until=DUE)
        yield

    with pytest.raises(LaterError):
        list(one_by_one(range(2), later, home))


def test_the_command(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = world.course.root / "classroom.yml"
    text = manifest.read_text()
    world.work("work-ada", {PATH: OWN})
    assert program.invoke(["classroom", "catch-up", "alpha"]) == 1
    assert "can still be handed in" in capsys.readouterr().err
    manifest.write_text(text.replace("2030-01-05", "2020-01-05"))
    (world.course.root / "extensions.csv").write_text(
        "login,assignment,until,reason\nbob,first,2031-01-07T00:00:00Z,ill\n"
    )
    assert program.invoke(["classroom", "catch-up", "1"]) == 0
    out = capsys.readouterr().out
    assert "· bob: not before 2031-01-07 01:00 UTC" in out
    assert "work-ada: catch-up 01 offered" in out
    assert program.invoke(["classroom", "catch-up", "1", "--login", "eve"]) == 1
    assert "no repository here is eve's" in capsys.readouterr().err
    manifest.write_text(text.replace(WITH_DUE.removeprefix(SECTIONS), ""))
    assert program.invoke(["classroom", "catch-up", "1"]) == 1
    assert "type --anyway" in capsys.readouterr().err
    assert program.invoke(["classroom", "catch-up", "1", "--anyway", "--json", "-"]) == 0
    assert program.invoke(["classroom", "catch-up", "shoe"]) == 2


def test_due_is_the_last_of_all(world: World) -> None:
    module = world.course.module("01")

    def due(*assignments: Assignment, extensions: Sequence[Extension] = ()) -> datetime | None:
        return due_for(assignments, extensions, module, [ADA])

    def one(**given: object) -> Assignment:
        return Assignment("first", "F", ("alpha",), 1, **given)  # type: ignore[arg-type]

    assert due() is None
    assert due(one(due=DUE), one()) is None
    assert due(Assignment("other", "O", ("beta",), 1, due=DUE)) is None
    assert due(one(due=DUE), one(due=DUE + timedelta(1))) == DUE + timedelta(1)
    assert due(one(due=DUE, solutions_after=DUE + timedelta(9))) == DUE + timedelta(9)
    shorter = Extension(ADA, "first", DUE - timedelta(1), "a mistake")
    assert due(one(due=DUE, grace="30m"), extensions=[shorter]) == DUE + timedelta(minutes=30)


def test_hidden_tests_are_never_given(world: World) -> None:
    module = world.course.module("01")
    file = world.course.dev_file(module)
    file.write_text(DEV + "### BEGIN HIDDEN TESTS\nassert one() == 1\n### END HIDDEN TESTS\n# %%\n")
    assert given_file(world.course, module).data.decode() == DEV + "# %%\n"
    file.write_text(DEV + "### BEGIN MARK SCHEME\n")
    with pytest.raises(TitoError, match="has no end"):
        given_file(world.course, module)
    file.unlink()
    with pytest.raises(TitoError, match="not written yet"):
        given_file(world.course, module)


def test_rows_are_appended(tmp_path: Path) -> None:
    file = tmp_path / "catch-ups.csv"
    assert read_catch_ups(file, "c") == ()
    rows = [CatchUp(login, "01_alpha", DUE, "a" * 40) for login in (ADA, BOB)]
    note_catch_up(file, rows[0])
    first = file.read_bytes()
    note_catch_up(file, rows[1])
    assert file.read_bytes().startswith(first)
    assert read_catch_ups(file, "c") == tuple(rows)
    file.write_text("login,module,when,commit\nada,01_alpha,noon,x\n")
    with pytest.raises(RefusedError):
        read_catch_ups(file, "c")


def test_a_preview_is_what_a_student_gets(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, writes = tmp_path / "as-student", len(world.hub.writes)
    assert program.invoke(["classroom", "preview-as-student", "--output", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "Look at README.md first" in said
    assert f"→ cd {folder}" in said
    student = world.bare("work-ada")
    for branch in ("main", "feedback"):
        tree = f"{branch}^{{tree}}"
        assert git(folder, "rev-parse", tree) == git(student, "rev-parse", tree)
    assert git(folder, "rev-parse", "main^") == git(folder, "rev-parse", "feedback")
    assert git(folder, "status", "--porcelain", "--branch") == "## main"
    assert (folder / PATH).read_text() == STUB
    assert len(world.hub.writes) == writes
    assert program.invoke(["classroom", "preview-as-student", "--output", str(folder)]) == 1
    assert "something is there already" in capsys.readouterr().err
