"""Report a finished run to its pull requests: the comment, then the statuses."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from bot import comment
from bot.comment import marker_of
from bot.errors import NotAllowedError, UnsureError
from bot.events import Stop, belongs, decide, matching
from bot.github import Door
from bot.model import Pull, Run, Status
from bot.override import named, overridden
from bot.render import Subject, render, touches_own_gates
from bot.settings import Settings
from bot.status import PREFIX, newest, statuses, to_write
from bot.verdict import Unreadable, Verdict, judge, read_report
from tito.course import find_root, load
from tito.errors import TitoError
from tito.report import Report

TRIES = 3


def post(settings: Settings, report_file: Path | None) -> list[str]:
    """Do what the event asks for. Returns what was done, a sentence each.

    Raises TitoError if GitHub does not answer, or if the token may not write in a repository of
    its own. For a pull request from a fork that is no fault: the run's summary holds the report.
    """
    run = decide(settings.event)
    if isinstance(run, Stop):
        return [f"Nothing to report: {run.sentence}."]
    with Door(settings) as door:
        pulls = matching(run, door.open_pulls(run))
        if isinstance(pulls, Stop):
            return [f"Nothing to report: {pulls.sentence}."]
        report = read_report(report_file, run.head_sha)
        verdict = judge(door.jobs(run), report)
        poster = Poster(settings, door, run, report, verdict)
        return [sentence for pull in pulls for sentence in poster.report_to(pull)]


class Poster:
    """Writes one run's results to pull requests."""

    def __init__(
        self,
        settings: Settings,
        door: Door,
        run: Run,
        report: Report | Unreadable,
        verdict: Verdict,
    ) -> None:
        self._settings = settings
        self._door = door
        self._run = run
        self._report = report
        self._verdict = verdict

    def report_to(self, pull: Pull) -> list[str]:
        """Comment and statuses of one pull request."""
        body = render(self._subject(pull))
        if not belongs(self._run, self._door.pull(pull.number)):
            return [f"Pull request {pull.number} has moved on: nothing is written."]
        said: list[str] = []
        newer = self._allowed(pull, said, lambda: self._comment(pull, body, said))
        if not newer:
            self._allowed(pull, said, lambda: self._statuses(said))
        return said

    def _subject(self, pull: Pull) -> Subject:
        linked = isinstance(self._report, Report) and self._report.status != "passed"
        base = newest(self._door.statuses(pull.base_sha))
        return Subject(
            repository=self._settings.repository,
            server=self._settings.server_url,
            run=self._run,
            pull=pull,
            verdict=self._verdict,
            report=self._named(pull),
            touches_gates=touches_own_gates(self._door.changed_paths(pull.number)),
            moved=self._door.moved_paths(pull) if linked else None,
            base={name.removeprefix(PREFIX): status.state for name, status in base.items()},
        )

    def _named(self, pull: Pull) -> Report | Unreadable:
        """The report, with who set the label that sets the policy aside."""
        if not isinstance(self._report, Report) or not overridden(self._report):
            return self._report
        # The default branch's own file: a workflow_run job has checked that out.
        label = load(find_root(Path.cwd())).branches.override
        return named(self._report, label, partial(self._door.labelled_by, pull.number))

    def _allowed(self, pull: Pull, said: list[str], write: Callable[[], bool]) -> bool:
        """Write; a fork's token that may not is no error."""
        try:
            return write()
        except NotAllowedError as error:
            if not pull.fork:
                raise
            said.append(f"{error.message}. For a fork that is no error: the run has the summary.")
            return False

    def _comment(self, pull: Pull, body: str, said: list[str]) -> bool:
        """True if a newer run has reported already."""
        marker = marker_of(self._run, pull.number)
        done = comment.write(self._door, self._settings.author, marker, body)
        said.append(f"Pull request {pull.number}: {_in_words(done)}.")
        return bool(done.stop)

    def _statuses(self, said: list[str]) -> bool:
        sha = self._run.head_sha
        wanted = statuses(self._report, self._verdict, self._run.url)
        written: list[Status] = []
        error: TitoError | None = None
        for _ in range(TRIES):
            missing = to_write(wanted, self._door.statuses(sha))
            try:
                for status in missing:
                    self._door.create_status(sha, status)
                    written.append(status)
            except UnsureError as unsure:
                error = unsure
                continue
            names = ", ".join(f"{status.context} {status.state}" for status in written)
            said.append(f"Statuses of {sha[:7]}: {names or 'already as they should be'}.")
            return False
        assert error is not None
        raise error


def _in_words(done: comment.Plan) -> str:
    if done.stop:
        return f"nothing is written, {done.stop}"
    told = "commented" if done.create else "comment edited" if done.edit else "comment unchanged"
    return f"{told}, {len(done.delete)} of ours too many deleted" if done.delete else told
