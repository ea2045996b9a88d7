"""A module of a small course with its notebook, changed as a student would change them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat

from tito.course import Course, Module
from tito.notebook import synchronise, twin_path

DEV = '''\
# ---
# jupyter:
#   jupytext:
#     comment_magics: false
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
"""
# Module 01: Small

Text with two lines.
"""

# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "small.answer"}
#| default_exp core.small
#| export
def answer():
    """The answer."""
    ### BEGIN SOLUTION
    return 42
    ### END SOLUTION


# %%
print(answer())

# %%
print(answer())

# %% [markdown]
r"""
A formula: $\\alpha$
"""

# %% [markdown]
# Prose in comments.

# %%
%matplotlib inline
'''.replace("%matplotlib inline\n", "x = 1\n")


class Twin:
    """One module with its notebook, in a small course."""

    def __init__(self, course: Course) -> None:
        self.course = course
        self.module: Module = course.modules[0]
        self.python = course.dev_file(self.module)
        self.notebook = course.root / twin_path(course, self.module)

    def run(self) -> str:
        return synchronise(self.course, self.module)

    def read(self) -> Any:
        return nbformat.read(self.notebook, as_version=4)

    def write(self, notebook: Any) -> None:
        nbformat.write(notebook, self.notebook)

    def change_notebook(self, old: str, new: str) -> None:
        notebook = self.read()
        changed = [cell for cell in notebook.cells if old in cell.source]
        assert changed
        changed[0].source = changed[0].source.replace(old, new)
        self.write(notebook)

    def change_python(self, old: str, new: str) -> None:
        text = self.python.read_text(encoding="utf-8")
        assert old in text
        self.python.write_text(text.replace(old, new, 1), encoding="utf-8")

    def files(self) -> dict[str, bytes]:
        folder = self.course.root
        return {str(p): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}

    def aside(self) -> list[Path]:
        return sorted((self.course.root / ".tito-aside").rglob("*.py"))
