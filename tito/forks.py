"""What runs inside the sandbox to try mutants: one process that forks for each of them.

    python -I -B forks.py SPEC.json

NumPy, pytest and the package of the earlier modules are imported once. Each child then gets the
module's exported code with one change, defines the module and runs its graded tests, as `inside`
would. What it found is written to the file that SPEC calls `report`. Imports nothing of tito.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.abc
import importlib.util
import json
import os
import signal
import sys
import time
import types
from pathlib import Path
from typing import Any

TIME_FOR_THE_SOLUTION = 60.0
_FEW_CHARACTERS = 200


def main() -> None:
    spec = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    inside = beside("inside")
    for name in ("numpy", "pytest"):
        importlib.import_module(name)
    inside.import_package(spec["package"], spec["folder"])
    for line, _, source in spec["dev"]["cells"]:
        inside.compiled(source, line, spec["dev"]["path"])
    gc.collect()
    gc.freeze()  # what is shared stays shared
    began = time.monotonic()
    outcomes = [in_child(spec, inside, (0, 0, ""), TIME_FOR_THE_SOLUTION)]
    if outcomes[0][0] == "survived":
        seconds = max(spec["least"], spec["times"] * (time.monotonic() - began))
        outcomes += [in_child(spec, inside, edit, seconds) for edit in spec["edits"]]
    Path(spec["report"]).write_text(json.dumps(outcomes), encoding="utf-8")


def beside(name: str) -> types.ModuleType:
    """A file of this folder as a module: the folder itself stays off Python's path."""
    found = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def in_child(
    spec: dict[str, Any], inside: types.ModuleType, edit: tuple[int, int, str], seconds: float
) -> tuple[str, str]:
    """How the tests end on the code with this change, and what noticed it."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        # The default action of this signal ends a process whatever it is doing.
        signal.setitimer(signal.ITIMER_REAL, seconds)
        nothing = os.open(os.devnull, os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(nothing, stream)
        said = json.dumps(tried(spec, inside, edit))
        os.write(write_end, said.encode())
        os._exit(0)
    os.close(write_end)
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(ProcessLookupError):  # what it may have started
        os.killpg(child, signal.SIGKILL)
    with os.fdopen(read_end, "rb") as pipe:
        data = pipe.read()
    code = os.waitstatus_to_exitcode(status)
    if code in (-signal.SIGALRM, -signal.SIGXCPU):
        return "timeout", f"it took longer than {seconds:.0f} s"
    if not data:
        return "crash", f"the process ended with code {code}"
    how, by = json.loads(data)
    return how, by


def tried(
    spec: dict[str, Any], inside: types.ModuleType, edit: tuple[int, int, str]
) -> tuple[str, str]:
    """Define the changed module and run its tests up to the first that fails."""
    import pytest

    start, end, text = edit
    source = spec["source"][:start] + text + spec["source"][end:]
    try:
        define(spec, source)
    except BaseException as error:
        return "crash", told(error)
    module, broken = inside.namespace(spec["dev"])
    if broken:
        name = next(iter(broken))
        return "test", f"{name}: {told(broken[name])}"
    for name in spec["tests"]:
        try:
            getattr(module, name)()
        except pytest.skip.Exception:
            continue
        except BaseException as error:
            return "test", f"{name}: {told(error)}"
    return "survived", ""


def told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".strip()[:_FEW_CHARACTERS]


class Source(importlib.abc.InspectLoader):
    """Loads a module from a text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def get_source(self, _: str) -> str:
        return self.text


def define(spec: dict[str, Any], source: str) -> None:
    """Put the module into the package as importing the whole package would."""
    name = spec["dev"]["module"]
    found = importlib.util.spec_from_loader(name, Source(source), origin=spec["dev"]["path"])
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    parent, _, last = name.rpartition(".")
    package = sys.modules[spec["package"]]
    sys.modules[name] = module
    setattr(importlib.import_module(parent), last, module)
    found.loader.exec_module(module)
    for public in spec["public"]:
        setattr(package, public, getattr(module, public))


if __name__ == "__main__":
    main()
