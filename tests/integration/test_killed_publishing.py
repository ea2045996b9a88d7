"""Publishing that dies, or meets a GitHub that fails, is done again: same end, nothing twice."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("openapi_core")
pytest.importorskip("nbgrader")

from tests.integration.class_on_hub import git
from tests.integration.client import Client
from tests.integration.killing import HOOK, every_request_fails_once
from tests.integration.whole_class import WholeClass, whole_class

pytestmark = pytest.mark.slow
WRITES, PUSHES = 4, 2
"""Two repositories, one made a template, one opened; the tools and the release."""


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Client() as client:
        yield client


class Publishing:
    """The command, killed once where it is told to, and started again."""

    def __init__(self, client: Client, made: WholeClass, *, write: int = 0, push: int = 0) -> None:
        self.client, self.made, self.kills = client, made, 0
        hooks = made.folder / "hooks"
        hooks.mkdir()
        (hooks / "post-receive").write_text(HOOK)
        (hooks / "post-receive").chmod(0o755)
        settings = made.folder / "gitconfig"
        settings.write_text(f"[core]\n\thooksPath = {hooks}\n")
        self.pushes = made.folder / "pushes"
        self.environment = {
            **made.environment,
            "GIT_CONFIG_GLOBAL": str(settings),
            "PUSHES": str(self.pushes),
            "KILL_AT_PUSH": str(push),
        }
        if write:
            made.hub.after_write(write, lambda: os.kill(self.process, signal.SIGKILL))

    def publish(self) -> None:
        """Until it is through."""
        for _ in range(3):
            code, output = self.client.run(
                self.made.root, self.environment, "classroom", "publish", started=self._aim
            )
            if code != -signal.SIGKILL:
                assert code == 0, output
                break
            self.kills += 1

    def run(self) -> dict[str, str]:
        """What the two repositories hold in the end."""
        self.publish()
        for name in ("tools", "template"):
            repository = self.made.hub.repository(f"acme/{name}")
            assert repository.private
            assert repository.is_template == (name == "template")
        assert self.made.hub.repository("acme/tools").access_level == "organization"
        names = [each.name for each in self.made.hub.organisation("acme").repositories()]
        assert sorted(names) == ["template", "tools"]
        return {name: git(self.made.bare(name), "for-each-ref") for name in names}

    def _aim(self, process: int) -> None:
        self.process = process


@pytest.fixture(scope="module")
def undisturbed(client: Client, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        folder = tmp_path_factory.mktemp("undisturbed")
        with whole_class(folder, "github", monkeypatch, only_first=True) as made:
            publishing = Publishing(client, made)
            found = publishing.run()
            assert len(made.hub.writes) == WRITES
            assert len(publishing.pushes.read_text().splitlines()) == PUSHES
            return found


@pytest.mark.parametrize(
    ("write", "push"),
    [*((n, 0) for n in range(1, WRITES + 1)), *((0, n) for n in range(1, PUSHES + 1))],
)
def test_killed_after_a_write(
    write: int,
    push: int,
    client: Client,
    undisturbed: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with whole_class(tmp_path, "github", monkeypatch, only_first=True) as made:
        publishing = Publishing(client, made, write=write, push=push)
        assert publishing.run() == undisturbed
        assert publishing.kills == 1


@pytest.mark.parametrize("lost", [False, True])
def test_every_request_fails_once(
    lost: bool,
    client: Client,
    undisturbed: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = every_request_fails_once(monkeypatch, lost=lost)
    with whole_class(tmp_path, "github", monkeypatch, only_first=True) as made:
        assert Publishing(client, made).run() == undisturbed
    assert len(seen) == 9


def held(made: WholeClass) -> tuple[dict[str, str], str, str]:
    """What the three repositories hold, and how many commits Classroom 50's has."""
    bare = made.bare("classroom50")
    names = ("tools", "template")
    refs = {name: git(made.bare(name), "for-each-ref") for name in names}
    return refs, git(bare, "rev-parse", "main^{tree}"), git(bare, "rev-list", "--count", "main")


def test_killed_after_the_push_to_classroom_50(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for push in (0, PUSHES + 1):
        folder = tmp_path / str(push)
        folder.mkdir()
        with whole_class(folder, "classroom50", monkeypatch, only_first=True) as made:
            publishing = Publishing(client, made, push=push)
            publishing.publish()
            assert publishing.kills == (push > 0)
            found.append(held(made))
    assert found[0] == found[1]
