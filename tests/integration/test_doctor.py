"""What stands in the way of a class is found, with what mends it, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("openapi_core")

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot import __main__ as program
from bot.classroom.doctor import MUST_BE, examine_all
from bot.classroom.session import opened
from bot.localhub.organisation import OPEN
from tests.conftest import SmallCourse
from tests.integration.class_on_hub import SECTIONS, TEACHER, World, git, world_in
from tito.report import Finding

PEM = serialization.Encoding.PEM


@pytest.fixture
def world(
    small: SmallCourse, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """An organisation in which all is well, and one student."""
    with world_in(tmp_path_factory.mktemp("world"), small) as world:
        world.enter(monkeypatch)
        world.release()
        world.hub.repository("acme/tools", private=True).access_level = "organization"
        world.roster("ada")
        yield world


def doctor(*arguments: str) -> int:
    return program.invoke(["classroom", "doctor", *arguments])


def found(world: World, token: str = "") -> list[Finding]:
    given = {**world.environment, **({"GITHUB_TOKEN": token} if token else {})}
    with opened(world.course, "look", given) as session:
        findings = examine_all(session)
    assert world.hub.writes == []
    return findings


def test_a_locked_down_organisation_passes(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert doctor() == 0
    assert "✓ acme is ready for this class" in capsys.readouterr().out
    assert doctor("--json", "-") == 0
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.slow
def test_each_open_setting_is_found_and_stops_provisioning(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = world.organisation.settings
    for name, (wanted, _) in MUST_BE.items():
        settings[name] = OPEN[name] if OPEN[name] != wanted else True
        [finding] = found(world)
        assert finding.rule == "organisation"
        assert name in finding.message
        assert "gh api -X PATCH orgs/acme" in finding.hint or "Member privileges" in finding.hint
        assert program.invoke(["classroom", "provision"]) == 1
        assert "nothing was written" in capsys.readouterr().err
        settings[name] = wanted
    assert world.hub.writes == []
    del settings["members_can_fork_private_repositories"]
    [finding] = found(world)
    assert finding.rule == "organisation-unseen"


def secret(world: World) -> None:
    world.organisation.secret("KEY", "all")


def free(world: World) -> None:
    world.organisation.plan = "free"


def public(world: World) -> None:
    world.hub.repository("acme/tools").private = False


def closed(world: World) -> None:
    world.hub.repository("acme/tools").access_level = "none"


def plain(world: World) -> None:
    world.hub.repository("acme/template").is_template = False


def unreleased(world: World) -> None:
    world.work("template", {"more.txt": "by hand\n"})


def nobody(world: World) -> None:
    (world.course.root / "roster.csv").write_text("login\nnobody\n")


def empty(world: World) -> None:
    (world.course.root / "roster.csv").write_text("login\n")


def broken(world: World) -> None:
    (world.course.root / "roster.csv").write_text("login,shoe\nada,42\n")


def missing(world: World) -> None:
    (world.course.root / "roster.csv").unlink()


def unpublished(world: World) -> None:
    world.hub.state.delete_repository(world.hub.repository("acme/template"))


@pytest.mark.parametrize(
    ("plant", "rule", "severity", "hint"),
    [
        (secret, "organisation-secret", "error", "gh secret set KEY"),
        (free, "plan", "warning", "Team"),
        (public, "public", "error", "gh repo edit acme/tools --visibility private"),
        (closed, "tools-closed", "error", "classroom publish"),
        (plain, "template", "error", "classroom publish"),
        (unreleased, "template", "error", "classroom publish"),
        (nobody, "roster-login", "error", "github_id"),
        (empty, "roster", "warning", "a login a line"),
        (broken, "roster", "error", "known: login"),
        (missing, "roster", "error", "make it with the columns"),
        (unpublished, "published", "error", "classroom publish"),
    ],
    ids=lambda given: getattr(given, "__name__", None),
)
def test_each_planted_fault_is_found(
    world: World, plant: Callable[[World], None], rule: str, severity: str, hint: str
) -> None:
    plant(world)
    [finding] = found(world)
    assert (finding.rule, finding.severity) == (rule, severity)
    assert hint in finding.hint


def test_the_course_must_be_closed_to_students_workflows(
    small: SmallCourse, tmp_path_factory: pytest.TempPathFactory
) -> None:
    sections = SECTIONS.replace("classroom:\n", "classroom:\n  course: acme/course\n", 1)
    with world_in(tmp_path_factory.mktemp("world"), small, sections) as world:
        world.roster("ada")
        course = world.hub.repository("acme/course", private=True)
        world.release()
        world.hub.repository("acme/tools", private=True).access_level = "organization"
        assert found(world) == []
        course.access_level = "organization"
        [finding] = found(world)
        assert finding.rule == "course-open"
        assert finding.hint.endswith("-f access_level=none")


MISSING = {
    "organization-administration": ("organisation-unseen", "no owner's of acme"),
    "organization-secrets": ("organisation-unseen", "secrets"),
    "members": ("token-reach", "may not read members"),
    "contents": ("token-reach", "may not read contents"),
    "pull-requests": ("token-reach", "may not read pull requests"),
    "statuses": ("token-reach", "may not read commit statuses"),
    "administration": ("token-reach", "may not read administration"),
}


@pytest.mark.slow
def test_each_missing_permission_is_named(world: World) -> None:
    for permission, (rule, said) in MISSING.items():
        held: dict[str, Any] = {
            name: level for name, level in TEACHER.items() if name != permission
        }
        [finding] = found(world, world.hub.token(held, login="teacher"))
        assert finding.rule == rule
        assert said in finding.message


@pytest.mark.slow
def test_an_app_is_asked_for_a_token_of_each_job(world: World) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(
        PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    held: dict[str, Any] = {**TEACHER, "metadata": "read"}
    installation = world.hub.install("keeper", world.organisation, held, public.decode())
    given = {name: value for name, value in world.environment.items() if name != "GITHUB_TOKEN"}
    given |= {"TITO_APP_ID": str(installation.app.id), "TITO_APP_KEY": private.decode()}
    with opened(world.course, "look", given) as session:
        assert examine_all(session) == []
    narrow = {name: level for name, level in held.items() if name != "workflows"}
    other = world.hub.install("narrow", world.organisation, narrow, public.decode())
    given["TITO_APP_ID"] = str(other.app.id)
    with opened(world.course, "look", given) as session:
        findings = examine_all(session)
    assert [each.rule for each in findings] == ["token-reach"] * 3
    assert "for the job 'publish'" in findings[0].message
    assert "workflows: write" in findings[0].hint


def test_a_member_who_is_no_owner_is_told_so(world: World) -> None:
    world.organisation.add("helper", "member")
    findings = found(world, world.hub.token(TEACHER, login="helper"))
    assert "no owner's of acme" in findings[0].message
    stranger = found(world, world.hub.token(TEACHER, login="stranger"))
    assert {"organisation-unseen", "token-reach", "published"} <= {each.rule for each in stranger}


def test_more_logins_than_an_hour_has_requests_for(world: World) -> None:
    world.hub.rate_limit(4000, path="/users/")
    [finding] = found(world)
    assert (finding.rule, finding.severity) == ("roster", "warning")
    assert "not every login" in finding.message


def test_classroom_50_needs_a_plan(world: World) -> None:
    world.organisation.plan = "free"
    text = (world.course.root / "classroom.yml").read_text()
    (world.course.root / "classroom.yml").write_text(
        text.replace("organisation: acme", "organisation: acme\n  provider: classroom50")
    )
    assert doctor() == 1


def test_an_organisation_must_be_named(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    text = (world.course.root / "classroom.yml").read_text()
    (world.course.root / "classroom.yml").write_text(text.replace("  organisation: acme\n", ""))
    assert doctor() == 1
    assert "no organisation is named" in capsys.readouterr().err


def test_a_course_that_has_moved_on_is_told_to_publish(world: World) -> None:
    root = world.course.root
    git(root, "init", "--quiet")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "The course")
    [finding] = found(world)
    assert "another history" in finding.message
    world.release(source=git(root, "rev-parse", "HEAD"))
    assert found(world) == []
    dev = root / "modules/source/01_alpha/alpha_dev.py"
    dev.write_text(dev.read_text() + "\n")
    git(root, "commit", "--quiet", "--all", "--message", "A line more")
    [finding] = found(world)
    assert finding.rule == "template-old"
    assert "1 file(s) have changed, modules/source/01_alpha/alpha_dev.py first" in finding.message


def test_the_plan_is_said_without_a_write(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.roster("ada", "bob")
    assert program.invoke(["classroom", "plan"]) == 0
    said = capsys.readouterr().out
    assert "writes: 8, 6 of them requests" in said
    assert "498 invitations a day" in said
    assert "Actions: about 10 minutes a month" in said
    assert program.invoke(["classroom", "plan", "--json", "-", "--pushes-per-module", "1000"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["work"] == {"invitations": 2, "repositories": 2, "students": 2, "there": 0}
    # 2 students, a module, 1,000 pushes, 2 minutes, 4 months
    assert told["actions_a_month"] == 1000
    assert program.invoke(["classroom", "plan", "--pushes-per-module", "9999"]) == 0
    assert "run_on: tag" in capsys.readouterr().out
    assert world.hub.writes == []
