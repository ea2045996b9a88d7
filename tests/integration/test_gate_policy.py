"""The policy in the protection gate: names of branches, trailers of commits, and who overrides."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import HEADER, ROOT
from tito.cli import invoke
from tito.course import Course, load
from tito.errors import TitoError
from tito.gates import protection_gate
from tito.policy import MOST_COMMITS, Proposal, check, proposal_in
from tito.report import Finding, decode

POLICY = """
branches:
  prefixes: ["feature/", "fix/"]
  machines: ["dependabot/"]
  trailers: ["Co-authored-by", "Made-with"]
  override: let-it-pass
  rules:
    - name: main
      branches: [main, "release/*"]
"""
TRAILER = "A change\n\nWhy it is.\n\nCo-authored-by: Ann <ann@example.org>"


class Work:
    """A branch in a git repository with a course of nothing but its policy."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "9.9.9"\n')
        self.policy(POLICY)
        self.git("init", "--quiet", "--initial-branch", "main")
        self.commit("The course")
        self.git("switch", "--quiet", "--create", "fix/it")

    def policy(self, text: str) -> None:
        module = '  - {number: "01", name: a, title: A, target: core.a, points: 1}\n'
        course = HEADER.format(points=1, modules=module)
        (self.root / "classroom.yml").write_text(course + text, encoding="utf-8")

    def git(self, *arguments: str, data: str = "") -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        command = ["git", *who, "-c", "commit.gpgsign=false", *arguments]
        done = subprocess.run(
            command, cwd=self.root, input=data, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        options = ("--quiet", "--allow-empty", "--cleanup=verbatim", "--file=-")
        self.git("commit", *options, data=message)

    @property
    def course(self) -> Course:
        return load(self.root)

    def check(self, branch: str = "fix/it", **event: object) -> list[Finding]:
        proposal = Proposal(branch, **event)  # type: ignore[arg-type]
        return check(self.course, proposal, base="main")


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(tmp_path)


@pytest.mark.parametrize(
    "branch",
    ["feature/relu", "fix/a/b", "dependabot/pip/numpy-3", "main", "release/1.2", "fix/-", "fix/é"],
)
def test_a_branch_that_is_named_so_passes(work: Work, branch: str) -> None:
    assert work.check(branch) == []


@pytest.mark.parametrize(
    "branch",
    [
        "patch-1",
        "fix",
        "fix/",
        "fixit/it",
        "Fix/it",
        "student/fix/it",
        "mainly",
        "release/1/2",
        "\u202eti/xif",
    ],
)
def test_a_branch_of_another_name_is_an_error(work: Work, branch: str) -> None:
    (found,) = work.check(branch)
    assert (found.rule, found.severity) == ("policy-branch", "error")
    assert "feature/… or fix/…" in found.message
    assert "dependabot" not in found.message  # no human should name one so
    assert "git branch -m feature/" in found.hint


def test_the_name_that_is_proposed_is_harmless_in_a_shell(work: Work) -> None:
    (found,) = work.check("me/$(reboot);`x`")
    assert found.hint.startswith("git branch -m feature/reboot-x, push that")


@pytest.mark.parametrize(
    "message",
    [
        TRAILER,
        "A change\n\nCO-AUTHORED-BY: Ann <ann@example.org>",
        "A change\n\nCo-authored by: Ann",
        "A change\n\n  co-authored-by : Ann",
        "A change\n\nMade-with: a tool\n\nand more prose",
        "A change\r\n\r\nMade with: a tool",
        "A \x1e change\n\x1eMade-with: a tool\n\nMade-with: a tool",
        "\n\nMade-with: a tool",
    ],
)
def test_an_attribution_trailer_is_an_error(work: Work, message: str) -> None:
    work.commit(message)
    (found,) = work.check()
    assert (found.rule, found.severity) == ("policy-commit", "error")
    assert work.git("rev-parse", "--short", "HEAD") in found.message
    assert "git rebase --interactive" in found.hint
    # The report shows logins alone, no names and no addresses.
    assert "Ann" not in found.message
    assert "example.org" not in found.message


@pytest.mark.parametrize(
    "message",
    [
        "A change\n\nNo trailer Co-authored-by: is allowed since today.",
        "A change\n\nSigned-off-by: Ann <ann@example.org>",
        "Co-authored-byline: not the word",
        "A change\n\nFixes: #12",
    ],
)
def test_other_messages_pass(work: Work, message: str) -> None:
    work.commit(message)
    assert work.check() == []


def test_only_what_the_branch_adds_is_judged(work: Work) -> None:
    work.git("switch", "--quiet", "main")
    work.commit(TRAILER)
    work.git("switch", "--quiet", "--create", "fix/later")
    work.commit("A good one")
    assert work.check("fix/later") == []
    work.git("switch", "--quiet", "--detach", "main")
    work.git("merge", "--quiet", "--no-ff", "--message", "Merge it", "fix/it")
    assert work.check() == []


def test_every_commit_is_judged_and_a_flood_is_counted(work: Work) -> None:
    for number in range(MOST_COMMITS + 3):
        work.commit(f"{number}\n\nMade-with: a tool")
    found = work.check()
    assert len(found) == MOST_COMMITS + 1
    assert "3 more commits" in found[-1].message


def test_the_label_sets_the_policy_aside_and_names_who_set_it(work: Work) -> None:
    work.commit(TRAILER)
    event = {"labels": ("bug", "let-it-pass"), "label": "let-it-pass", "sender": "ada"}
    found = work.check("patch-1", **event)
    assert {each.severity for each in found} == {"warning"}
    assert [each.rule for each in found] == ["policy-override", "policy-branch", "policy-commit"]
    assert "'let-it-pass'" in found[0].message
    assert "2 findings" in found[0].message
    assert "set by ada" in found[0].message


def test_a_label_of_an_earlier_event_is_not_ascribed_to_who_pushed(work: Work) -> None:
    for event in ({"sender": "eve"}, {"label": "bug", "sender": "eve"}):
        (override, _) = work.check("patch-1", labels=("let-it-pass", "bug"), **event)
        assert override.severity == "warning"
        assert "eve" not in override.message
        assert "timeline" in override.message


def test_other_labels_set_nothing_aside(work: Work) -> None:
    labels = ("let-it-pass ", "LET-IT-PASS", "bug")
    assert [each.severity for each in work.check("patch-1", labels=labels)] == ["error"]


def test_a_label_that_nothing_needs_is_said(work: Work) -> None:
    (found,) = work.check(labels=("let-it-pass",))
    assert (found.rule, found.severity) == ("policy-override", "notice")


def test_a_course_without_a_policy_judges_nothing(work: Work) -> None:
    work.git("switch", "--quiet", "main")
    work.policy("")
    work.commit("No policy")
    work.git("switch", "--quiet", "--create", "anything")
    work.commit(TRAILER)
    assert work.check("anything", labels=("",)) == []


def test_no_change_judges_itself_by_its_own_policy(work: Work) -> None:
    work.policy(POLICY.replace('"fix/"', '"mine/"').replace("let-it-pass", "bug"))
    work.commit("My own rules")
    (found,) = work.check("mine/it", labels=("bug",))
    assert (found.rule, found.severity) == ("policy-branch", "error")


def test_the_first_policy_judges_the_change_that_brings_it(work: Work) -> None:
    work.git("switch", "--quiet", "main")
    work.policy("")
    work.commit("No policy")
    work.git("switch", "--quiet", "--create", "feature/policy")
    work.policy(POLICY)
    work.commit(TRAILER)
    assert [each.rule for each in work.check("feature/policy")] == ["policy-commit"]


def event_file(folder: Path, content: object) -> Path:
    file = folder / "event.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return file


PULL = {"head": {"ref": "fix/it", "sha": "0" * 40}, "labels": [{"name": "bug", "id": 1}]}


@pytest.mark.parametrize(
    ("more", "label", "sender"),
    [
        ({"action": "opened"}, "", ""),
        ({"action": "labeled", "label": {"name": "bug"}}, "bug", "ada"),
        ({"action": "unlabeled", "label": {"name": "bug"}}, "", ""),
    ],
)
def test_the_event_says_what_is_proposed(
    tmp_path: Path, more: dict[str, object], label: str, sender: str
) -> None:
    event = {"pull_request": PULL, "sender": {"login": "ada"}, "number": 1, **more}
    wanted = Proposal("fix/it", ("bug",), label, sender)
    assert proposal_in(event_file(tmp_path, event)) == wanted


@pytest.mark.parametrize(
    "event",
    [
        {"merge_group": {"head_ref": "refs/heads/gh-readonly-queue/main/pr-1"}},
        {"ref": "refs/heads/main", "before": "0" * 40, "commits": [], "sender": {"login": "ada"}},
    ],
    ids=["merge_group", "push"],
)
def test_an_event_of_no_pull_request_proposes_nothing(tmp_path: Path, event: object) -> None:
    assert proposal_in(event_file(tmp_path, event)) is None


@pytest.mark.parametrize("text", ["", "[]", '{"pull_request": {}}', "[" * 100_000, "\x00"])
def test_what_is_no_event_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(TitoError, match="not an event"):
        proposal_in(event_file(tmp_path, text))
    with pytest.raises(TitoError, match="cannot be read"):
        proposal_in(tmp_path / "missing.json")


def test_it_is_part_of_the_gate(copy_of_course: Callable[[], Path]) -> None:
    root = copy_of_course()
    for words in (["init", "--quiet", "-b", "main"], ["add", "--all", "--force"]):
        subprocess.run(["git", *words], cwd=root, check=True)
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, "commit", "-qm", "x"], cwd=root, check=True)
    assert protection_gate(root, base="main", proposal=Proposal("fix/it")).status == "passed"
    result = protection_gate(root, base="main", proposal=Proposal("my work"))
    assert result.status == "failed"
    assert result.reproduce == "tito gate protection --base main --branch 'my work'"
    assert [finding.rule for finding in result.findings] == ["policy-branch"]


def test_the_command_takes_the_branch_or_the_event(
    work: Work, in_folder: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    in_folder(work.root)
    base = ["gate", "protection", "--json", "result.json"]
    event = str(event_file(work.root, {"pull_request": {**PULL, "head": {"ref": "mine"}}}))

    def rules(*options: str) -> list[str]:
        invoke([*base, "--base", "main", *options])
        result = decode((work.root / "result.json").read_bytes())
        return [each.rule for each in result.findings if each.rule.startswith("policy")]

    assert rules("--branch", "fix/it") == []
    assert rules("--branch", "mine") == rules("--event", event) == ["policy-branch"]
    assert invoke([*base, "--branch", "mine"]) == 2
    assert invoke([*base, "--base", "main", "--branch", "mine", "--event", event]) == 2
    assert "need --base" in capsys.readouterr().err


def test_this_course_has_the_four_prefixes() -> None:
    policy = load(ROOT).branches
    assert policy.prefixes == ("feature/", "fix/", "improve/", "experiment/")
    assert "Co-authored-by" in policy.trailers
    assert policy.override
