"""What others' tools say of our YAML and scripts: `python -m tests.workflows.linters`, for `make lint`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml

BIN = Path(sys.executable).parent
SCRIPTS = (".ci/run", "requirements/set-up.sh", ".github/actions/tito.sh")
LINTERS = ("zizmor", "schemas", "act", "shellcheck", "yamllint")


def commands(linter: str, root: Path, folder: Path) -> Iterator[list[str]]:
    """What to run in `root`. `folder` is for files that are made to be looked at."""
    github = root / ".github"
    if linter == "zizmor":
        yield ["zizmor", "--offline", "--persona=auditor", "--quiet", "--strict-collection", "."]
    elif linter == "schemas":
        schema = ["check-jsonschema", "--builtin-schema"]
        yield [*schema, "vendor.dependabot", ".github/dependabot.yml"]
        yield [*schema, "vendor.github-workflows", *map(str, sorted(github.glob("workflows/*")))]
        yield [*schema, "vendor.github-actions", *map(str, sorted(github.glob("actions/*/*.yml")))]
    elif linter == "act":
        runner = "ubuntu-24.04=-self-hosted"
        yield ["act", "--validate", "--strict", "-C", str(root), "-P", runner]
    elif linter == "shellcheck":
        extracted = [str(path) for path in extract(root, folder)]
        yield ["shellcheck", *(name for name in SCRIPTS if (root / name).is_file()), *extracted]
    elif linter == "yamllint":
        yield ["yamllint", "--strict", "."]


def extract(root: Path, folder: Path) -> Iterator[Path]:
    """Write every `run:` block to a file that begins as the runner begins it."""
    files = [*root.glob(".github/workflows/*.yml"), *root.glob(".github/actions/*/action.yml")]
    for file in sorted(files):
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        parts = [*content.get("jobs", {}).values(), content.get("runs", {})]
        steps = [step for part in parts for step in part.get("steps", ()) if "run" in step]
        for number, step in enumerate(steps):
            name = "-".join([file.parent.name, file.stem, str(number)])
            path = folder / f"{name}.sh"
            path.write_text(f"#!/bin/bash\nset -eo pipefail\n{step['run']}\n", encoding="utf-8")
            yield path


def lint(linter: str, root: Path) -> str:
    """What the linter found, in its own words; empty if nothing."""
    with tempfile.TemporaryDirectory(prefix="lint-") as folder:
        for command in commands(linter, root, Path(folder)):
            program = str(BIN / command[0])
            # A home of its own: act would ask there for its settings, and write them.
            environment = {"PATH": f"{BIN}:/usr/bin:/bin", "HOME": folder, "LANG": "C.UTF-8"}
            done = subprocess.run(
                [program, *command[1:]], cwd=root, env=environment,
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode:
                return f"{done.stdout}{done.stderr}" or f"exit code {done.returncode}"
    return ""


def main() -> int:
    """Run all of them on this checkout."""
    root = Path(__file__).resolve().parents[2]
    code = 0
    for linter in LINTERS:
        found = lint(linter, root)
        print(f"{linter}: {'found something' if found else 'no finding'}\n{found}".rstrip())
        code = code or bool(found)
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
