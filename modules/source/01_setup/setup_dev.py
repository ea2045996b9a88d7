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
# Module 01: Setup

A framework runs on a machine: on some Python, some NumPy, a number of cores and an amount of memory. Before you build anything you will ask the machine what it has, and refuse, with a sentence that says what to type, when it is not enough. Every real framework begins with such a check, because a wrong version found at the start costs a minute, and one found inside a training run costs a day.

You build three functions: `get_info()` measures this machine, `check_versions()` compares versions, and `setup()` uses both. They are small on purpose. This module is also where you learn how all twenty modules are worked on.

### How you work

**Cells.** This file is a notebook written as Python. Each line that begins with `# %%` starts a cell: a markdown cell like this one, which explains, or a code cell, which runs. You may edit the file in any editor, or open it as a notebook; it is the same work.

**Export.** A cell whose first line is `#| export` is copied into the package, so that `import tinytorch` finds your code. `#| exporti` copies a cell too, but keeps its names internal. Cells without such a line (tests, measurements) stay here. The package is generated: never edit it, edit this file. `#| default_exp core.setup` says which file of the package this module becomes.

**Stubs.** In your copy, the body of each function that you are to write is one line that raises `NotImplementedError`. Replace this line. The signature and the docstring stand above it: the docstring says what goes in, what comes out, shows an example and lists steps that are enough to write the function.

**Tests.** Each step ends with a locked cell that defines a test and runs it. Read it when it fails: it says exactly what is expected. At the end of your work, in the terminal:

    tito module test 01        run the tests of this module on the code you wrote
    tito module export 01      put the module into the package, once its tests pass

**Order.** Read from top to bottom and do one step at a time. Nothing ever needs a later module.
"""

# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "setup-imports"}
#| default_exp core.setup
#| export
import ast
import builtins
import importlib
import linecache
import os
import platform
import re
import sys
import warnings

import numpy as np

# %% [markdown]
"""
## Mathematical background

**Order of versions.** A version such as 2.10 is not a decimal number and not a word. It is a row of whole numbers, compared from the left; the first pair that differs decides: `(2, 10) > (2, 9)`, because 10 > 9. As decimal numbers, 2.10 would be smaller than 2.9; as text too, because the character `1` comes before `9`. Missing numbers count as zero: 2 and 2.0 are the same version.

**Bytes.** An array of `n` numbers of `s` bytes each needs `n·s` bytes, and `s` is 4 for float32. One gigabyte (`10⁹` bytes) therefore holds 250 million such numbers. A list of Python numbers needs far more, as you will measure.

**Cores.** If a share `p` of a program's time can be spread over `c` cores, the whole becomes at most `1 / ((1 − p) + p / c)` times as fast (Amdahl's law). With `p = 0.9`, four cores give 3.1 times and a thousand cores not even 10 times the speed: the part that cannot be spread soon dominates.
"""

# %% [markdown]
"""
## Two helpers for every module

The next cell is given. `warnings_to_stdout` keeps a harmless warning of NumPy from costing you points, and `run_tests` stands at the end of every module: it runs the tests that have not run yet and reports every failure, not just the first.

`run_tests` treats a script and a notebook differently. A script that comes as far as its last cell has passed every test it called on the way, so these are not run again. In a notebook you may have changed a function after its test passed, so there all tests run again.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "setup-given"}
#| exporti
def warnings_to_stdout():
    """Send Python's warnings to standard output: nbgrader takes all points for a line on stderr."""

    def show(message, category, filename, lineno, file=None, line=None):
        sys.stdout.write(warnings.formatwarning(message, category, filename, lineno, line))

    warnings.showwarning = show


def run_tests():
    """Run every `test_*` of the file being run that has not run yet, and report every failure.

    As a script, exits with code 1 if a test fails or none is there.
    """
    main = sys.modules["__main__"]
    script = hasattr(main, "__file__") and not hasattr(builtins, "get_ipython")
    passed = _called_tests(main.__file__) if script else set()
    tests = [n for n, value in vars(main).items() if n.startswith("test_") and callable(value)]
    failures = [n for n in tests if n not in passed and not _passes(n, getattr(main, n))]
    print(f"{len(tests) - len(failures)} of {len(tests)} tests passed")
    if script and (failures or not tests):
        sys.exit(1)


