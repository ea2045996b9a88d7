"""The rules that our workflows and actions keep, each a function from a file to its faults."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from tests.conftest import ROOT
from tito.course import load

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

GITHUB = ROOT / ".github"


@dataclass(frozen=True)
class File:
    """A workflow or an action."""

    name: str
    text: str

    @cached_property
    def content(self) -> dict[Any, Any]:
        content = yaml.safe_load(self.text)
        assert isinstance(content, dict)
        return content

    @property
    def is_workflow(self) -> bool:
        return "jobs" in self.content

    @property
    def triggers(self) -> set[str]:
        on = self.content.get("on", self.content.get(True, ()))  # YAML 1.1 reads `on` as true
        return {on} if isinstance(on, str) else set(on)

    @property
    def jobs(self) -> dict[str, dict[str, Any]]:
        return self.content.get("jobs", {})

    @property
    def steps(self) -> list[dict[str, Any]]:
        """Of all jobs of a workflow, or of an action."""
        found = [step for job in self.jobs.values() for step in job.get("steps", ())]
        return found + self.content.get("runs", {}).get("steps", [])

    @property
    def runs(self) -> list[str]:
        """Every script, with continued lines joined."""
        return [step["run"].replace("\\\n", "") for step in self.steps if "run" in step]

    @property
    def publishes(self) -> bool:
        """True for a workflow that makes something public under the project's name."""
        return self.is_workflow and bool(
            re.search(r"id-token: write|gh release|twine upload|environment: *release", self.text)
        )

    def using(self, action: str) -> list[dict[str, Any]]:
        return [step for step in self.steps if action in step.get("uses", "")]


Rule = Callable[[File], Iterator[str]]


