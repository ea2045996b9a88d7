"""The commands of a class in a process that is killed after a write, and what they leave."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bot.localhub import LocalHub
from bot.localhub.answers import ApiError, Message
from tests.integration.class_on_hub import World, git
from tests.integration.client import Client

HOOK = """\
#!/bin/sh
echo pushed >>"$PUSHES"
[ "$(wc -l <"$PUSHES")" != "$KILL_AT_PUSH" ] || kill -9 "$CLIENT_PID"
"""
LONGEST = 40
"""So many times a command may be started until it ends by itself."""


@dataclass
class Killer:
    """Runs commands until they are through, and kills them where it is told to."""

    client: Client
    world: World
    at_write: list[int] = field(default_factory=list)
    """Each kill comes after so many more writes to the API."""
    at_push: int = 0
    kills: int = 0

    def __post_init__(self) -> None:
        self._pushes = self.world.folder / "pushes"
        hooks = self.world.folder / "hooks"
        hooks.mkdir(exist_ok=True)
        (hooks / "post-receive").write_text(HOOK)
        (hooks / "post-receive").chmod(0o755)
        settings = self.world.folder / "gitconfig"
        settings.write_text(f"[core]\n\thooksPath = {hooks}\n")
        self.environment = {
            **self.world.environment,
            "GIT_CONFIG_GLOBAL": str(settings),
            "PUSHES": str(self._pushes),
            "KILL_AT_PUSH": str(self.at_push),
        }
        self._arm()

    @property
    def pushes(self) -> int:
        return len(self._pushes.read_text().splitlines()) if self._pushes.exists() else 0

    def run(self, *arguments: str) -> str:
        """A command, started again as long as it is killed."""
        for _ in range(LONGEST):
            code, output = self.client.run(
                self.world.course.root, self.environment, "classroom", *arguments, started=self._aim
            )
            if code != -signal.SIGKILL:
                assert code == 0, output
                return output
            self.kills += 1
        raise AssertionError("it was killed again and again")

    def _aim(self, process: int) -> None:
        self._process = process

    def _arm(self) -> None:
        if self.at_write:
            self.world.hub.after_write(self.at_write.pop(0), self._kill)

    def _kill(self) -> None:
        os.kill(self._process, signal.SIGKILL)
        self._arm()


def every_request_fails_once(monkeypatch: Any, *, lost: bool) -> set[tuple[str, str, bytes]]:
    """Refused before anything is done; or, with `lost`, done and never answered.

    Returns the set of requests, which grows as they come.
    """
    seen: set[tuple[str, str, bytes]] = set()
    answer = LocalHub.answer

    def failing(hub: LocalHub, method: str, target: str, request: Message) -> Message | None:
        key = (method, target, request.body)
        first = key not in seen
        seen.add(key)
        if first and not lost:
            return hub._message(ApiError(502, "Bad Gateway").answer(), request)
        answered = answer(hub, method, target, request)
        return None if first else answered

    monkeypatch.setattr(LocalHub, "answer", failing)
    return seen


def through_the_term(killer: Killer, students: list[str]) -> None:
    """Provision, work, a new release, updates, a changed roster, and all of it once more."""
    world = killer.world
    world.release()
    world.roster(*students)
    killer.run("provision")
    world.work(f"work-{students[0]}", {"README.md": "My own\n", "mine.txt": "work\n"})
    world.release(README__md="Welcome again\n", more__txt="More\n")
    killer.run("update")
    world.hub.repository(f"acme/work-{students[1]}").pulls[2].merge()
    rows = [f"{login},active" for login in students[:-1]]
    world.roster(*rows, f"{students[-1]},dropped", "latecomer,active", columns="login,status")
    killer.run("provision")
    killer.run("update")
    killer.run("status")


def state_of(world: World) -> dict[str, Any]:
    """All that a class consists of, without what differs from run to run: ids and commits."""
    return {each.name: _of_repository(world, each) for each in world.organisation.repositories()}


def _of_repository(world: World, repository: Any) -> dict[str, Any]:
    bare = world.bare(repository)
    refs = git(bare, "for-each-ref", "--format=%(refname)").split("\n")
    name: Callable[[str], str] = lambda sha: git(bare, "rev-parse", f"{sha}^{{tree}}")  # noqa: E731
    return {
        "private": repository.private,
        "description": (repository.description or "").partition(" [")[0],
        "refs": {ref: name(ref) for ref in refs if ref},
        "commits": {ref: git(bare, "rev-list", "--count", ref) for ref in refs if ref},
        "pulls": [
            (pull.number, pull.title, pull.branch, pull.base, pull.state, pull.merged, pull.body)
            for pull in repository.pulls.values()
        ],
        "roles": {login: role for login, role in repository.roles.items() if login != "teacher"},
        "invited": sorted(each.invitee.login for each in repository.invitations.values()),
    }