def _called_tests(path):
    """Names of the tests that the file at `path` calls on the way to its main block.

    A script that came this far has passed them: a failure would have ended it.
    """
    called = set()
    with open(path, encoding="utf-8") as file:
        body = ast.parse(file.read()).body
    for node in body:
        if isinstance(node, ast.If):
            break
        if isinstance(node, ast.FunctionDef):
            called.discard(node.name)  # a second function of that name has not run yet
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            called.add(getattr(node.value.func, "id", None))
    return called


def _passes(name, test):
    """Run one test; if it fails, print its name, what happened, and the line of the test."""
    try:
        test()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a test that calls exit() has not passed
        print(f"FAILED {name}: {type(error).__name__}: {error}")
        frame = error.__traceback__.tb_next
        if frame is not None:
            line = linecache.getline(frame.tb_frame.f_code.co_filename, frame.tb_lineno)
            print(f"    line {frame.tb_lineno}: {line.strip()}")
        return False
    return True


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "setup-start"}
warnings_to_stdout()

# %% [markdown]
"""
## Step 1: Compare versions

Versions come as text, and some end in letters: `2.1.0rc1` is a release candidate, `3.13.0+` a build from source. What counts here are the numbers at the beginning.

Write two functions. The first turns text into a tuple of whole numbers. The second compares such tuples; Python compares tuples number by number, as the rule above says, with one exception that you must handle: for Python `(2,) < (2, 0)`, because the first tuple is shorter. Fill it up with zeros.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "setup-versions"}
#| exporti
def _numbers(version):
    """The whole numbers at the beginning of a version, as a tuple; empty if there are none.

    >>> _numbers("2.10.0rc1")
    (2, 10, 0)
    >>> _numbers("2.1.dev0")
    (2, 1)

    1. Keep the leading digits and points: `re.match(r"[0-9.]*", version)[0]`.
    2. Split at the points and convert every part that is not empty to `int`.
    """
    ### BEGIN SOLUTION
    leading = re.match(r"[0-9.]*", version)[0]
    return tuple(int(part) for part in leading.split(".") if part)
    ### END SOLUTION


def _is_older(version, required):
    """True if the text `version` comes before `required`, a tuple of whole numbers.

    >>> _is_older("2.9", (2, 10))
    True
    >>> _is_older("2", (2, 0))
    False

    1. Turn `version` into numbers.
    2. Append as many zeros as `required` has numbers: `(0,) * 2` is `(0, 0)`. Too many do no
       harm, because a longer tuple that begins alike counts as larger.
    3. Compare with `<`.
    """
    ### BEGIN SOLUTION
    found = _numbers(version) + (0,) * len(required)
    return found < required
    ### END SOLUTION


# %% [markdown]
"""
**Test: versions.** The pair 2.9 and 2.10, which text and decimal numbers get wrong, in both directions; suffixes; and versions of different lengths. An unknown version counts as older than anything: it is safer to ask than to trust.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "setup-versions-test", "points": 1}
def test_versions():
    assert _numbers("3.11.7") == (3, 11, 7)
    assert _numbers("2.10.0rc1") == (2, 10, 0)
    assert _numbers("2.1.dev0") == (2, 1)
    assert _numbers("3.13.0+") == (3, 13, 0)
    assert _numbers("unknown") == ()
    assert _is_older("2.9", (2, 10))
    assert not _is_older("2.10", (2, 9))
    assert not _is_older("2.10", (2, 10))
    assert not _is_older("2", (2, 0, 0))
    assert not _is_older("2.0.0", (2,))
    assert _is_older("1.26.4", (2, 0))
    assert _is_older("2.0", (2, 0, 1))
    assert not _is_older("2.0.1", (2, 0))
    assert not _is_older("3.0", (2, 5))
    assert _is_older("unknown", (0, 1))


test_versions()

