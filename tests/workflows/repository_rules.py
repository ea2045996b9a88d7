"""The rules that the repository keeps beside its workflows, each from a text to its faults."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from tests.conftest import ROOT
from tito.course import Branches


def cooldown(text: str) -> list[str]:
    """12: Dependabot looks at actions and at Python, and waits before it takes a new version."""
    faults = []
    updates = yaml.safe_load(text)["updates"]
    for ecosystem in {"pip", "github-actions"} - {each["package-ecosystem"] for each in updates}:
        faults.append(f"nothing for {ecosystem}")
    for each in updates:
        if each.get("cooldown", {}).get("default-days", 0) < 7:
            faults.append(f"no cooldown for {each['package-ecosystem']}")
    return faults


def ignored_without_a_reason(text: str) -> list[str]:
    """18: a comment that silences a linter says why, behind it or on the line above."""
    faults, before = [], ""
    for line in text.split("\n"):
        match = re.search(
            r"# *(zizmor: ignore\[[^]]*\]|shellcheck disable=\S+|yamllint disable\S*(?: rule:\S+)*)(.*)",
            line,
        )
        if match and len(match[2].split()) < 3 and not re.match(r"\s*# \w+ \w+ \w+", before):
            faults.append(line.strip())
        before = line
    return faults


def ignored_in_configuration_without_a_reason(text: str) -> list[str]:
    """18: so does every rule that zizmor's configuration turns off, in the lines above."""
    faults, before = [], ""
    for line in text.split("\n"):
        if re.match(r" +(disable:|- )", line) and not before.lstrip().startswith("# "):
            faults.append(line.strip())
        before = line
    return faults


def owned(text: str, path: str) -> bool:
    """19: True if CODEOWNERS gives the folder to somebody by name."""
    return re.search(rf"^{re.escape(path)}\s+@\w", text, re.MULTILINE) is not None


def exists(path: str) -> bool:
    """True for a file that holds something."""
    return Path(ROOT, path).is_file() and bool(Path(ROOT, path).read_text(encoding="utf-8").strip())


def releases_guarded(branches: Branches) -> list[str]:
    """20: tags `v*` stay, not everybody makes them, and people agree to a release from them."""
    faults = []
    rules = [rule for rule in branches.rules if "v*" in rule.tags]
    if not any(rule.made_by is None for rule in rules):
        faults.append("a tag v* can be moved")
    if not any(rule.made_by for rule in rules):
        faults.append("anybody can make a tag v*")
    release = [each for each in branches.environments if each.name == "release"]
    if not any(each.reviewers for each in release):
        faults.append("nobody reviews the environment release")
    if not any(each.tags == ("v*",) and not each.branches for each in release):
        faults.append("the environment release is open to more than tags v*")
    return faults


RULES = (
    cooldown, ignored_without_a_reason, ignored_in_configuration_without_a_reason, owned,
    releases_guarded,
)  # fmt: skip