def files() -> list[File]:
    """All of ours."""
    paths = [*GITHUB.glob("workflows/*.y*ml"), *GITHUB.glob("actions/**/action.y*ml")]
    return [
        File(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
        for path in sorted(paths)
    ]


def pins() -> dict[str, dict[str, str]]:
    """The third-party actions that may be used."""
    text = (GITHUB / "action-pins.toml").read_text(encoding="utf-8")
    actions: dict[str, dict[str, str]] = tomllib.loads(text)["actions"]
    return actions


def permissions(file: File) -> Iterator[str]:
    """1: none for the workflow, each job its own, each with a reason beside it."""
    if not file.is_workflow:
        return
    if file.content.get("permissions") != {}:
        yield "permissions of the workflow are not {}"
    for name, job in file.jobs.items():
        if not isinstance(job.get("permissions"), dict):
            yield f"job {name} does not list its permissions"
    for line in file.text.split("\n"):
        if re.match(r" +([a-z-]+: (read|write)|permissions: \{\})(?! +# \w)", line):
            yield f"no reason: {line.strip()}"


def pinned(file: File) -> Iterator[str]:
    """2: a full commit hash and the version, as in the pins file; local actions exist."""
    lines = re.findall(r"^\s*(?:- )?[\"']?uses[\"']?: *(.*)$", file.text, re.MULTILINE)
    named = [each for each in (*file.steps, *file.jobs.values()) if "uses" in each]
    if len(lines) != len(named):
        yield "a `uses:` that does not stand on a line of its own"
    for line in lines:
        if line.startswith("./"):
            if not (ROOT / line / "action.yml").is_file():
                yield f"no such action: {line}"
            continue
        match = re.fullmatch(
            r"([\w.-]+/[\w.-]+)(?:/[\w./-]+)?@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)", line
        )
        if match is None:
            yield f"not pinned: {line}"
        elif pins().get(match[1]) != {"sha": match[2], "version": match[3]}:
            yield f"not as in action-pins.toml: {line}"


def credentials(file: File) -> Iterator[str]:
    """3: a checkout leaves no token behind."""
    for step in file.using("actions/checkout"):
        if step.get("with", {}).get("persist-credentials") is not False:
            yield f"persist-credentials: {step.get('name')}"


def no_expression_in_a_script(file: File) -> Iterator[str]:
    """4: what comes from outside reaches a script through the environment alone."""
    for step in file.steps:
        for key in ("run", "shell", "working-directory"):
            if "${{" in step.get(key, ""):
                yield f"expression in {key}: {step.get('name')}"


def no_pull_request_target(file: File) -> Iterator[str]:
    """5: no run with the base's token and the pull request's files."""
    if "pull_request_target" in file.triggers:
        yield "pull_request_target"


def default_branch_only(file: File) -> Iterator[str]:
    """6: what runs after another workflow checks out no pull request, by action or by hand."""
    if "workflow_run" not in file.triggers:
        return
    for step in file.using("actions/checkout"):
        if set(step.get("with", {})) & {"ref", "repository"}:
            yield f"checks out something named: {step.get('name')}"
    for script in file.runs:
        if re.search(r"\bgit +(fetch|pull|clone|checkout|switch)|\bgh +(pr|repo)\b", script):
            yield "fetches code by hand"


def secrets_in_environments(file: File) -> Iterator[str]:
    """7: a secret belongs to an environment, whose rules say who may use it."""
    for name, job in file.jobs.items():
        if re.search(r"\bsecrets\b", str(job)) and "environment" not in job:
            yield f"job {name} uses a secret without an environment"
    if not file.is_workflow and re.search(r"\bsecrets\.", file.text):
        yield "an action names a secret"


def timeouts(file: File) -> Iterator[str]:
    """8: every job ends."""
    for name, job in file.jobs.items():
        if not isinstance(job.get("timeout-minutes"), int):
            yield f"job {name} has no timeout-minutes"


def concurrency(file: File) -> Iterator[str]:
    """9: one run per pull request, else per ref; no publication and no push is cut off."""
    if not file.is_workflow:
        return
    setting = file.content.get("concurrency", {})
    group = setting.get("group", "") if isinstance(setting, dict) else ""
    wanted = "github.ref"
    if "pull_request" in file.triggers:
        wanted = "github.event.pull_request.number || github.ref"
    elif "workflow_run" in file.triggers:
        wanted = "github.event.workflow_run.head_branch"
    if wanted not in group:
        yield f"the concurrency group does not hold {wanted}"
    if "workflow_run" in file.triggers and "github.event.workflow_run.head_sha" not in group:
        yield "of two commits that have landed, one can be left out"
    if file.publishes and setting.get("cancel-in-progress") is not False:
        yield "a publication can be cancelled"
    if "push" in file.triggers and setting.get("cancel-in-progress") not in _SPARES_PUSHES:
        yield "what a push started can be cancelled"


_SPARES_PUSHES = (None, False, "${{ github.event_name == 'pull_request' }}")


def identity(file: File) -> Iterator[str]:
    """10: only a job that publishes or attests may show who it is."""
    may = ("pypa/gh-action-pypi-publish@", "actions/attest@", "actions/deploy-pages@")
    for name, job in file.jobs.items():
        granted = job.get("permissions")
        if isinstance(granted, dict) and granted.get("id-token") == "write":
            uses = [step.get("uses", "") for step in job.get("steps", ())]
            if not any(each.startswith(may) for each in uses):
                yield f"job {name} has id-token: write and neither publishes nor attests"


def no_cache_in_a_release(file: File) -> Iterator[str]:
    """11: what is published is built from nothing that an earlier run left."""
    if not file.publishes:
        return
    if file.using("actions/cache"):
        yield "restores a cache"
    for step in file.steps:
        if set(step.get("with", {})) & {"cache", "enable-cache"}:
            yield f"restores a cache: {step.get('name')}"


def locked_requirements(file: File) -> Iterator[str]:
    """13: every package that is installed is named with its hash."""
    for script in file.runs:
        for line in script.split("\n"):
            bare = re.sub(r" --?\S+", "", line)
            if re.search(r"\bpip3? +install\b", bare) and "--require-hashes" not in line:
                yield f"not locked: {line.strip()}"
            if re.search(r"\b(pipx|uvx|npx)\b|\b(npm|gem|cargo|apt-get) +install\b", line):
                yield f"not locked: {line.strip()}"
            if re.search(r"\b(curl|wget)\b.*\|.*\b(sh|bash|python3?)\b", line):
                yield f"runs what it fetches: {line.strip()}"


def random_delimiters(file: File) -> Iterator[str]:
    """14: a value of many lines ends at a word nobody can guess; GITHUB_ENV is never written."""
    for script in file.runs:
        for match in re.finditer(r"""["'\s][A-Za-z_][\w-]*<<(?![$%"'-])\w+""", script):
            yield f"a delimiter that can be guessed: {match[0].strip()}"
        if "GITHUB_ENV" in script:
            yield "writes to GITHUB_ENV"


def results_outside_the_checkout(file: File) -> Iterator[str]:
    """15: no student can write the file that a verdict is read from."""
    for script in file.runs:
        for word in re.findall(r"[^\s;|&)]+\.json\b", script):
            value = word.split("=", 1)[-1].strip("\"'")
            if not value.startswith(("$RUNNER_TEMP/", "report.json")):
                yield f"a result in the checkout: {word}"
    for step in (*file.using("upload-artifact"), *file.using("download-artifact")):
        if not str(step.get("with", {}).get("path", "")).startswith("${{ runner.temp }}/"):
            yield f"an artifact in the checkout: {step.get('name')}"


def merge_groups(file: File) -> Iterator[str]:
    """16: a required check must also run for the merge queue, which waits for it."""
    if "pull_request" in file.triggers and "merge_group" not in file.triggers:
        yield "pull_request without merge_group"


def one_verdict(file: File) -> Iterator[str]:
    """17: the job that a ruleset requires judges all others; what was skipped has not passed."""
    required = {check for rule in load(ROOT).branches.rules for check in rule.checks}
    for name, job in file.jobs.items():
        if job.get("name", name) not in required:
            continue
        others = set(file.jobs) - {name}
        if job.get("if") != "always()":
            yield f"{name} does not run always"
        if set(job.get("needs", ())) != others:
            yield f"{name} does not need every other job"
        wanted = {"${{ needs." + other + ".result }}" for other in others}
        judging = [s for s in job.get("steps", ()) if wanted <= set(s.get("env", {}).values())]
        if len(judging) != 1 or judging[0].get("if") not in (None, "${{ !cancelled() }}"):
            yield f"{name} does not look at the result of every other job"
            continue
        for event in sorted(file.triggers):
            yield from _misjudged(file, others, judging[0], event)


def _misjudged(file: File, others: set[str], step: dict[str, Any], event: str) -> Iterator[str]:
    """What the step lets pass that did not, or the other way round: it is run with every case."""
    conditions = {file.jobs[other].get("if") for other in others}
    off = event == "pull_request" and conditions == {"github.event_name != 'pull_request'"}
    good = dict.fromkeys(others, "skipped" if off else "success")
    if not _passes(step, good, event):
        yield f"on {event}, what should pass does not"
    for result in sorted({"success", "failure", "cancelled", "skipped"} - set(good.values())):
        for some in (others, *({other} for other in sorted(others))):
            if _passes(step, good | dict.fromkeys(some, result), event):
                yield f"on {event}, {', '.join(sorted(some))} end with {result} and that passes"


def _passes(step: dict[str, Any], results: dict[str, str], event: str) -> bool:
    values = {"${{ needs." + name + ".result }}": result for name, result in results.items()}
    values["${{ github.event_name }}"] = event
    environment = {key: values.get(value, value) for key, value in step["env"].items()}
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        env={"PATH": os.defpath, **environment}, capture_output=True, check=False,
    )  # fmt: skip
    return done.returncode == 0