# %% [markdown]
"""
## Two facts that take more than a line

The next cell is given; step 2 uses it. The memory is known by the number of pages and their size on Linux and macOS; elsewhere we say `None`, which means unknown, and do not guess. The package is looked up by importing it, when the function is called and not before.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "setup-facts"}
#| exporti
def _memory_bytes():
    """The machine's memory in bytes, or None where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def _version_and_folder(name):
    """The version and the folder of an installed package; both None if there is none."""
    try:
        package = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise  # the package is there, but something that it needs is not
        return None, None
    return package.__version__, os.path.dirname(package.__file__)


# %% [markdown]
"""
## Step 2: Measure the machine

What is in a bug report that helps? The versions, the system, the cores, the memory, and which copy of the package was used: many a puzzle ends with "I was running another copy". All of this can be asked of the machine, so nobody has to remember it.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "setup-info"}
#| export
def get_info():
    """Facts measured on this machine, as a new dict.

    Keys, in this order:
    `python`, `numpy`: versions, as text;
    `platform`: system and kind of processor, such as 'Linux x86_64';
    `processors`: how many the system reports, at least 1;
    `memory_bytes`: the memory in bytes, or None where it is not known;
    `version`, `folder`: the package's version and folder, both None if it is not installed.

    >>> get_info()["processors"] >= 1
    True

    1. Ask `platform.python_version()`, `np.__version__`, `platform.system()` and
       `platform.machine()`.
    2. `os.cpu_count()` may be None: take 1 then.
    3. `_memory_bytes()` and `_version_and_folder("tinytorch")` are given above; the second
       returns two values.
    """
    ### BEGIN SOLUTION
    version, folder = _version_and_folder("tinytorch")
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count() or 1,
        "memory_bytes": _memory_bytes(),
        "version": version,
        "folder": folder,
    }
    ### END SOLUTION


# %% [markdown]
"""
**Test: facts.** Every key is there, in order, and every value is what this machine says and not a copy of the example. A system that does not tell how many processors it has counts as one. Each call returns a new dict, so that a caller who changes one harms nobody.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "setup-info-test", "points": 2}
def test_get_info():
    from unittest import mock

    info = get_info()
    keys = ["python", "numpy", "platform", "processors", "memory_bytes", "version", "folder"]
    assert list(info) == keys
    assert info["python"] == platform.python_version()
    assert info["numpy"] == np.__version__
    assert info["platform"] == f"{platform.system()} {platform.machine()}"
    assert info["processors"] == (os.cpu_count() or 1)
    with mock.patch.object(os, "cpu_count", return_value=None):
        assert get_info()["processors"] == 1
    assert info["memory_bytes"] == _memory_bytes()
    assert (info["version"], info["folder"]) == _version_and_folder("tinytorch")
    assert _version_and_folder("a_package_that_is_not_there") == (None, None)
    info["python"] = "changed by a caller"
    assert get_info()["python"] == platform.python_version()


test_get_info()

