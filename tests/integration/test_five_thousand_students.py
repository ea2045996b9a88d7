"""A class of five thousand, within GitHub's limits, on a clock that does not wait.

Git is the only stand-in: five thousand real repositories take minutes, and are tried elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("openapi_core")

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.classroom.doctor import require
from bot.classroom.plan import plan_of, work_of
from bot.classroom.provision import Provisioner, lately
from bot.classroom.session import Session, opened
from bot.clock import Clock
from bot.credentials import PERMISSIONS
from bot.errors import LaterError
from bot.localhub import LocalHub
from bot.pace import RESERVE
from tests.conftest import SmallCourse
from tests.integration.class_on_hub import DEV, SECTIONS
from tito.course import Course, load
from tito.roster import read_roster

STUDENTS = 5_000
A_DAY = 86_400


@dataclass
class Hours:
    """A clock that waits by saying that it has waited. Every look at it takes a moment."""

    seconds: float = 1_900_000_000.0
    slept: float = 0.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.slept += seconds


class NoGit:
    """What git would do to the repositories of the hub."""

    def __init__(self, hub: LocalHub, hours: Hours) -> None:
        self.hub, self.hours, self.pushes = hub, hours, 0

    def refs(self, address: str) -> Mapping[str, str]:
        return {f"refs/heads/{n}": sha for n, sha in self._repository(address).branches.items()}

    def fetch(self, address: str, *refs: str, depth: int = 0) -> None:
        self.hours.seconds += 0.2

    def root(self, sha: str) -> str:
        return sha

    def tree(self, sha: str) -> str:
        return sha

    def empty_commit(self, parent: str, message: str) -> str:
        return hashlib.sha1(f"{parent} {message}".encode()).hexdigest()

    def push(self, address: str, refs: Mapping[str, tuple[str, str]]) -> None:
        self.hours.seconds += 0.3
        self.pushes += 1
        for ref, (sha, before) in refs.items():
            branch = ref.removeprefix("refs/heads/")
            repository = self._repository(address)
            assert repository.branches.get(branch, "") == before
            repository.push(branch, sha)

    def _repository(self, address: str):
        owner, name = address.removesuffix(".git").split("/")[-2:]
        return self.hub.state.find(owner, name)


@pytest.fixture
def course(small: SmallCourse) -> Course:
    small.add("alpha", DEV)
    root = small.load().root
    with (root / "classroom.yml").open("a", encoding="utf-8") as file:
        file.write(SECTIONS)
    rows = "\n".join(f"student-{n:04}" for n in range(STUDENTS))
    (root / "roster.csv").write_text(f"login\n{rows}\n")
    return load(root)


@pytest.fixture
def hours() -> Hours:
    return Hours()


@pytest.fixture
def hub(hours: Hours) -> Iterator[LocalHub]:
    with LocalHub(clock=hours.now, checked=False) as hub:
        acme = hub.organisation("acme")
        acme.add("teacher", "admin")
        acme.lock_down()
        template = hub.repository("acme/template", private=True)
        template.is_template = True
        template.push("main", "a" * 40)
        hub.limits.enforce(invitations_a_day=500)
        yield hub


def credentials(hub: LocalHub) -> dict[str, str]:
    """Of an app whose tokens live an hour."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    may = {name.replace("_", "-"): level for name, level in PERMISSIONS["provision"].items()}
    installation = hub.install("course", hub.organisation("acme"), may, public.decode())
    return {
        "GITHUB_API_URL": hub.url,
        "GITHUB_SERVER_URL": hub.url,
        "TITO_APP_ID": str(installation.app.id),
        "TITO_APP_KEY": private.decode(),
        "TITO_SECONDS_BETWEEN_WRITES": "0",
        "TITO_LONGEST_WAIT": "300",
    }


def provisioned(session: Session) -> None:
    require(session)
    lately(session.course, session.repositories, session.pace, session.clock)
    clock = session.clock
    provisioner = Provisioner(session.course, session.door, session.forge, clock=clock)
    for step in provisioner.run(session.wanted(), session.repositories):
        assert not step.failed, step


@pytest.mark.slow
def test_five_thousand_students_are_provisioned_without_running_into_a_limit(
    hub: LocalHub, hours: Hours, course: Course, tmp_path: Path
) -> None:
    environment, git = credentials(hub), NoGit(hub, hours)
    for n in range(STUDENTS):
        hub.state.user(f"student-{n:04}")
    began, stops = hours.seconds, 0
    clock = Clock(hours.now, hours.sleep)
    students = read_roster(course.root / "roster.csv", "roster.csv")
    work = work_of(students, [])
    plan = plan_of(work, (), clock.moment(), invitations_a_day=500 - RESERVE)
    while True:
        with opened(course, "provision", environment, clock) as session:
            session.forge = git  # type: ignore[assignment]
            try:
                provisioned(session)
                break
            except LaterError as error:
                stops += 1
                assert error.until.timestamp() > hours.seconds
                hours.seconds = error.until.timestamp() + 60
        for repository in hub.organisation("acme").repositories():
            for invitation in [*repository.invitations.values()]:
                repository.accept(invitation.invitee.login)
    days = (hours.seconds - began) / A_DAY
    made = [r for r in hub.organisation("acme").repositories() if r.name.startswith("work-")]
    assert len(made) == STUDENTS
    assert all(len(repository.pulls) == 1 for repository in made)
    assert len(hub.writes) == 3 * STUDENTS + len(
        [w for w in hub.writes if "access_tokens" in w.path]
    )
    assert git.pushes == STUDENTS
    assert hub.limits.broken == []
    assert hub.pressed == []
    assert stops >= 9  # 500 invitations a day: somebody is invited on each of ten days
    # As printed beforehand: the plan counts in whole hours.
    assert plan.writes == 4 * STUDENTS
    assert abs(plan.done_after / 1440 - days) < 2 / 24
    print(
        f"{stops} stops, {days:.2f} days, {len(hub.requests)} requests, {hours.slept:.0f} s slept"
    )
