"""What a new release changes in a student's tree: locked files follow it, work stays."""

from __future__ import annotations

from bot.classroom.changes import Changes, changes
from bot.git import File
from tito.course import Protection

PROTECTION = Protection(("tinytorch/**",), ("tito/**",), ("modules/source/*/*_dev.py",))
DEV = "modules/source/01_a/a_dev.py"
CELL = """\
# %% nbgrader={{"grade": false, "grade_id": "a-one", "locked": false, "solution": true}}
def one({arguments}):
    {body}

# %% nbgrader={{"grade": true, "grade_id": "a-test", "locked": true, "points": 1, "solution": false}}
def test_one():
    assert one() == {expected}
"""


def tree(**texts: str) -> dict[str, File]:
    named = {"dev": DEV, "readme": "README.md", "package": "tinytorch/x.py", "tito": "tito/a.py"}
    return {named.get(name, name): File("100644", text.encode()) for name, text in texts.items()}


def dev(*, arguments: str = "", body: str = "raise NotImplementedError", expected: int = 1) -> str:
    return CELL.format(arguments=arguments, body=body, expected=expected)


def between(base: dict[str, File], new: dict[str, File], theirs: dict[str, File]) -> Changes:
    return changes(base, new, theirs, PROTECTION, release="0123")


def test_an_untouched_tree_becomes_the_new_release() -> None:
    base = tree(readme="1", tito="1", dev=dev(), old="1")
    new = tree(readme="2", tito="1", dev=dev(expected=2), fresh="1")
    found = between(base, new, base)
    assert set(found.write) == {"README.md", DEV, "fresh"}
    assert found.delete == {"old"}
    assert found.applied(base) == dict(sorted(new.items()))
    assert (found.kept, found.told) == ({}, ())


def test_a_tree_that_is_the_new_release_already_is_left_alone() -> None:
    new = tree(readme="2", dev=dev())
    assert not between(tree(readme="1", dev=dev()), new, new).any


def test_an_edited_locked_file_is_restored_and_kept() -> None:
    base, new = tree(readme="1", tito="1"), tree(readme="1", tito="2")
    found = between(base, new, tree(readme="mine", tito="mine too"))
    assert found.kept == {
        "README.md": "kept/0123/README.md",
        "tito/a.py": "kept/0123/tito/a.py",
    }
    assert found.write["README.md"].data == b"1"
    assert found.write["kept/0123/README.md"].data == b"mine"
    assert found.write["tito/a.py"].data == b"2"


def test_a_deleted_locked_file_comes_back_and_an_edited_one_that_ends_is_kept() -> None:
    base, new = tree(readme="1", tito="1"), tree(readme="1")
    found = between(base, new, tree(tito="mine"))
    assert found.write["README.md"].data == b"1"
    assert found.delete == {"tito/a.py"}
    assert found.write["kept/0123/tito/a.py"].data == b"mine"


def test_what_is_generated_and_what_is_the_students_own_is_no_matter() -> None:
    base, new = tree(package="1"), tree(package="2")
    found = between(base, new, tree(package="3", notes="mine"))
    assert not found.any


def test_windows_line_ends_are_no_edit() -> None:
    assert not between(tree(tito="a\n"), tree(tito="a\n"), tree(tito="a\r\n")).any


def test_work_is_never_touched_and_what_changed_around_it_is_told() -> None:
    base, new = tree(dev=dev()), tree(dev=dev(arguments="two", expected=2))
    theirs = tree(dev=dev(body="return 1"))
    found = between(base, new, theirs)
    assert not found.any
    stub, test = found.told
    assert "`a-one`: what you are given to write has changed" in stub
    assert "def one(two):" in stub
    assert "`a-test`: the test or given code has changed" in test


def test_a_module_that_is_new_comes_and_one_that_was_deleted_stays_away() -> None:
    base, new = tree(readme="1"), tree(readme="1", dev=dev())
    assert set(between(base, new, base).write) == {DEV}
    changed = tree(readme="1", dev=dev(expected=2))
    found = between(new, changed, tree(readme="1"))
    assert not found.any
    assert "You have deleted it" in found.told[0]


def test_a_module_and_a_cell_that_end_are_told() -> None:
    theirs = tree(dev=dev(body="return 1"))
    (told,) = between(tree(dev=dev()), {}, theirs).told
    assert "no longer part of the course" in told
    shorter = tree(dev=dev().split("\n\n")[0] + "\n")
    (told,) = between(tree(dev=dev()), shorter, theirs).told
    assert "cell `a-test` is no longer part of it" in told
    (told,) = between(shorter, tree(dev=dev()), theirs).told
    assert "cell `a-test`, is new" in told