# %% [markdown]
"""
## Step 3: Check the versions

A good error message says what is wrong, what would be right, and what to type. And it says everything at once: whoever mends one problem only to be told of the next has been treated badly. So `check_versions` returns a list with one sentence for each problem, and an empty list if there is none. It does not print and does not stop; what to do about the list is for the caller to decide.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "setup-check"}
#| export
def check_versions(python=(3, 10), numpy=(2, 0)):
    """What is too old here: a list with one sentence for each problem, Python first.

    `python`, `numpy`: the oldest versions that are good enough, as tuples of whole numbers.
    Each sentence names the program, the version found, the version needed and what to do:
    'Python 3.9.1 is too old: TinyTorch needs 3.10 or newer. Install a newer Python.'

    >>> check_versions(python=(3, 0), numpy=(1, 0))
    []
    >>> len(check_versions(python=(99, 1), numpy=(99, 2)))
    2

    1. Take the versions found from `get_info()`.
    2. `".".join(map(str, python))` writes a tuple as text.
    3. For each of the two that `_is_older` than needed, append one sentence. What to do about
       NumPy is: pip install "numpy>=2.0" (with the version that is needed).
    """
    ### BEGIN SOLUTION
    info = get_info()
    problems = []
    if _is_older(info["python"], python):
        needed = ".".join(map(str, python))
        problems.append(
            f"Python {info['python']} is too old: TinyTorch needs {needed} or newer. "
            "Install a newer Python."
        )
    if _is_older(info["numpy"], numpy):
        needed = ".".join(map(str, numpy))
        problems.append(
            f"NumPy {info['numpy']} is too old: TinyTorch needs {needed} or newer. "
            f'Type: pip install "numpy>={needed}"'
        )
    return problems
    ### END SOLUTION


# %% [markdown]
"""
**Test: what is too old.** No machine has version 99 and every machine has at least 0, so these requirements have known answers everywhere. The exact version found is good enough, the next one after it is not; and without arguments the course's own requirements hold.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "setup-check-test", "points": 1}
def test_check_versions():
    info = get_info()
    assert check_versions(python=(0,), numpy=(0,)) == []
    (about_python,) = check_versions(python=(99, 1), numpy=(0,))
    for part in ["Python", info["python"], "99.1"]:
        assert part in about_python
    (about_numpy,) = check_versions(python=(0,), numpy=(99, 2))
    for part in ["NumPy", info["numpy"], "99.2", "pip install"]:
        assert part in about_numpy
    assert check_versions(python=(99, 1), numpy=(99, 2)) == [about_python, about_numpy]

    python, numpy = _numbers(info["python"]), _numbers(info["numpy"])
    assert check_versions(python, numpy) == []
    assert len(check_versions((*python[:2], python[2] + 1), (*numpy[:2], numpy[2] + 1))) == 2
    assert check_versions() == check_versions(python=(3, 10), numpy=(2, 0))


test_check_versions()

# %% [markdown]
"""
## Step 4: Set up

`setup()` is the function to call first: it returns the facts if all is well, and raises one `RuntimeError` with every problem if not. A function that printed a warning and went on would be overlooked.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": true, "locked": false, "task": false, "grade_id": "setup-setup"}
#| export
def setup(python=(3, 10), numpy=(2, 0)):
    """Check this machine and return what `get_info()` says about it. Prints nothing.

    `python`, `numpy`: as in `check_versions`. Raises RuntimeError, with one problem a line, if
    something is too old or the package is not installed.

    >>> sorted(setup(python=(3, 0), numpy=(1, 0))) == sorted(get_info())
    True

    1. Collect the problems of `check_versions`.
    2. If the folder in `get_info()` is None, append: 'The package is not installed. In the
       folder that holds classroom.yml, type: pip install -e .'
    3. If there are problems, raise RuntimeError with `"\\n".join(problems)`.
    """
    ### BEGIN SOLUTION
    problems = check_versions(python, numpy)
    info = get_info()
    if info["folder"] is None:
        problems.append(
            "The package is not installed. In the folder that holds classroom.yml, "
            "type: pip install -e ."
        )
    if problems:
        raise RuntimeError("\n".join(problems))
    return info
    ### END SOLUTION


# %% [markdown]
"""
**Test: setting up.** With requirements that every machine meets, the facts come back and nothing is printed. With requirements that none meets, the error holds every problem, each on its own line. A missing package is a problem too; the second test hides it for a moment.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "setup-setup-test", "points": 1}
def test_setup():
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()) as printed:
        info = setup(python=(0,), numpy=(0,))
    assert printed.getvalue() == ""
    assert info == get_info()
    message = ""
    try:
        setup(python=(99, 1), numpy=(99, 2))
    except RuntimeError as error:
        message = str(error)
    assert message.split("\n") == check_versions(python=(99, 1), numpy=(99, 2))


def test_setup_without_the_package():
    assert setup(python=(0,), numpy=(0,))["folder"] is not None
    package = sys.modules["tinytorch"]
    message = ""
    sys.modules["tinytorch"] = None  # so Python finds no package, until it is put back
    try:
        setup(python=(0,), numpy=(0,))
    except RuntimeError as error:
        message = str(error)
    finally:
        sys.modules["tinytorch"] = package
    assert "pip install -e ." in message


test_setup()
test_setup_without_the_package()

