"""One repository on GitHub, as far as its rulesets and environments go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.errors import GoneError
from bot.github import Connection, asking


class Administration(Connection):
    """What takes a token that may administer the repository."""

    def app(self, slug: str) -> int:
        """The number of an app, which differs from one GitHub to another."""
        with asking(f"look up the app {slug}"):
            return int(self.read(f"/apps/{slug}")["id"])

    def rulesets(self) -> list[dict[str, Any]]:
        """The rulesets of the repository itself, whole; those of its organisation are not ours."""
        path = f"{self.root}/rulesets"
        with asking("list the rulesets"):
            listed = list(self.pages(path, includes_parents="false"))
            # A list names them, and leaves their rules out.
            return [self.read(f"{path}/{one['id']}") for one in listed]

    def write_ruleset(self, ruleset: Mapping[str, Any], present: int | None = None) -> None:
        """Make a ruleset, or replace the one of the number `present`.

        Raises NotOnThisPlanError if the account has none of that kind.
        """
        verb, path = ("POST", "/rulesets") if present is None else ("PUT", f"/rulesets/{present}")
        self.write(f"write the ruleset {ruleset['name']}", verb, path, dict(ruleset))

    def reviewer(self, name: str) -> tuple[str, int]:
        """Kind and number of a login, or of a team that has access, written `team/its-name`.

        Raises GoneError if there is none.
        """
        with asking(f"look up the reviewer {name}"):
            if not name.startswith("team/"):
                return "User", int(self.read(f"/users/{name}")["id"])
            teams = {each["slug"]: int(each["id"]) for each in self.pages(f"{self.root}/teams")}
        slug = name.removeprefix("team/")
        if slug not in teams:
            hint = "give the team access to the repository, or name another in classroom.yml"
            raise GoneError(f"the repository has no team {slug}", hint=hint)
        return "Team", teams[slug]

    def environment(self, name: str) -> dict[str, Any] | None:
        """An environment with its rules; None if there is none."""
        try:
            with asking(f"read the environment {name}"):
                found: dict[str, Any] = self.read(f"{self.root}/environments/{name}")
                return found
        except GoneError:
            return None

    def environment_refs(self, name: str) -> dict[tuple[str, str], int]:
        """(kind, pattern) → number of every ref that may use the environment."""
        path = f"{self.root}/environments/{name}/deployment-branch-policies"
        with asking(f"read which refs may use the environment {name}"):
            found = list(self.pages(path, "branch_policies"))
        return {(each.get("type", "branch"), each["name"]): each["id"] for each in found}

    def write_environment(self, name: str, settings: Mapping[str, Any]) -> None:
        """Make an environment, or change it."""
        what = f"write the environment {name}"
        self.write(what, "PUT", f"/environments/{name}", dict(settings))

    def allow_ref(self, name: str, kind: str, pattern: str) -> None:
        """Let jobs of a branch or tag use an environment. Repeated, it changes nothing."""
        what, given = f"let {kind} {pattern} use the environment {name}", {"name": pattern}
        path = f"/environments/{name}/deployment-branch-policies"
        self.write(what, "POST", path, {**given, "type": kind})

    def forbid_ref(self, name: str, number: int) -> None:
        """Take back what `allow_ref` gave."""
        path = f"/environments/{name}/deployment-branch-policies/{number}"
        self.write(f"shut the environment {name}", "DELETE", path)
