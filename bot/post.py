"""Report a finished run to its pull requests: the comments, the check run, then the statuses.

What has landed on the default branch gets the statuses alone: later changes are compared with it.

Everything is read before anything is written, and what is there already is not written again. Each
step can be repeated: a job that stopped half-way goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from functools import partial
from pathlib import Path

from bot import checks, comment
from bot.base import known_at_base
from bot.comment import in_words, linked_paths, marker_of, read_marker
from bot.door import Door
from bot.errors import GoneError, LaterError, NotAllowedError, UnsureError
from bot.events import Stop, belongs, decide, matching
from bot.model import Annotation, Comment, Pull, Run, Status
from bot.override import named, overridden
from bot.render import Subject, render, touches_own_gates
from bot.settings import Settings
from bot.status import ALREADY, PREFIX, newest, statuses, to_write, write, written_later
from bot.verdict import JOB, Unreadable, Verdict, judge, read_report
from tito.course import find_root, load
from tito.errors import TitoError
from tito.report import Report
from tito.summary import all_findings


def post(settings: Settings, report_file: Path | None) -> Iterator[str]:
    """Do what the event asks for. Yields what was done, a sentence each, as soon as it is done.

    Raises TitoError if GitHub does not answer, or if the token may not write in a repository of
    its own. For a pull request from a fork that is no fault: the run's summary holds the report.
    """
    run = decide(settings.event)
    if isinstance(run, Stop):
        yield f"Nothing to report: {run.sentence}."
        return
    with Door(settings) as door:
        pulls = [] if run.landed else matching(run, door.open_pulls(run))
        if isinstance(pulls, Stop):
            yield f"Nothing to report: {pulls.sentence}."
            return
        report = read_report(report_file, run.head_sha, landed=run.landed)
        verdict = judge(door.jobs(run), report)
        poster = Poster(settings, door, run, report, verdict)
        yield from poster.report() if run.landed else poster.report_to(pulls)


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
        self._comments: list[int] = []
        """Those that say what this run found."""
        self._moved: frozenset[str] | None = None

    def report(self) -> Iterator[str]:
        """What the commit itself carries, of a run that no pull request waits for."""
        wanted = statuses(self._report, self._verdict, self._run.page)
        yield f"Statuses of {self._run.head_sha[:7]}: {self._statuses(wanted)}."

    def report_to(self, pulls: Sequence[Pull]) -> Iterator[str]:
        """A comment for each, and what their common head commit carries."""
        reported = []
        for pull in pulls:
            if (yield from self._comment(pull)):
                reported.append(pull)
        if reported:
            yield from self._commit(reported[0].fork)

    def _comment(self, pull: Pull) -> Generator[str, None, bool]:
        """False if there is no more to do: a newer run has reported, or a newer one will."""
        door, author = self._door, self._settings.author
        marker = marker_of(self._run, pull.number)
        listed = door.comments(pull.number)
        subject = self._subject(pull, comment.same_attempt(listed, author, marker))
        self._moved = subject.moved
        body = render(subject)
        done = comment.Done(
            comment.plan(listed, author, marker, body), comment.kept(listed, author)
        )
        if done.plan.writes:
            if not belongs(self._run, door.pull(pull.number)):
                yield f"Pull request {pull.number} has moved on: nothing is written."
                return False
            try:
                done = comment.write(door, author, marker, body)
            except NotAllowedError as error:
                yield _excused(error, pull.fork)
                return True
        yield f"Pull request {pull.number}: {in_words(done.plan)}."
        self._comments += [done.comment] if done.comment is not None else []
        return not done.plan.stop

    def _subject(self, pull: Pull, said: Comment | None) -> Subject:
        changes = self._door.changes(pull)
        return Subject(
            repository=self._settings.repository,
            server=self._settings.server_url,
            run=self._run,
            pull=pull,
            verdict=self._verdict,
            report=self._named(pull),
            touches_gates=touches_own_gates(changes.paths),
            moved=self._moved_paths(pull, changes.behind, said),
            base=known_at_base(self._door.statuses(pull.base_sha)),
        )

    def _named(self, pull: Pull) -> Report | Unreadable:
        """The report, with who set the label that sets the policy aside."""
        if not isinstance(self._report, Report) or not overridden(self._report):
            return self._report
        # The default branch's own file: a workflow_run job has checked that out.
        label = load(find_root(Path.cwd())).branches.override
        return named(self._report, label, partial(self._door.labelled_by, pull.number))

    def _moved_paths(
        self, pull: Pull, behind: bool | None, said: Comment | None
    ) -> frozenset[str] | None:
        """Paths whose lines may differ at the head. A link that stands is right: commits stay."""
        if not isinstance(self._report, Report):
            return None
        if said is not None:
            paths = {finding.path for finding in all_findings(self._report)}
            return frozenset(paths - linked_paths(said.body, self._run.head_sha))
        if behind is False:
            return frozenset()
        if behind is None or self._report.status == "passed":
            return None
        return self._door.moved_paths(pull)

    def _commit(self, fork: bool) -> Iterator[str]:
        """The check run, then the statuses, of which the verdict is written last."""
        wanted = statuses(self._report, self._verdict, self._run.page)
        present = self._door.statuses(self._run.head_sha)
        if not to_write(wanted, present):
            yield f"Statuses of {self._run.head_sha[:7]}: {ALREADY}."
            return
        yield from self._annotate(again=f"{PREFIX}{JOB}" in newest(present))
        try:
            yield f"Statuses of {self._run.head_sha[:7]}: {self._statuses(wanted)}."
        except NotAllowedError as error:
            yield _excused(error, fork)

    def _annotate(self, *, again: bool) -> Iterator[str]:
        """A check run for what the workflow's annotations leave out; `again`: even for nothing."""
        wanted: list[Annotation] = []
        if isinstance(self._report, Report) and self._verdict.state != "error":
            wanted = checks.left_out(self._report, self._moved)
        if not wanted and not again:
            return
        try:
            count = checks.write(self._door, self._run, wanted, self._overtaken)
        except (UnsureError, LaterError):
            raise
        except TitoError as error:  # the comment and the statuses say enough without it
            yield f"{error.message}. {len(wanted)} annotations are left out."
            return
        if wanted:
            yield f"Check run '{checks.NAME}': {count} annotations."

    def _statuses(self, wanted: Sequence[Status]) -> str:
        return write(self._door, self._run.head_sha, wanted, self._overtaken)

    def _overtaken(self) -> bool:
        """True if our comment says by now what a newer run has found; or, without, the commit."""
        if self._run.landed:
            return written_later(self._door.statuses(self._run.head_sha), self._run)
        for number in self._comments:
            try:
                marker = read_marker(self._door.comment(number).body)
            except GoneError:
                continue
            if marker and (marker.run, marker.attempt) > (self._run.number, self._run.attempt):
                return True
        return False


def _excused(error: NotAllowedError, fork: bool) -> str:
    """A fork's token that may not write is no error; any other is raised."""
    if not fork:
        raise error
    return f"{error.message}. For a fork that is no error: the run has the summary."
