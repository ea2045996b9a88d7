"""What a course keeps from students is found wherever it stands, and nothing else is."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT, SmallCourse
from tito import course as course_module
from tito.assignments import LeakException
from tito.leaks import Secrets, excuse, search, search_files, search_repository, secrets_of
from tito.source import read

DEV = '''\
# %% [markdown]
"""
A tensor is an array of numbers that knows its shape and its type.
"""

# %% nbgrader={"grade": false, "solution": true, "locked": false, "grade_id": "tensor-mean"}
#| default_exp core.tensor
#| export
def mean(values, axis=None):
    """The mean of the values along an axis, as a number or an array."""
    ### BEGIN SOLUTION
    total = values.sum(axis=axis)  # all of them
    count = values.size if axis is None else values.shape[axis]

    return total / count
    ### END SOLUTION


# %% nbgrader={"grade": true, "solution": false, "locked": true, "points": 1, "grade_id": "tensor-test"}
def test_mean():
    assert mean(np.ones(3)) == 1
    ### BEGIN HIDDEN TESTS
    assert mean(np.arange(7.0)) == 3.0
    assert mean(np.ones((2, 5)), axis=1).shape == (2,)
    ### END HIDDEN TESTS


# %% [markdown] nbgrader={"grade": true, "solution": true, "locked": false, "points": 1, "grade_id": "tensor-why"}
"""
The mean of a billion small numbers in float32 stops growing, because each addition is rounded away.
"""
'''
CASES = 'cases = [{"expression": "mean(x)", "seed": 20}, {"expression": "mean(x, axis=1)"}]\n'
SOLUTION = """\
    total = values.sum(axis=axis)  # all of them
    count = values.size if axis is None else values.shape[axis]

    return total / count
"""
RENAMED = "result=array.sum( axis=dim )\nn = array.size if dim is None else array.shape[dim] # how many\nreturn result/n\n"
LONG = "x = 1\nn = array.size if dim is None else array.shape[dim]\nprint(n)\n"
PAIR = "def f(v, a):\n    t = v.sum(axis=a)\n    # so many\n\n    c = v.size if a is None else v.shape[a]\n"
HIDDEN = "assert mean(np.arange(7.0)) == 3.0\nassert mean(np.ones((2, 5)), axis=1).shape == (2,)\n"
ANSWER = "> The mean of a billion small numbers in float32 stops growing, because each addition is rounded away.\n".removeprefix(
    "> "
)
INNOCENT = """\
A tensor is an array of numbers that knows its shape and its type.
def mean(values, axis=None):
    \"\"\"The mean of the values along an axis, as a number or an array.\"\"\"
    return total / count
BEGIN_SOLUTION = "### BEGIN SOLUTION"
total = values.sum(axis=axis)
return something.else_entirely(total)
size = values.shape[axis] if axis is None else values.size
for value in values:
    count += 1
