"""What the result of a student's run says, in words, without markup. Pure.

A comment, a job's summary and a terminal say the same: they take everything they say from here.
"""

from __future__ import annotations

from tito.feedback import Feedback, ModuleFeedback
from tito.outline import points

NOT_THE_GRADE = "This is feedback, not the grade: grading also tries cases that nobody sees before."
STATES = {
    "passed": "✓ passed",
    "failed": "✗ failed",
    "could not run": "! could not run",
    "not started": "○ not started",
}
COLUMNS = ("Module", "State", "Tests", "Visible points")
_NOTHING = "–"


def headline(feedback: Feedback) -> str:
    """The verdict, with its sign. It holds nothing that a student has written."""
    begun = feedback.started
    if feedback.state == "passed":
        left = len(feedback.modules) - len(begun)
        more = f", {left} not started yet" if left else ""
        return f"✓ {_modules(len(begun))} {'passes' if len(begun) == 1 else 'pass'}{more}"
    if feedback.state == "failed":
        bad = sum(module.state != "passed" for module in begun)
        asks = "asks" if bad == 1 else "ask"
        return f"✗ Not yet: {bad} of {_modules(len(begun))} {asks} for a change"
    if feedback.state == "not started":
        return "○ Not started: every module is as it was handed out"
    if feedback.state == "skipped":
        return "○ Not run: nothing has been tried"
    return "! No verdict: your work could not be tried"


def _modules(count: int) -> str:
    return "1 module" if count == 1 else f"{count} modules"


def sentences(feedback: Feedback) -> list[str]:
    """What to make of the verdict. The words of others may stand in it."""
    waiting = [module.module for module in feedback.modules if module.state == "not started"]
    if feedback.state == "passed":
        after = f"Next: {_name(waiting[0])}." if waiting else "Nothing is left to mend here."
        return ["Well done.", after]
    if feedback.state == "failed":
        if len(points(feedback.report)) > 1:
            return ["Start with the first point below: later ones often go away with it."]
        return ["What to do next is below."]
    if feedback.state == "not started":
        first = f"Begin with {_name(waiting[0])}: " if waiting else ""
        return [f"{first}read it, write its first function, commit and push."]
    if feedback.state == "skipped":
        hint = f"{feedback.hint[:1].upper()}{feedback.hint[1:]}"
        return [f"The reason: {feedback.because}.", *([hint] if hint else [])]
    return [
        f"The reason: {feedback.because}.",
        "This says nothing about your code. Mend what is named here, or push again; "
        "if it stays, ask whoever teaches you.",
    ]


def _name(slug: str) -> str:
    number, _, name = slug.partition("_")
    return f"module {number}, {name.replace('_', ' ')}"


def row(module: ModuleFeedback) -> tuple[str, str, str, str]:
    """One line of the table, under COLUMNS."""
    if module.state == "not started":
        return module.module, STATES[module.state], _NOTHING, _NOTHING
    tests = f"{module.passed} of {module.tests}" if module.tests else _NOTHING
    worth = f"{module.earned} of {module.points}" if module.points else _NOTHING
    return module.module, STATES[module.state], tests, worth


def status(feedback: Feedback) -> str:
    """A line for the commit's status."""
    begun = feedback.started
    good = sum(module.state == "passed" for module in begun)
    words = {
        "passed": f"{good} of {len(feedback.modules)} modules pass; feedback, not the grade",
        "failed": f"not yet: {good} of {len(begun)} modules pass; feedback, not the grade",
        "not started": "not started: every module is as it was handed out",
        "skipped": f"not run: {feedback.because}",
        "error": "your work could not be tried: see the run",
    }
    return words[feedback.state]
