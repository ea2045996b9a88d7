"""What GitHub has of a student is handed over, and what a term has left is deleted: that alone."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("openapi_core")

from bot import __main__ as program
from bot.classroom.copies import keep
from bot.classroom.forge import Forge
from tests.conftest import SmallCourse
from tests.integration.class_on_hub import World, git, world_in
from tito.errors import TitoError

ADA, BOB = "ada", "bob"


@pytest.fixture
def world(
    small: SmallCourse, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    with world_in(tmp_path_factory.mktemp("world"), small) as world:
        world.enter(monkeypatch)
        world.release()
        world.roster(ADA, BOB)
        assert run("provision") == 0
        yield world


def run(*arguments: str) -> int:
    return program.invoke(["classroom", *arguments])


def left(world: World) -> list[str]:
    return sorted(each.name for each in world.organisation.repositories())


def unpacked(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(file.read_bytes())) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.slow
def test_all_of_one_student_is_in_the_archive(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sha = world.work("work-ada", {"notes.md": "mine\n"})
    repository = world.hub.repository("acme/work-ada")
    repository.tag("submit/first", sha)
    repository.status(sha, "success", context="tito/feedback", description="all pass")
    repository.comment(1, "well done", "teacher")
    files = [tmp_path / "one.zip", tmp_path / "two.zip"]
    before = len(world.hub.writes)
    for file in files:
        assert run("export", "--login", "ADA", "--output", str(file)) == 0
    assert len(world.hub.writes) == before
    assert files[0].read_bytes() == files[1].read_bytes()
    found = unpacked(files[0])
    assert list(found) == sorted(found)
    assert found["roster.csv"] == b"login\nADA\n"
    [pull] = json.loads(found["pull-requests.json"])
    assert (pull["title"], pull["comments"][0]["body"]) == ("Feedback", "well done")
    assert json.loads(found["statuses.json"])[sha][0]["description"] == "all pass"
    assert json.loads(found["repository.json"])["name"] == "work-ada"
    (tmp_path / "all.bundle").write_bytes(found["repository.bundle"])
    git(tmp_path, "clone", "--quiet", "--mirror", "all.bundle", "all.git")
    held = git(tmp_path / "all.git", "for-each-ref", "--format=%(refname) %(objectname)")
    there = git(world.bare("work-ada"), "for-each-ref", "--format=%(refname) %(objectname)")
    assert held == there
    assert run("export", "--login", ADA, "--output", str(files[0])) == 1
    assert "it is there already" in capsys.readouterr().err
    assert run("export", "--login", "eve", "--output", str(tmp_path / "no.zip")) == 1
    assert run("export", "--login", ADA, "--output", str(tmp_path / "no" / "no.zip")) == 1


@pytest.mark.slow
def test_who_left_the_roster_and_who_shares_is_exported_too(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world.roster("cam,red", "dora,red", columns="login,group")
    assert run("provision") == 0
    assert run("export", "--login", ADA, "--output", str(tmp_path / "a.zip")) == 0
    assert run("export", "--login", "cam", "--output", str(tmp_path / "c.zip")) == 0
    assert "the work of dora is in it too" in capsys.readouterr().out
    world.hub.repository("acme/work-ada").bare.git("update-ref", "-d", "refs/heads/main")  # type: ignore[union-attr]
    world.hub.repository("acme/work-ada").bare.git("update-ref", "-d", "refs/heads/feedback")  # type: ignore[union-attr]
    assert run("export", "--login", ADA, "--output", str(tmp_path / "empty.zip")) == 0
    assert "repository.bundle" not in unpacked(tmp_path / "empty.zip")


def test_a_purge_needs_the_term_the_number_and_a_word_on_copies(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = left(world)
    keep_in = ("--keep", str(tmp_path / "kept"))
    assert run("purge", "--term", "autumn-2026", "--yes-delete", "2") == 2
    assert run("purge", "--term", "autumn-2026", *keep_in, "--without-copies") == 2
    assert run("purge", "--term", "autumn", *keep_in, "--yes-delete", "2") == 1
    assert "there are: autumn-2026" in capsys.readouterr().err
    assert run("purge", "--term", "autumn-2026", *keep_in, "--yes-delete", "3") == 1
    assert "type --yes-delete 2" in capsys.readouterr().err
    assert run("purge", "--term", "autumn-2026", *keep_in) == 1
    assert run("purge", "--term", "autumn-2026", *keep_in, "--dry-run") == 0
    assert "work-ada: deleted" in capsys.readouterr().out
    assert left(world) == before
    assert not (tmp_path / "kept").exists()


def test_only_that_terms_repositories_go_and_a_copy_stays(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sha = world.work("work-ada", {"notes.md": "mine\n"})
    other = world.hub.repository("acme/work-old", private=True)
    other.description = "Small, spring-2026: old [77]"
    tricked = world.hub.repository("acme/work-eve", private=True)
    tricked.description = "Smaller, autumn-2026: eve [78]"
    kept = tmp_path / "kept"
    words = ("purge", "--term", "autumn-2026", "--keep", str(kept))
    assert run(*words, "--yes-delete", "2") == 0
    assert left(world) == ["template", "work-eve", "work-old"]
    names = sorted(file.name for file in kept.iterdir())
    assert [name.rpartition("-")[0] for name in names] == ["work-ada", "work-bob"]
    git(tmp_path, "clone", "--quiet", str(kept / names[0]), "ada")
    assert git(tmp_path / "ada", "rev-parse", "origin/main") == sha
    assert run(*words, "--yes-delete", "2") == 1
    assert run(*words, "--yes-delete", "0") == 0
    # Another term than that of classroom.yml has to be named exactly.
    capsys.readouterr()
    assert run("purge", "--term", "spring-2026", "--without-copies", "--yes-delete", "1") == 0
    assert left(world) == ["template", "work-eve"]


def test_a_purge_that_was_stopped_goes_on(world: World, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    words = ("purge", "--term", "autumn-2026", "--keep", str(kept))
    world.hub.fail(1, 403, method="DELETE", message="Must have admin rights to Repository.")
    assert run(*words, "--yes-delete", "2") == 1
    [name] = [each for each in left(world) if each.startswith("work")]
    world.work(name, {"late.md": "pushed since\n"})
    assert run(*words, "--yes-delete", "1") == 0
    # The first copy of it was not overwritten by the second.
    assert len(list(kept.glob(f"{name}-*.bundle"))) == 2
    assert left(world) == ["template"]


def test_what_became_another_repository_meanwhile_is_left_alone(world: World) -> None:
    repository = world.hub.repository("acme/work-ada")
    renamed = world.hub.repository("acme/work-bob")

    def meanwhile() -> None:
        repository.description = "Somebody's own"
        world.hub.state.delete_repository(renamed)

    world.hub.before(meanwhile, method="GET", path="/repos/acme/work-")
    words = ("purge", "--term", "autumn-2026", "--without-copies", "--yes-delete", "2")
    assert run(*words) == 1
    assert left(world) == ["template", "work-ada"]


def test_a_copy_must_be_what_the_repository_holds(world: World, tmp_path: Path) -> None:
    address = world.bare("work-ada").as_uri()
    empty = world.hub.repository("acme/empty", private=True)

    class Pushed(Forge):
        """Somebody pushes while it copies."""

        def mirror(self, address: str, folder: Path) -> None:
            super().mirror(address, folder)
            world.work("work-ada", {"late.md": "late\n"})

    class Stale(Forge):
        """What it is told first is not there any more."""

        def refs(self, address: str) -> dict[str, str]:
            return {**super().refs(address), "refs/heads/gone": "0" * 40}

    def forge(kind: type[Forge]) -> Forge:
        folder = tmp_path / kind.__name__
        folder.mkdir()
        return kind(folder, lambda: "token", world.hub.url)

    with pytest.raises(TitoError, match="somebody pushes"):
        keep(forge(Pushed), "work-ada", address, tmp_path / "kept")
    with pytest.raises(TitoError, match="is not what the repository holds"):
        keep(forge(Stale), "work-ada", address, tmp_path / "kept")
    assert list((tmp_path / "kept").iterdir()) == []
    (tmp_path / "file").write_text("in the way")
    plain = forge(Forge)
    with pytest.raises(TitoError, match="cannot keep a copy"):
        keep(plain, "work-ada", address, tmp_path / "file")
    assert keep(plain, "empty", world.bare(empty).as_uri(), tmp_path / "kept") is None
    first = keep(plain, "work-ada", address, tmp_path / "kept")
    assert first == keep(plain, "work-ada", address, tmp_path / "kept")
