"""The result of a student's run → a comment, a job's summary, a commit's status. Pure.

Everything that is not ours passes through `tito.untrusted`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.comment import marker_of
from bot.model import Run, State, Status
from bot.render import BUDGET
from bot.status import LONGEST_DESCRIPTION, PREFIX, short
from bot.verdict import Unreadable
from tito import feedback_words as words
from tito.feedback import Feedback
from tito.markdown import Look, arranged, plain_place
from tito.report import GateResult
from tito.untrusted import cell, code, command, linkable, one_line, prose

CONTEXT, NOT_RUN = f"{PREFIX}feedback", f"{PREFIX}not-run"
_STATES: dict[str, State] = {
    "passed": "success",
    "failed": "failure",
    "not started": "pending",
    "skipped": "pending",
    "error": "error",
}
_LEFT_NOTHING = "! No verdict: the result of this run cannot be read"


@dataclass(frozen=True)
class Subject:
    """Everything that is said of one run."""

    repository: str
    server: str
    run: Run
    found: Feedback | Unreadable

    @property
    def web(self) -> str:
        """Address of the repository for people."""
        return f"{self.server}/{self.repository}"


def render(subject: Subject, pull: int) -> str:
    """The comment: at most BUDGET bytes of UTF-8, no line end at the end."""
    return _page(subject, [marker_of(subject.run, pull).line])


def summary(subject: Subject) -> str:
    """The same for the job's own page."""
    return _page(subject, []) + "\n\n"


def _page(subject: Subject, before: list[str]) -> str:
    opening = [*before, *_opening(subject)]
    closing = f"[The whole run]({subject.run.page})"
    middle: list[str] = []
    if isinstance(subject.found, Feedback):
        room = BUDGET - len("\n\n".join([*opening, closing]).encode()) - 2
        middle = _middle(subject, subject.found, room)
    return "\n\n".join([*opening, *middle, closing])


def _opening(subject: Subject) -> Iterator[str]:
    found, head = subject.found, subject.run.head_sha
    about = f"Commit [`{head[:7]}`]({subject.web}/commit/{head})"
    if isinstance(found, Unreadable):
        yield f"### {_LEFT_NOTHING}"
        yield (
            f"The reason: {prose(found.because)}. Your code may have ended the whole run: try it "
            f"on your own machine with `tito feedback`, then push again."
        )
        yield about
        return
    yield f"### {words.headline(found)}"
    yield " ".join(prose(sentence) for sentence in words.sentences(found))
    if found.state != "skipped":
        yield words.NOT_THE_GRADE
    yield f"{about}, assignment {code(found.assignment, 60)}" if found.assignment else about


def _middle(subject: Subject, found: Feedback, room: int) -> list[str]:
    again = command(found.reproduce) or "tito feedback"
    look = Look(place=lambda path, line: _place(subject, path, line), noun=_noun)
    last = f"Your own machine says the same: `{again}`" if found.state != "skipped" else ""
    return arranged(found.report, look, room, head=_table(found), last=last)


def _noun(result: GateResult) -> str:
    return "module" if result.gate[:2].isdecimal() else "about"


def _table(found: Feedback) -> str:
    if not found.modules:
        return ""
    rows = [words.COLUMNS, ("---",) * len(words.COLUMNS)]
    for module in found.modules:
        name, *rest = words.row(module)
        rows.append((cell(name, 60), *rest))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _place(subject: Subject, path: str, line: int) -> str:
    """`path:line`, linked: what was tried is this commit and no merge of it."""
    shown = plain_place(path, line)
    if not linkable(path):
        return shown
    address = f"{subject.web}/blob/{subject.run.head_sha}/{path}"
    return f"[{shown}]({address}#L{line})" if line > 0 else f"[{shown}]({address})"


def status_of(found: Feedback | Unreadable, url: str) -> Status:
    """What the commit should carry. What was not run has a context of its own: never green."""
    if isinstance(found, Unreadable):
        return Status(CONTEXT, "error", short(f"no verdict: {found.because}"), url)
    context = NOT_RUN if found.state == "skipped" else CONTEXT
    text = one_line(words.status(found), LONGEST_DESCRIPTION)
    return Status(context, _STATES[found.state], text, url)