# %% [markdown]
"""
## Systems analysis

Three measurements on your own machine, to have numbers where most people have opinions. They run in the main block below; the numbers are yours, and another machine has others.

**What an import costs.** A fresh Python is started and timed with nothing, with NumPy, and with the package. This is paid by every program and every test run; it is the reason why heavy modules are imported where they are needed.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "setup-analyze-import"}
def best_milliseconds(function, repeats=5):
    """The fastest of several runs: other programs can only make a run slower, never faster."""
    import time

    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times) * 1000


def analyze_import():
    """The time of a fresh Python that imports nothing, NumPy, or the package."""
    import subprocess

    for statement in ["pass", "import numpy", "import tinytorch"]:
        command = [sys.executable, "-c", statement]
        time = best_milliseconds(lambda c=command: subprocess.run(c, check=True), repeats=3)
        print(f"python -c {statement!r:20} {time:7.1f} ms")


# %% [markdown]
"""
**What a Python number costs.** A list of floats holds one pointer for each number, and every pointer leads to an object with a type, a reference count and, at last, the 8 bytes of the number. An array holds the numbers side by side. You pay for the difference in memory, and again in time: a loop follows each pointer, looks up what `*` means for that type, and makes a new object for the result.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "setup-analyze-numbers"}
def analyze_numbers(count=200_000):
    """Memory and time of the same numbers as a Python list and as arrays."""
    import tracemalloc

    def bytes_of(make):
        tracemalloc.start()
        kept = make()
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return size / len(kept)

    numbers = [float(i) for i in range(count)]
    array = np.arange(count, dtype=np.float32)
    listed = bytes_of(lambda: [float(i) for i in range(count)])
    packed = bytes_of(lambda: np.arange(count, dtype=np.float32))
    print(f"list of floats {listed:5.1f} bytes a number, float32 array {packed:4.1f}")
    loop = best_milliseconds(lambda: [number * number for number in numbers])
    whole = best_milliseconds(lambda: array * array)
    print(f"square of {count} numbers: loop {loop:.2f} ms, array {whole:.3f} ms")
    print(f"the loop takes {loop / whole:.0f} times as long")


# %% [markdown]
"""
**Cores and threads.** Python's own code runs one thread at a time in the usual interpreter: it holds a lock. NumPy gives the lock back while it computes, so two threads that call NumPy can use two cores. Two threads that loop in Python take turns. With a single core neither gains; the first line of the output says how many there are.
"""


# %% nbgrader={"schema_version": 3, "grade": false, "solution": false, "locked": true, "task": false, "grade_id": "setup-analyze-threads"}
def analyze_threads():
    """Two pieces of work one after the other and in two threads: loops of Python, and NumPy."""
    from concurrent.futures import ThreadPoolExecutor

    array = np.linspace(0.0, 1.0, 1_000_000)
    works = {
        "a loop in Python": lambda: sum(i * i for i in range(200_000)),
        "NumPy's exp": lambda: np.exp(array),
    }
    print(f"{get_info()['processors']} processors")
    for name, work in works.items():
        alone = best_milliseconds(lambda work=work: (work(), work()))
        with ThreadPoolExecutor(2) as pool:
            together = best_milliseconds(lambda p=pool, w=work: list(p.map(lambda _: w(), "ab")))
        print(f"{name:17} twice: {alone:5.1f} ms in one thread, {together:5.1f} ms in two")


# %% [markdown]
"""
## Integration

There is no earlier module to meet, but there is the package. `get_info()` must speak of the very copy that `import tinytorch` gives, and NumPy must be able to do what all the others stand on: compute with float32 and keep it float32.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "setup-integration-test", "points": 1}
def test_integration():
    info = get_info()
    package = sys.modules["tinytorch"]  # get_info has imported it
    assert info["version"] == package.__version__
    assert os.path.samefile(info["folder"], os.path.dirname(package.__file__))
    assert not _is_older(info["version"], (0, 1))
    row = np.array([1.0, 2.0], dtype=np.float32)
    assert (row * 2 + 1).dtype == np.float32
    assert (row * 2 + 1).tolist() == [3.0, 5.0]


test_integration()

# %% [markdown]
"""
## Production context

