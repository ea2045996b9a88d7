"""What the bot would write for a report, on a laptop: the real thing, told to the local GitHub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.events import SHA, decode
from bot.settings import Settings
from bot.verdict import read_report
from tito.errors import TitoError, UsageError
from tito.report import Report

if TYPE_CHECKING:
    from bot.localhub import LocalHub
    from bot.localhub.hub import Write

NOWHERE = "0" * 40
NAME = "local/course"
PERMISSIONS = ("actions", "checks", "contents", "pull-requests", "statuses")


def preview(report_file: Path | None) -> str:
    """Every request that would change something, as GitHub would get it. Nobody else gets it.

    The verdict is taken from the report itself. Raises UsageError if no report is named, and
    TitoError if a tool is missing or if a request breaks GitHub's description.
    """
    if report_file is None:
        raise UsageError("--local shows a report", hint="python -m bot post --local --report FILE")
    try:
        from bot.localhub import LocalHub
        from bot.post import post
    except ModuleNotFoundError as error:
        hint = "pip install -e '.[dev,instructor]'"
        raise TitoError(f"the local GitHub needs {error.name}", hint=hint) from None
    report = read_report(report_file)
    passed = isinstance(report, Report) and report.status == "passed"
    named = report.head if isinstance(report, Report) else ""
    head = named if SHA.fullmatch(named) else NOWHERE
    with LocalHub() as hub:
        said = list(post(_settings(hub, head, passed), report_file))
        if hub.violations:
            raise TitoError("this breaks GitHub's description", hint="\n".join(hub.violations))
        return "\n\n".join([*map(_shown, hub.writes), "\n".join(said)])


def _settings(hub: LocalHub, head: str, passed: bool) -> Settings:
    """A pull request whose head has just been judged, and the bot that hears of it."""
    course = hub.repository(NAME)
    course.push("main", "f" * len(head))
    course.pull_request(head_sha=head, branch="local")
    conclusion = "success" if passed else "failure"
    run = course.workflow_run(head_sha=head, branch="local", conclusion=conclusion)
    run.job("verdict", conclusion)
    return Settings(
        api_url=hub.url,
        server_url="https://github.com",
        repository=NAME,
        token=hub.token(dict.fromkeys(PERMISSIONS, "write"), repository=course),
        event=decode(json.dumps(hub.workflow_run_event(run)).encode()),
        author="github-actions[bot]",
        seconds_between_requests=0,
        seconds_between_writes=0,
        seconds_before_retry=0,
        longest_wait=0,
    )


def _shown(write: Write) -> str:
    """A comment as it is, everything else as JSON, with a line for each annotation."""
    body: dict[str, Any] = dict(write.body)
    if set(body) == {"body"}:
        return f"{write.method} {write.path}\n{body['body']}"
    annotations: list[Any] = body.get("output", {}).get("annotations", [])
    if annotations:
        body["output"] = {**body["output"], "annotations": len(annotations)}
    lines = [json.dumps(one, ensure_ascii=False) for one in (body, *annotations)]
    return "\n".join([f"{write.method} {write.path}", *lines])