"""


@pytest.fixture
def secrets(small: SmallCourse) -> Secrets:
    small.add("tensor", DEV).with_name("tensor_cases.py").write_text(CASES, encoding="utf-8")
    return secrets_of(small.load())


def rules(secrets: Secrets, text: str | bytes, path: str = "a.py") -> set[str]:
    data = text.encode() if isinstance(text, str) else text
    return {finding.rule for finding in search(secrets, path, data)}


def zipped(text: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("tinytorch/core/tensor.py", text)
    return stream.getvalue()


PLANTED: dict[str, str | bytes] = {
    "as it stands": SOLUTION,
    "renamed": RENAMED,
    "one long line": LONG,
    "a pair with a comment between": PAIR,
    "hidden tests": HIDDEN,
    "a model answer": ANSWER,
    "hidden cases": CASES,
    "with Windows line ends": SOLUTION.replace("\n", "\r\n"),
    "in base64": base64.b64encode(SOLUTION.encode()),
    "in a string": f"CODE = {SOLUTION!r}",
    "in a string of two lines": f"CODE = {PAIR[PAIR.index('    t =') :]!r}",
    "in a template": "code: `x\\n" + PAIR[PAIR.index("    t =") :].replace("\n", "\\n") + "`",
    "in a string of three quotes": f'CODE = """{PAIR[PAIR.index("    t =") :]}"""',
    "as a comment": "".join(f"# {line}\n" for line in PAIR.splitlines()),
    "as a difference": "".join(f"+ {line}\n" for line in PAIR.splitlines()),
    "as a quotation": "".join(f"> {line}\n" for line in PAIR.splitlines()),
    "in a notebook": json.dumps({"cells": [{"source": SOLUTION.splitlines(keepends=True)}]}),
    "in a wheel": zipped(SOLUTION),
    "compiled": b"\x00\x00" + SOLUTION.encode() + b"\xff",
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_leak_is_found(secrets: Secrets, name: str) -> None:
    assert rules(secrets, PLANTED[name]) == {"leak-solution"}


def test_what_is_released_and_what_is_anybodys_is_not_found(secrets: Secrets) -> None:
    assert rules(secrets, INNOCENT) == set()


def test_a_local_name_that_became_two_names_is_another_text(secrets: Secrets) -> None:
    assert rules(secrets, LONG) == {"leak-solution"}
    assert rules(secrets, LONG.replace("array.shape", "other.shape")) == set()
    assert rules(secrets, LONG.replace("dim", "array")) == set()
    assert rules(secrets, LONG.replace(".size", ".length")) == set()


@pytest.mark.parametrize("kind", ["SOLUTION", "HIDDEN TESTS", "MARK SCHEME"])
@pytest.mark.parametrize("edge", ["BEGIN", "END"])
def test_a_marker_is_found(secrets: Secrets, edge: str, kind: str) -> None:
    assert rules(secrets, f"x = 1\n    ### {edge} {kind}\n") == {"leak-marker"}
    assert rules(secrets, json.dumps({"source": [f"# {edge} {kind}\n", "x"]})) == {"leak-marker"}
    assert rules(secrets, f'MARKER = "### {edge} {kind}"\n') == set()


def test_the_finding_names_both_places_and_does_not_repeat_the_secret(secrets: Secrets) -> None:
    (first, *_) = search(secrets, "notes/a.py", b"x = 1\n" + RENAMED.encode())
    assert (first.path, first.line) == ("notes/a.py", 2)
    line = DEV[: DEV.index("total = values")].count("\n") + 1
    place = f"modules/source/01_tensor/tensor_dev.py:{line}"
    assert first.message == f"this is what {place} keeps from students"
    assert not first.hint


def test_what_is_seen_twice_is_said_once_with_its_line(secrets: Secrets) -> None:
    (found,) = search(secrets, "a.py", f"x = 'a\\nb'\n{LONG}".encode())
    assert found.line == 3


def test_what_cannot_be_looked_into_is_a_finding(secrets: Secrets) -> None:
    assert rules(secrets, b"PACK\0\0\0\2") == {"leak-unreadable"}


def test_other_released_texts_count_as_released(small: SmallCourse) -> None:
    small.add("tensor", DEV)
    course = small.load()
    assert rules(secrets_of(course), RENAMED) == {"leak-solution"}
    assert rules(secrets_of(course, released=[SOLUTION]), RENAMED) == set()


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@localhost"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_every_object_of_a_repository_is_searched(secrets: Secrets, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    git(tmp_path, "init", "--quiet", str(repository))
    file = repository / "notes.py"
    file.write_text("x = 1\n", encoding="utf-8")
    git(repository, "add", ".")
    git(repository, "commit", "-m", "first")
    assert search_repository(secrets, repository) == ()
    file.write_text(RENAMED, encoding="utf-8")
    git(repository, "commit", "-am", "second")
    file.write_text("x = 2\n", encoding="utf-8")
    git(repository, "commit", "-am", "third")
    assert {f.rule for f in search_repository(secrets, repository)} == {"leak-solution"}
    assert "notes.py" in search_repository(secrets, repository)[0].path
    git(repository, "reset", "--hard", "HEAD~2")
    assert "blob" in search_repository(secrets, repository)[0].path


@pytest.mark.parametrize("where", ["commit", "tag"])
def test_messages_are_searched(secrets: Secrets, tmp_path: Path, where: str) -> None:
    git(tmp_path, "init", "--quiet")
    message = RENAMED if where == "commit" else "fine"
    git(tmp_path, "commit", "--allow-empty", "-m", message)
    if where == "tag":
        git(tmp_path, "tag", "-a", "v1", "-m", RENAMED)
    assert {f.path.split(" ")[0] for f in search_repository(secrets, tmp_path)} == {where}


def test_each_module_of_this_course_is_found_in_the_package_and_in_its_dev_file() -> None:
    course = course_module.load(ROOT)
    secrets = secrets_of(course)
    for module in course.entered():
        dev = read(course.dev_file(module), course.dev_path(module))
        regions = dev.text.count("### BEGIN SOLUTION")
        findings = search(secrets, "a.py", (course.package / module.file).read_bytes())
        if regions:
            assert "leak-solution" in {f.rule for f in findings}, module.slug
            assert rules(secrets, dev.text) == {"leak-solution", "leak-marker"}


@pytest.mark.slow
def test_the_engine_and_the_documents_of_this_course_are_no_false_alarm() -> None:
    secrets = secrets_of(course_module.load(ROOT))
    names = ["LICENSE", "README.md", "CONTRIBUTING.md"]
    for folder in ("tito", "bot", "requirements", ".github", "benchmarks", "docs"):
        paths = (p for p in (ROOT / folder).rglob("*") if p.suffix not in (".pyc", ".png"))
        names += [path.relative_to(ROOT).as_posix() for path in paths if path.is_file()]
    assert len(names) > 100
    found = search_files(secrets, {name: (ROOT / name).read_bytes() for name in names})
    assert [(f.rule, f.place, f.message) for f in found] == []


def test_an_exception_excuses_what_it_names_and_nothing_else(secrets: Secrets) -> None:
    found = search_files(secrets, {"docs/a.md": RENAMED.encode(), "b.md": RENAMED.encode()})
    assert {finding.path for finding in found} == {"docs/a.md", "b.md"}
    reason = "the lecture shows it"
    allowed = LeakException("docs/*.md", "modules/source/01_tensor/*", reason)
    assert {finding.path for finding in excuse(found, [allowed])} == {"b.md"}
    elsewhere = LeakException("docs/*.md", "modules/source/02_*/*", reason)
    left = excuse(found, [elsewhere])
    assert [f.path for f in left if f.severity == "error"] == [f.path for f in found]
    (warning,) = (finding for finding in left if finding.severity == "warning")
    assert (warning.rule, warning.path) == ("leak-exception", "classroom.yml")
    assert "docs/*.md of modules/source/02_*/*" in warning.message


def test_a_marker_and_what_cannot_be_read_are_never_excused(secrets: Secrets) -> None:
    found = search_files(secrets, {"a.md": b"### BEGIN SOLUTION\n", "b.bin": b"PACK\0\0"})
    everything = LeakException("**", "**", "because I say so")
    assert {f.rule for f in excuse(found, [everything])} == {
        "leak-marker",
        "leak-unreadable",
        "leak-exception",
    }
