"""Can I configure my TinyTorch development environment?

Shown with your own `setup`, `check_versions` and `get_info`: what they say is compared with the
machine, and what they refuse with requirements that no machine meets.
"""

import json
import os
import platform
import subprocess
import sys

import numpy as np


def test_setup_describes_this_machine():
    """setup() returns the true facts about this machine"""
    import tinytorch

    info = tinytorch.setup()
    assert info == tinytorch.get_info()
    assert info["python"] == platform.python_version()
    assert info["numpy"] == np.__version__
    assert info["platform"].split() == [platform.system(), platform.machine()]
    assert info["processors"] == (os.cpu_count() or 1)
    assert info["memory_bytes"] is None or info["memory_bytes"] > 2**26
    assert info["version"] == tinytorch.__version__
    assert os.path.samefile(info["folder"], os.path.dirname(tinytorch.__file__))


def test_a_fresh_python_imports_the_package_in_silence():
    """a fresh Python imports the package, prints nothing, and setup() agrees there"""
    import tinytorch

    folder = os.path.dirname(os.path.dirname(os.path.abspath(tinytorch.__file__)))
    program = "import json, tinytorch; print(json.dumps(tinytorch.setup()))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": folder},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1, done.stdout
    assert json.loads(done.stdout) == tinytorch.setup()


def test_versions_are_compared_as_numbers():
    """Python 3.10 is newer than 3.9, and what is too old is named with what to type"""
    import tinytorch

    major, minor, micro = sys.version_info[:3]
    for enough in [(3, 9), (major, minor, micro), (major, minor, micro, 0), (major,)]:
        assert tinytorch.check_versions(python=enough, numpy=(2, 0)) == [], enough
    for too_new in [(major, minor, micro + 1), (major, minor + 1), (major + 1,)]:
        assert len(tinytorch.check_versions(python=too_new, numpy=(2, 0))) == 1, too_new
    problems = tinytorch.check_versions(python=(99, 1), numpy=(99, 2))
    assert len(problems) == 2
    for problem, name, found, needed in [
        (problems[0], "Python", platform.python_version(), "99.1"),
        (problems[1], "NumPy", np.__version__, "99.2"),
    ]:
        assert name in problem
        assert found in problem
        assert needed in problem
    assert "pip install" in problems[1]


def test_setup_refuses_what_is_too_old():
    """setup() refuses what is too old, with every problem in one error"""
    import tinytorch

    message = "nothing was refused"
    try:
        tinytorch.setup(python=(99, 1), numpy=(99, 2))
    except RuntimeError as error:
        message = str(error)
    assert message.split("\n") == tinytorch.check_versions(python=(99, 1), numpy=(99, 2))


if __name__ == "__main__":
    for test in [
        test_setup_describes_this_machine,
        test_a_fresh_python_imports_the_package_in_silence,
        test_versions_are_compared_as_numbers,
        test_setup_refuses_what_is_too_old,
    ]:
        try:
            test()
        except Exception as error:
            failure = f"✗ {test.__doc__}\n  {test.__name__}: {type(error).__name__}: {error}"
            raise SystemExit(failure) from error
        print(f"✓ {test.__doc__}")