def release_environment(file: File) -> Iterator[str]:
    """20: what is published goes through an environment that classroom.yml has reviewed."""
    reviewed = {each.name for each in load(ROOT).branches.environments if each.reviewers}
    for name, job in file.jobs.items():
        wanted = job.get("environment")
        wanted = wanted.get("name") if isinstance(wanted, dict) else wanted
        if wanted is not None and wanted not in reviewed:
            yield f"job {name} uses the environment {wanted}, which nobody reviews"
        if wanted is None and any(word in str(job) for word in _PUBLISHING):
            yield f"job {name} publishes without an environment"


_PUBLISHING = ("pypa/gh-action-pypi-publish@", "gh release create", "twine upload")


def student_code_alone(file: File) -> Iterator[str]:
    """Decision 12: the job that runs student code has no permission, no token, and starts last."""
    for name, job in file.jobs.items():
        if not any("actions/integration" in step.get("uses", "") for step in job["steps"]):
            continue
        if job.get("permissions") != {}:
            yield f"job {name} has a permission"
        if re.search(r"github\.token|\bsecrets\b|GITHUB_TOKEN", str(job)):
            yield f"job {name} has a token"
        before = job.get("needs", [])
        if "static" not in ([before] if isinstance(before, str) else before):
            yield f"job {name} may start before the other gates' results are stored"


RULES: tuple[Rule, ...] = (
    permissions, pinned, credentials, no_expression_in_a_script, no_pull_request_target,
    default_branch_only, secrets_in_environments, timeouts, concurrency, identity,
    no_cache_in_a_release, locked_requirements, random_delimiters, results_outside_the_checkout,
    merge_groups, one_verdict, release_environment, student_code_alone,
)  # fmt: skip
