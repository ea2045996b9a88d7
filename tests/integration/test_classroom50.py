"""The course is written into Classroom 50's repository once, on top of what others wrote there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("openapi_core")

from bot import git
from bot.classroom.providers import config_repository, provider_of
from bot.classroom.providers.classroom50 import MARK, Classroom50, record_grades
from bot.classroom.session import Session, opened
from bot.classroom.steps import Step
from bot.git import File
from bot.localhub.repository import Repository
from tests.conftest import ROOT, SmallCourse
from tests.integration.class_on_hub import SECTIONS, World, world_in
from tests.unit.results_of_ada import SOURCE, result
from tito import leaks
from tito.errors import RefusedError, TitoError
from tito.result_formats import decode_v1
from tito.results import Source

CONFIG = SECTIONS.replace("classroom:", "classroom:\n  provider: classroom50")
SOLUTION = '    command = [sys.executable, "-m", "tito", "module", "test", number, "--json", "-"]'
DEV = """\
# %% nbgrader={"grade": false, "grade_id": "alpha-one", "locked": false, "schema_version": 3, "solution": true}
#| default_exp core.alpha
#| export
def one():
    \"\"\"One.\"\"\"
    BEGIN_SOLUTION
    return 1
    END_SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-one", "locked": true, "points": 3, "schema_version": 3, "solution": false}
def test_one():
    assert one() == 1
    HIDDEN_BEGIN
    assert one() + one() == 2, "the sum of two ones is what is hidden here"
    HIDDEN_END

test_one()

# %% nbgrader={"grade": true, "grade_id": "test-two", "locked": true, "points": 2, "schema_version": 3, "solution": false}
def test_two():
    assert one() == 2

test_two()

# %% nbgrader={"grade": true, "grade_id": "secret", "locked": true, "points": 1, "schema_version": 3, "solution": false}
HIDDEN_BEGIN
def test_secret_of_the_course():
    assert one() != 3
