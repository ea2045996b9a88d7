"""What runs inside the sandbox: a package from one place, then pytest. Imports nothing of tito.

    python -I -B inside.py SPEC.json

SPEC names the folder that holds the package, the tests to run and where the JSON report goes. What
it calls `mark` is written to both outputs once the package is imported. With `graded`, cells are
run as nbgrader runs them, and a line is written to the report for each that counts. The
dev file's unexported cells are compiled with their own line numbers, in a namespace that holds
every name of the exported module, so that tests test the exported code.
"""

from __future__ import annotations

import ast
import functools
import importlib
import io
import json
import os
import runpy
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

WRONG_PACKAGE = 97
"""Exit code: `tinytorch` came from another place than the spec names."""
LONGEST_MESSAGE = 600


def main() -> None:
    spec = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    import_package(spec["package"], spec["folder"])
    if spec.get("graded"):
        run_graded(spec["graded"], Path(spec["report"]))
        return
    if spec["report"] is None:
        for script in spec["files"]:
            runpy.run_path(script, run_name="__main__")
        return
    mark(spec["mark"])
    import pytest

    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    arguments = [
        f"--rootdir={spec['root']}",
        f"--config-file={spec['settings']}",
        "--import-mode=importlib",
        "--quiet",
        "-p",
        "no:cacheprovider",
        "-p",
        "pytest_jsonreport.plugin",
        "--json-report",
        f"--json-report-file={spec['report']}",
        "--json-report-omit=collectors,keywords,log,warnings,environment",
        *spec["files"],
    ]
    sys.exit(pytest.main(arguments, plugins=[OneDevFile(dev, pytest) for dev in spec["devs"]]))


def import_package(name: str, folder: str) -> types.ModuleType:
    """The package that lies in `folder`. Ends the process if another one is found."""
    sys.path.insert(0, folder)
    package = importlib.import_module(name)
    origin = Path(str(package.__file__)).resolve()
    if not origin.is_relative_to(Path(folder).resolve()):
        print(f"{name} was imported from {origin.parent}", file=sys.stderr)
        sys.exit(WRONG_PACKAGE)
    return package


def mark(text: str) -> None:
    """Write it behind all that was said so far, also by processes that were started."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    for output in (1, 2):
        os.write(output, text.encode())


class OneDevFile:
    """The pytest plugin that collects one dev file in our way."""

    def __init__(self, dev: dict[str, Any], pytest: Any) -> None:
        class DevModule(pytest.Module):  # type: ignore[misc]
            def collect(self) -> list[Any]:
                self.obj, broken = namespace(dev)
                items = list(super().collect())
                for name, error in broken.items():
                    function = raiser(error)
                    items.append(pytest.Function.from_parent(self, name=name, callobj=function))
                return items

        self.path = Path(dev["path"])
        self.collector = DevModule

    def pytest_pycollect_makemodule(self, module_path: Path, parent: Any) -> Any:
        if module_path == self.path:
            return self.collector.from_parent(parent, path=module_path)
        return None


def raiser(error: BaseException) -> Callable[[], NoReturn]:
    def fail() -> NoReturn:
        raise error

    return fail


def namespace(dev: dict[str, Any]) -> tuple[types.ModuleType, dict[str, BaseException]]:
    """The module object with everything defined, and what could not be, by cell."""
    module = types.ModuleType(Path(dev["path"]).stem)
    broken: dict[str, BaseException] = {}
    try:
        fill(module, dev)
    except Exception as error:
        return module, {"import": error}
    for line, identity, source in dev["cells"]:
        try:
            exec(compiled(source, line, dev["path"]), module.__dict__)
        except (Exception, SystemExit) as error:
            broken[f"cell {identity}"] = error
    return module, broken


def fill(module: types.ModuleType, dev: dict[str, Any]) -> None:
    """Give it every name of the exported module."""
    module.__file__ = dev["path"]
    exported = importlib.import_module(dev["module"])
    module.__dict__.update(
        {name: value for name, value in vars(exported).items() if not name.startswith("__")}
    )
    # pytest runs what is named test_*: an exported function of that name is not a test.
    for name in [name for name in vars(module) if name.startswith("test")]:
        delattr(module, name)


def run_graded(dev: dict[str, Any], report: Path) -> None:
    """Run the cells from the first to the last; what one of them breaks, the next ones see."""
    module = types.ModuleType("__main__")
    failure = ""
    # At its end, whoever else writes there: a line that was forged is then seen beside ours.
    with report.open("a", encoding="utf-8") as file:
        say(file, {"began": True})
        try:
            fill(module, dev)
        except BaseException as error:
            failure = described(error)
        for line, identity, source, graded in dev["cells"]:
            tests = {"": failure} if failure else run_cell(module, dev["path"], line, source)
            if graded:
                say(file, {"cell": identity, "tests": tests})


def say(file: Any, value: object) -> None:
    """A line that is there whatever happens to this process next."""
    file.write(json.dumps(value) + "\n")
    file.flush()


def run_cell(module: types.ModuleType, path: str, line: int, source: str) -> dict[str, str]:
    """Each test that the cell calls and why it failed, empty if it passed; "" is the rest of it."""
    tests = {"": ""}
    heard, sys.stderr = sys.stderr, io.StringIO()
    try:
        tree = ast.parse("\n" * (line - 1) + source, path)
        for node in tree.body:
            if is_main(node):
                continue
            name = node.value.func.id if is_call_of_test(node) else ""  # type: ignore[attr-defined]
            code = compile(ast.Module([node], []), path, "exec", dont_inherit=True)
            try:
                exec(code, module.__dict__)
                tests.setdefault(name, "")
            except BaseException as error:
                tests[name] = described(error)
                if not name:
                    break
        said = getattr(sys.stderr, "getvalue", str)()
        if said and not any(tests.values()):
            tests[""] = "it wrote to stderr"
    except BaseException as error:
        tests[""], said = described(error), ""
    finally:
        sys.stderr = heard
    sys.stderr.write(said)
    return tests


def described(error: BaseException) -> str:
    """What it says, if it can be asked."""
    try:
        return f"{type(error).__name__}: {error}"[:LONGEST_MESSAGE]
    except BaseException:
        return "an error that cannot be shown"


@functools.cache
def compiled(source: str, line: int, path: str) -> types.CodeType:
    tree = ast.parse("\n" * (line - 1) + source, path)
    tree.body = [node for node in tree.body if not is_call_of_test(node) and not is_main(node)]
    try:
        # Without it pytest could only say that an assertion failed, not why.
        from _pytest.assertion.rewrite import rewrite_asserts

        rewrite_asserts(tree, source.encode(), path)
    except ImportError:
        pass
    code: types.CodeType = compile(tree, path, "exec", dont_inherit=True)
    return code


def is_call_of_test(node: ast.stmt) -> bool:
    call = node.value if isinstance(node, ast.Expr) else None
    return (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id.startswith("test_")
    )


def is_main(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Compare)
        and isinstance(node.test.left, ast.Name)
        and node.test.left.id == "__name__"
    )


if __name__ == "__main__":
    main()
