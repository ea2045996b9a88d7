"""Module 01: what setup says, and how run_tests behaves as a script and in a notebook."""

from __future__ import annotations

import doctest
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import tinytorch
import tinytorch.core.setup as module
from tinytorch.core.setup import _is_older, _numbers, check_versions, get_info, setup

ROOT = Path(__file__).resolve().parents[3]
START = (
    '"Dev files begin with text."; from tinytorch.core.setup import run_tests, warnings_to_stdout\n'
)


def run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """A fresh Python that finds this repository's package."""
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def run_script(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    script = folder / "some module ü.py"
    script.write_text(START + textwrap.dedent(text), encoding="utf-8")
    # Reading a file in whatever encoding the system prefers is an error here.
    return run(["-X", "warn_default_encoding", "-W", "error", str(script)])


# What the machine is


@pytest.mark.parametrize(
    ("version", "numbers"),
    [
        ("3.11.7", (3, 11, 7)),
        ("2.1.0rc1", (2, 1, 0)),
        ("3.13.0+", (3, 13, 0)),
        ("2.1.dev0", (2, 1)),
        ("2.5.0.dev0+git20250101.abc", (2, 5, 0)),
        ("2", (2,)),
        ("", ()),
        ("unknown", ()),
    ],
)
def test_numbers_at_the_beginning_of_a_version(version: str, numbers: tuple[int, ...]) -> None:
    assert _numbers(version) == numbers


@pytest.mark.parametrize(
    ("older", "newer"),
    [("2.9", "2.10"), ("2.9.9", "2.10"), ("1.26.4", "2.0"), ("3.9", "3.10"), ("2.0", "2.0.1")],
)
def test_versions_are_compared_as_numbers(older: str, newer: str) -> None:
    assert _is_older(older, _numbers(newer))
    assert not _is_older(newer, _numbers(older))
    assert not _is_older(newer, _numbers(newer))


def test_missing_numbers_are_zeros_on_both_sides() -> None:
    assert not _is_older("2", (2, 0, 0))
    assert not _is_older("2.0.0", (2,))
    assert not _is_older("2.0.1", (2,))


def test_every_problem_is_one_sentence_with_what_to_type() -> None:
    about_python, about_numpy = check_versions(python=(99, 1), numpy=(99, 2))
    assert "99.1" in about_python
    assert 'pip install "numpy>=99.2"' in about_numpy
    assert "\n" not in about_python + about_numpy


def test_setup_returns_facts_or_raises() -> None:
    assert setup(python=(0,), numpy=(0,)) == get_info()
    assert get_info()["folder"] == os.path.dirname(tinytorch.__file__)
    assert get_info()["version"] == tinytorch.__version__
    with pytest.raises(RuntimeError, match=r"Python .* 99\.1 .*\nNumPy .* 99\.2 "):
        setup(python=(99, 1), numpy=(99, 2))


def test_setup_says_how_to_install_a_missing_package() -> None:
    """None in sys.modules is Python's own way to make an import fail."""
    program = (
        "import sys, tinytorch.core.setup as s; sys.modules['tinytorch'] = None\n"
        "assert s.get_info()['folder'] is None and s.get_info()['version'] is None\n"
        "s.setup()"
    )
    done = run(["-c", program])
    assert done.returncode == 1
    assert "RuntimeError: The package is not installed" in done.stderr
    assert "pip install -e ." in done.stderr


def test_a_package_that_misses_something_is_not_called_missing(tmp_path: Path) -> None:
    package = tmp_path / "tinytorch"
    package.mkdir()
    (package / "__init__.py").write_text("import a_library_that_is_not_there\n")
    program = (
        "import sys, tinytorch.core.setup as s\n"
        "for name in [n for n in sys.modules if n.startswith('tinytorch')]: del sys.modules[name]\n"
        f"sys.path.insert(0, {str(tmp_path)!r}); s.setup()"
    )
    done = run(["-c", program])
    assert done.returncode == 1
    assert "No module named 'a_library_that_is_not_there'" in done.stderr


def test_importing_the_package_prints_nothing() -> None:
    done = run(["-W", "error", "-c", "import tinytorch"])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_examples_in_the_docstrings_hold() -> None:
    failed, attempted = doctest.testmod(module)
    assert attempted >= 7
    assert failed == 0


# run_tests and warnings_to_stdout


def test_a_script_whose_tests_pass_ends_well(tmp_path: Path) -> None:
    done = run_script(tmp_path, "def test_a(): assert 1 + 1 == 2\nrun_tests()\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 of 1 tests passed\n", "")


def test_every_failure_is_reported_with_its_line(tmp_path: Path) -> None:
    done = run_script(
        tmp_path,
        """\
        def test_a(): assert 1 == 2
        def test_b(): pass
        def test_c():
            raise ValueError("that is wrong")
        def test_d(): exit(0)
        def test_e(): helper()
        def helper(): {}["a key"]
        run_tests()
        print("not reached")
        """,
    )
    assert done.returncode == 1
    assert done.stderr == ""
    assert done.stdout.split("\n") == [
        "FAILED test_a: AssertionError: ",
        "    line 2: def test_a(): assert 1 == 2",
        "FAILED test_c: ValueError: that is wrong",
        '    line 5: raise ValueError("that is wrong")',
        "FAILED test_d: SystemExit: 0",
        "    line 6: def test_d(): exit(0)",
        "FAILED test_e: KeyError: 'a key'",
        "    line 7: def test_e(): helper()",
        "1 of 5 tests passed",
        "",
    ]


def test_a_test_called_before_is_not_run_again(tmp_path: Path) -> None:
    done = run_script(
        tmp_path,
        """\
        def test_a(): print("a")
        test_a()
        def test_b(): print("b")
        if __name__ == "__main__":
            run_tests()
        test_b()
        """,
    )
    assert done.returncode == 0
    assert done.stdout == "a\nb\n2 of 2 tests passed\nb\n"


def test_a_second_test_of_that_name_has_not_run_yet(tmp_path: Path) -> None:
    text = "def test_a(): pass\ntest_a()\ndef test_a(): raise OSError('second')\nrun_tests()\n"
    done = run_script(tmp_path, text)
    assert done.returncode == 1
    assert "FAILED test_a: OSError: second" in done.stdout
    assert "0 of 1 tests passed" in done.stdout


def test_a_script_without_tests_does_not_look_tested(tmp_path: Path) -> None:
    done = run_script(tmp_path, "test_data = [1, 2]\nrun_tests()\n")
    assert (done.returncode, done.stdout) == (1, "0 of 0 tests passed\n")


def test_a_test_that_needs_arguments_fails(tmp_path: Path) -> None:
    done = run_script(tmp_path, "def test_a(x): pass\nrun_tests()\n")
    assert done.returncode == 1
    assert done.stderr == ""
    assert "FAILED test_a: TypeError: test_a() missing 1 required" in done.stdout


def test_control_c_ends_the_run(tmp_path: Path) -> None:
    done = run_script(
        tmp_path, "def test_a(): raise KeyboardInterrupt\ndef test_b(): print('b')\nrun_tests()\n"
    )
    assert done.returncode != 0
    assert "b\n" not in done.stdout


def test_a_notebook_runs_all_again_and_goes_on() -> None:
    """In a notebook `__main__` has no file, and a cell that ran may have been changed since."""
    program = START + textwrap.dedent(
        """\
        def test_a(): print("a")
        test_a()
        def test_a(): print("a, written again")
        test_a()
        def test_b(): raise ValueError("wrong")
        run_tests()
        print("the next cell")
        """
    )
    done = run(["-c", program])
    assert done.returncode == 0
    assert done.stdout.split("\n")[:4] == [
        "a",
        "a, written again",
        "a, written again",
        "FAILED test_b: ValueError: wrong",
    ]
    assert done.stdout.endswith("1 of 2 tests passed\nthe next cell\n")


def test_a_cell_window_of_an_editor_is_a_notebook_though_it_names_a_file(tmp_path: Path) -> None:
    done = run_script(
        tmp_path,
        """\
        import builtins
        builtins.get_ipython = lambda: None
        def test_a(): raise ValueError("wrong")
        run_tests()
        print("the next cell")
        """,
    )
    assert done.returncode == 0
    assert done.stdout.endswith("0 of 1 tests passed\nthe next cell\n")


@pytest.mark.slow
def test_a_real_notebook_reports_its_tests(tmp_path: Path) -> None:
    """Jupyter's own kernel: a failure is shown with its line and the notebook goes on."""
    jupytext = pytest.importorskip("jupytext")
    client = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    text = START + textwrap.dedent(
        """\

        # %%
        def test_a(): print("a")

        # %%
        def test_b():
            raise ValueError("wrong")

        # %%
        run_tests()
        print("the next line")
        """
    )
    notebook = jupytext.reads(text, fmt="py:percent")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    executor = client.NotebookClient(notebook, timeout=60, kernel_name="python3")
    with executor.setup_kernel(env=environment):
        for index, cell in enumerate(notebook.cells):
            executor.execute_cell(cell, index)
    output = "".join(o.get("text", "") for o in notebook.cells[-1].outputs)
    assert output == (
        "a\nFAILED test_b: ValueError: wrong\n"
        '    line 2: raise ValueError("wrong")\n'
        "1 of 2 tests passed\nthe next line\n"
    )


def test_warnings_go_to_standard_output(tmp_path: Path) -> None:
    done = run_script(
        tmp_path,
        "import warnings\nwarnings.simplefilter('default')\n"
        "warnings_to_stdout()\nwarnings.warn('take care')\n",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "UserWarning: take care" in done.stdout