HIDDEN_END
"""
FULL = (
    DEV.replace("BEGIN_SOLUTION", "### BEGIN SOLUTION").replace("END_SOLUTION", "### END SOLUTION")
    .replace("HIDDEN_BEGIN", "### BEGIN HIDDEN TESTS").replace("HIDDEN_END", "### END HIDDEN TESTS")
)  # fmt: skip
RELEASED = (
    DEV.replace("    BEGIN_SOLUTION\n    return 1\n    END_SOLUTION", "    raise NotImplementedError")
    .replace('{"grade": false', '{"checksum": "0", "grade": false')
    .split("    HIDDEN_BEGIN")[0] + "\ntest_one()\n\n# %%" + DEV.split("# %%", 3)[3].split("HIDDEN_BEGIN")[0]
)  # fmt: skip
DEV_PATH = "modules/source/01_alpha/alpha_dev.py"


@pytest.fixture
def world(small: SmallCourse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world_in(tmp_path_factory.mktemp("world"), small, CONFIG) as world:
        (world.course.root / DEV_PATH).write_text(FULL, encoding="utf-8")
        world.release(**{DEV_PATH.replace("/", "__"): RELEASED})
        world.roster("ada,Ada Lovelace,ada@example.invalid", "bob,Bob,", columns="login,name,email")
        yield world


@contextmanager
def session_in(world: World) -> Iterator[Session]:
    with opened(world.course, "publish", world.environment) as session:
        yield session


def set_up(world: World, **files: str) -> Repository:
    """What Classroom 50 makes of an organisation, as far as it matters here."""
    config = world.hub.repository("acme/classroom50", private=True)
    contents = {"README.md": "Theirs\n", ".github/scripts/runner.py": "theirs()\n", **files}
    made = {path: File("100644", text.encode()) for path, text in contents.items()}
    git.commit(world.bare(config), "refs/heads/main", "Set up", made)
    return config


def publish(world: World, *, dry_run: bool = False) -> list[Step]:
    with session_in(world) as session:
        return list(provider_of(world.course).publish(session, dry_run=dry_run))


def held(world: World) -> dict[str, bytes]:
    files = git.files(world.bare("classroom50"), "main")
    return {path: file.data for path, file in files.items()}


def count(world: World) -> int:
    return int(git.text(world.bare("classroom50"), "rev-list", "--count", "main"))


def test_the_course_is_written_in_one_commit_and_not_again(world: World) -> None:
    set_up(world)
    assert publish(world, dry_run=True)
    assert count(world) == 1
    (step,) = publish(world)
    assert step.repository == "classroom50"
    assert "assignments.json" in step.what
    files = held(world)
    assert files["README.md"] == b"Theirs\n"
    assert sorted(path for path in files if path.startswith("autumn-2026/")) == [
        "autumn-2026/assignments.json", "autumn-2026/autograders/work/autograder.py",
        "autumn-2026/classroom.json", "autumn-2026/roster.csv", "autumn-2026/scores.json",
    ]  # fmt: skip
    assert (count(world), publish(world), count(world)) == (2, [], 2)
    world.roster("ada,Ada Lovelace,ada@example.invalid", "cam,,", columns="login,name,email")
    (step,) = publish(world)
    assert step.what == "autumn-2026: roster.csv written"
    # Writes through the API: none. git pushed twice, and forced nothing.
    assert world.hub.writes == []


def test_nothing_but_logins_and_numbers_of_the_roster_leaves_the_course(world: World) -> None:
    set_up(world)
    publish(world)
    bare = world.bare("classroom50")
    everything = git.run(bare, "log", "--patch", "--all")
    assert b"ada," in everything
    for private in (b"Lovelace", b"example.invalid"):
        assert private not in everything


def test_what_is_published_leaks_nothing_and_names_no_hidden_test(world: World) -> None:
    set_up(world)
    publish(world)
    files = held(world)
    secrets = leaks.secrets_of(world.course, released=[RELEASED])
    assert leaks.search_files(secrets, {"planted.py": FULL.encode()}) != ()
    assert leaks.search_files(secrets, files) == ()
    text = files["autumn-2026/autograders/work/autograder.py"].decode()
    assert "01_alpha test-one" in text
    for hidden in ("test_secret", '"01_alpha secret"', "hidden here", "return 1"):
        assert hidden not in text


def test_a_leak_is_refused_and_nothing_written(world: World) -> None:
    set_up(world)
    text = FULL.replace("    return 1", f"{SOLUTION}\n    return 1")
    (world.course.root / DEV_PATH).write_text(text, encoding="utf-8")
    with pytest.raises(RefusedError, match="a leak"):
        publish(world)
    assert count(world) == 1


def test_without_the_repository_it_is_said_what_to_do(world: World) -> None:
    with pytest.raises(TitoError) as caught:
        publish(world)
    assert "gh teacher init acme" in caught.value.hint
    config = world.hub.repository("acme/classroom50", private=True)
    with pytest.raises(TitoError, match="holds no branch"):
        publish(world)
    config.private = False
    with pytest.raises(TitoError, match="is public"):
        publish(world)


def test_a_dry_run_before_there_is_a_template_says_what_will_be(world: World) -> None:
    set_up(world)
    world.hub.repository("acme/template").name = "elsewhere"
    assert [step.what for step in publish(world, dry_run=True)] == [
        "written, once there is a template"
    ]
    with pytest.raises(TitoError, match="there is no template yet"):
        publish(world)


# Others write there as well


def somebody_pushes(world: World, name: str) -> None:
    bare = world.bare("classroom50")
    git.commit(
        bare, "refs/heads/main", "Theirs", {name: File("100644", b"x")}, parent="main", keep=True
    )


def test_who_was_slower_looks_again_and_keeps_everything(world: World) -> None:
    set_up(world)
    calls: list[int] = []

    def build(there: Mapping[str, bytes]) -> dict[str, bytes]:
        calls.append(len(there))
        if len(calls) == 1:
            somebody_pushes(world, "their/roster.csv")
        return {"ours": b"1"}

    with session_in(world) as session:
        assert config_repository.write(session, "Ours\n", build) == ("ours",)
        assert config_repository.write(session, "Ours\n", lambda _: {"ours": b"1"}) == ()
    assert calls == [2, 3]
    assert {"ours", "their/roster.csv", "README.md"} <= set(held(world))
    assert git.text(world.bare("classroom50"), "log", "-1", "--format=%cI")[:4] > "2000"


def test_who_is_always_slower_says_so(world: World) -> None:
    set_up(world)

    def build(there: Mapping[str, bytes]) -> dict[str, bytes]:
        somebody_pushes(world, f"their/{len(there)}")
        return {"ours": b"1"}

    with session_in(world) as session, pytest.raises(TitoError, match="all the time"):
        config_repository.write(session, "Ours\n", build)


def test_a_push_that_is_refused_is_no_race(world: World) -> None:
    set_up(world)
    hook = world.bare("classroom50") / "hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    hook.chmod(0o755)
    with session_in(world) as session, pytest.raises(TitoError, match="push failed"):
        config_repository.write(session, "Ours\n", lambda _: {"ours": b"1"})


def test_a_repository_inside_the_repository_stays(world: World) -> None:
    config = set_up(world)
    bare = world.bare(config)
    link = b"commit refs/heads/main\ncommitter T <t@localhost> 1 +0000\ndata 0\nfrom refs/heads/main^0\n"
    link += b"M 160000 " + b"a" * 40 + b" inner\n"
    git.run(bare, "fast-import", "--quiet", "--force", given=link)
    publish(world)
    assert "160000 commit" in git.text(bare, "ls-tree", "main", "inner")


# Grades


def test_grades_are_written_as_overrides(world: World) -> None:
    set_up(world)
    publish(world)
    with session_in(world) as session:
        assert list(record_grades(session, [result()], dry_run=True))
        assert count(world) == 2
        (step,) = record_grades(session, [result()])
        assert step.what == "autumn-2026/scores.json: 1 grades written"
        assert list(record_grades(session, [result()])) == []
    scores = json.loads(held(world)["autumn-2026/scores.json"])
    (entry,) = scores["assignments"]["work"]["entries"]
    assert (entry["owner"], entry["override"], entry["submissions"][0]["score"]) == ("ada", True, 4)


def test_the_mark_stands_in_every_repository(world: World) -> None:
    pytest.importorskip("bot.classroom.workflow")
    files = Classroom50().files(world.course, "acme/tools", "a" * 40)
    assert json.loads(files[MARK])["classroom"] == "autumn-2026"


# The autograder


@pytest.fixture
def graded(world: World, tmp_path: Path) -> Callable[..., dict[str, object]]:
    """Runs the published script in a student's checkout; returns result.json."""
    set_up(world)
    publish(world)
    script = tmp_path / "bundle/autograder.py"
    script.parent.mkdir()
    script.write_bytes(held(world)["autumn-2026/autograders/work/autograder.py"])

    def run(solution: str, **given: str) -> dict[str, object]:
        checkout = tmp_path / "checkout"
        shutil.copytree(world.course.root, checkout, dirs_exist_ok=True)
        text = RELEASED.replace("raise NotImplementedError", solution)
        (checkout / DEV_PATH).write_text(text, encoding="utf-8")
        if not (checkout / "tito").exists():
            (checkout / "tito").symlink_to(ROOT / "tito")
            made = {"README.md": File("100644", b"x")}
            git.run(None, "init", "--quiet", "--initial-branch", "main", str(checkout))
            git.commit(checkout, "refs/heads/main", "Work", made, seconds=1793487598)
        address = f"https://github.example/acme/x/commit/{SOURCE.commit}"
        environment = {
            "PATH": os.environ["PATH"], "CLASSROOM": "autumn-2026", "ASSIGNMENT": "work",
            "ASSIGNMENT_TYPE": "individual", "USERNAME": "ada", "SUBMISSION_TAG": "submit/x",
            "COMMIT_URL": address, "RELEASE_URL": "https://github.example/r",
            "GITHUB_TOKEN": "ghs_secret", **given,
        }  # fmt: skip
        command = [sys.executable, str(script)]
        subprocess.run(command, cwd=checkout, env=environment, check=True, capture_output=True)
        data = (checkout / "result.json").read_bytes()
        decode_v1(data, Source("autumn-2026", "work", "individual", "ada", SOURCE.commit))
        content: dict[str, object] = json.loads(data)
        return content

    return run


@pytest.mark.slow
def test_the_autograder_runs_what_a_student_can_see(
    graded: Callable[..., dict[str, object]],
) -> None:
    good = graded("return 1", GITHUB_REF="refs/heads/main")
    assert (good["score"], good["max-score"], good["datetime"]) == (3, 5, "2026-10-31T22:59:58Z")
    assert good["tests"] == [
        {"test-name": "01_alpha test-one", "passed": True, "score": 3, "max-score": 3},
        {"test-name": "01_alpha test-two", "passed": False, "score": 0, "max-score": 2},
    ]
    broken = graded("return (", GITHUB_REF="refs/tags/submit/first")
    assert (broken["score"], broken["max-score"]) == (0, 5)
