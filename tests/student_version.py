"""The student version of a dev file, made with nbgrader's own preprocessors."""

from __future__ import annotations

import jupytext
import pytest

from tito.course import Course

FORMAT = {"extension": ".py", "format_name": "percent", "comment_magics": False}


def stubs(text: str, module: str) -> str:
    """Every solution region replaced by an error that names the module."""
    pytest.importorskip("nbgrader")
    from nbgrader.preprocessors import ClearSolutions, ComputeChecksums, LockCells
    from traitlets.config import Config

    stub = f'raise NotImplementedError("this is yours to write, in module {module}")'
    settings = Config()
    settings.ClearSolutions.code_stub = {"python": stub}
    notebook = jupytext.reads(text, fmt=FORMAT)
    notebook.metadata["kernelspec"] = {"language": "python", "name": "python3"}
    for preprocessor in (LockCells, ClearSolutions, ComputeChecksums):
        notebook, _ = preprocessor(config=settings).preprocess(notebook, {})
    written = jupytext.writes(notebook, fmt=FORMAT)
    assert isinstance(written, str)
    return written


def make_stubs(course: Course) -> None:
    """Turn every written module of the course into its student version, in place."""
    for module in course.modules:
        if course.written(module):
            file = course.dev_file(module)
            text = stubs(file.read_text(encoding="utf-8"), module.slug)
            file.write_text(text, encoding="utf-8")