PyTorch has `python -m torch.utils.collect_env`, which prints what your `get_info` returns and much more: compilers, graphics cards, drivers. Its bug reports begin with this output. TensorFlow compares the cuDNN library that it finds with the one it was compiled for, and says so when they differ; JAX refuses at import when its two halves, `jax` and `jaxlib`, do not fit together. A wrong combination of versions often shows itself far from its cause, so all of them look for it first.

Tools that install packages compare versions by a written standard, PEP 440, in which a release candidate such as `2.1.0rc1` comes before `2.1.0`. We treat both as equal, which is enough for a lower bound such as 2.0; a program that must be exact uses the library `packaging`.
"""

# %% [markdown]
"""
## Comprehensive testing

All functions together: what `setup()` accepts and what `check_versions()` finds must always agree, whatever is required.
"""


# %% nbgrader={"schema_version": 3, "grade": true, "solution": false, "locked": true, "task": false, "grade_id": "setup-all-test", "points": 1}
def test_everything_agrees():
    found = _numbers(get_info()["numpy"])
    for needed in [(0,), found[:1], found[:2], found, (*found, 1), (found[0] + 1,), (99,)]:
        problems = check_versions(python=(0,), numpy=needed)
        assert bool(problems) == (needed > found)
        try:
            answer = setup(python=(0,), numpy=needed)
        except RuntimeError as error:
            answer = str(error)
        assert answer == ("\n".join(problems) or get_info())


test_everything_agrees()

# %%
if __name__ == "__main__":
    run_tests()
    analyze_import()
    analyze_numbers()
    analyze_threads()

# %% [markdown]
"""
## 🤔 ML Systems Thinking: Interactive Questions

Answer in a few sentences, in the cell below each question. Use the numbers that your own machine printed.

**Question 1.** `check_versions` returns sentences and `setup` raises an error. Why is the checking kept apart from the deciding? Name a program that would want the list and not the error.
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "setup-question-check", "points": 1}
"""
A function that returns what it found can be used for more than one purpose and is easy to test: call it, compare the list. Raising is a decision for one kind of caller, a program that cannot go on. A command that shows the state of the machine, such as `tito system doctor`, wants all the sentences to print them beside what is fine, and a web page or a test would do something else again.
"""

# %% [markdown]
"""
**Question 2.** How many bytes did one number take in the list and in the float32 array? A model has 100 million parameters: how much memory would it need in each form on your machine, and would it fit?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "setup-question-memory", "points": 1}
"""
The list takes about 32 bytes a number, 8 for the pointer and 24 for the object; the array takes 4. For 100 million parameters this is 3.2 GB against 0.4 GB. The value of `memory_bytes` in `get_info()` says how much there is: with 8 GB both fit, but training needs a gradient and often two more numbers for each parameter, and then the lists (12.8 GB) no longer fit, while the arrays (1.6 GB) do.
"""

# %% [markdown]
"""
**Question 3.** Two threads did not make the loop in Python faster. Explain why, and why NumPy behaves otherwise. What does Amdahl's law say about a training step of which 20 % is Python's own code, on 4 cores?
"""

# %% [markdown] nbgrader={"schema_version": 3, "grade": true, "solution": true, "locked": false, "task": false, "grade_id": "setup-question-threads", "points": 1}
"""
The interpreter holds a lock while it runs Python code, so two threads take turns and the switching even costs a little. NumPy gives the lock back while it computes on arrays, and then the second thread runs on another core at the same time. With p = 0.8 on 4 cores the step becomes at most 1 / (0.2 + 0.8 / 4) = 2.5 times as fast; even with any number of cores it stays below 5 times. So the arrays should be large and the Python between them small.
"""

# %% [markdown]
"""
## 🎯 MODULE SUMMARY: Setup

You measured a machine with `get_info`, compared versions as the rows of numbers that they are with `check_versions`, and made one function, `setup`, that either returns the facts or says everything that is wrong and what to type.

You also know how to work now: a step, its test, `tito module test 01`, and, once all tests pass, `tito module export 01`. From then on `tinytorch.setup()` is your own code. In module 02 you write the operations of the tensor.
"""
