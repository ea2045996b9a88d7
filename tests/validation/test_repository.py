"""What is said about the repository is so: links, commands, lock files, no addresses."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import click
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks.__main__ import BENCHMARKS, PROOFS
from tito import course as course_module
from tito.cli import tito

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]


@cache
def tracked() -> tuple[str, ...]:
    done = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return tuple(name for name in done.stdout.split("\0") if (ROOT / name).is_file())


def texts() -> Iterator[tuple[str, str]]:
    for name in tracked():
        data = (ROOT / name).read_bytes()
        if b"\0" not in data:
            yield name, data.decode("utf-8", "replace")


def documents() -> list[str]:
    """What stands with the hostile fixtures is nobody's document."""
    return [n for n in tracked() if n.endswith(".md") and not n.startswith("tests/hostile/")]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


# Links


def anchors(text: str) -> set[str]:
    """The ids that GitHub gives to the headings."""
    headings = re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def broken_links(text: str, folder: Path) -> list[str]:
    """Relative links that lead to no file, or to no heading of the file."""
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, heading = link.partition("#")
        target = folder / path
        found = anchors(target.read_text("utf-8") if path else text) if heading else set()
        if not target.exists() or (heading and heading not in found):
            broken.append(link)
    return broken


@pytest.mark.parametrize("name", documents())
def test_every_relative_link_leads_somewhere(name: str) -> None:
    assert broken_links(read(name), (ROOT / name).parent) == []


def test_a_broken_link_is_found() -> None:
    text = "# One\n[a](README.md) [b](missing.md) [c](#one) [d](#two) [e](https://x.example/y)"
    assert broken_links(text, ROOT) == ["missing.md", "#two"]


# Commands


def code(text: str) -> str:
    """Fenced blocks, indented blocks and inline code, one piece a line."""
    fenced = re.findall(r"^```.*?\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^```.*?\n.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return "\n".join([*fenced, *re.findall(r"^ {4}(.*)", rest, re.MULTILINE),
                      *re.findall(r"`([^`\n]+)`", rest)])  # fmt: skip


def unknown_commands(text: str) -> list[str]:
    """Commands in a document's code that there are not."""
    text = code(text)
    unknown = []
    # Two spaces end a command: an explanation follows.
    for words in re.findall(r"\btito ((?:--|[a-z]).*?)(?=  | && |[\"'`\n|]|$)", text):
        if not known_to_tito(words.split(" ")):
            unknown.append(f"tito {words}")
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    unknown += [
        f"make {name}" for name in re.findall(r"\bmake ([a-z]+)", text) if name not in targets
    ]
    for words in re.findall(r"python -m benchmarks ((?:[a-z]+ ?)+)", text):
        unknown += [
            f"benchmarks {name}" for name in words.split() if name not in {*BENCHMARKS, *PROOFS}
        ]
    return unknown


def known_to_tito(words: list[str]) -> bool:
    """True if the words name a command of tito with options that it has."""
    command: click.Command | None = tito
    context = click.Context(tito)
    words = [word for word in words if word]
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        command = command.get_command(context, words.pop(0))
    if command is None or (isinstance(command, click.Group) and not words and command is tito):
        return False
    options = {option for each in command.get_params(context) for option in each.opts}
    return all(word.partition("=")[0] in options for word in words if word.startswith("--"))


@pytest.mark.parametrize("name", documents())
def test_every_command_named_in_a_document_exists(name: str) -> None:
    assert unknown_commands(read(name)) == []


@pytest.mark.parametrize(
    "text",
    [
        "`tito modul list`",
        "`tito module lst`",
        "`tito export --al`",
        "`tito module lst && tito gate protection --base main`",
        "    tito module nonsense 03     explained",
        "`make nothing`",
        "```\nmake tests\n```",
        "`python -m benchmarks exprt`",
    ],
)
def test_a_command_that_is_not_there_is_found(text: str) -> None:
    assert len(unknown_commands(text)) == 1


def test_commands_with_arguments_and_prose_are_no_findings() -> None:
    text = "`tito module test 02`, `tito export --all`, we make nothing of tito here\n"
    assert unknown_commands(text + "    tito module export 03   into the package\n") == []


def test_every_target_of_the_makefile_is_explained() -> None:
    listed = subprocess.run(
        ["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for target in ("setup", "test", "quick", "lint", "demo", "lock", "clean"):
        assert re.search(rf"make {target}\s+\w", listed), target


# README's program


@pytest.mark.slow
def test_what_readme_says_works_today_works(tmp_path: Path) -> None:
    """On drawn images, where the archive would have been unpacked, and in two epochs."""
    course = course_module.load(ROOT)
    if course.module("dataloader") not in course.entered():
        pytest.skip("module 10 is not in the package")
    section = read("README.md").split("## What works today")[1]
    program = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert program is not None
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    drawing = [sys.executable, str(ROOT / "examples/synthetic_cifar10.py"), "data", "2560", "50"]
    subprocess.run(drawing, cwd=tmp_path, env=environment, check=True, capture_output=True)
    code = "import tinytorch; tinytorch.manual_seed(0)\n" + program[1]
    code = code.replace("epochs=12", "epochs=2")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.stderr == ""
    assert "epoch 2/2  loss " in done.stdout
    answer = re.search(r"'accuracy': ([\d.]+), 'class_accuracy': \[", done.stdout)
    assert answer is not None
    assert float(answer[1]) > 0.3  # a guess is right in 10 %


# Addresses, paths, leftovers

# In pieces, so that this file does not name what it looks for.
HOSTS = ("py" "pi.org", "python" "hosted.org", "npm" "js.org", "npm" "js.com", "crates" ".io",
         "docker" ".io", "ghcr" ".io", "quay" ".io", "mcr." "microsoft")  # fmt: skip
FOLDERS = tuple(f"/{name}/" for name in ("work", "root", "farm"))
MARKERS = tuple(sign * 7 + " " for sign in "<>|")


def forbidden(text: str) -> list[str]:
    """Hosts of registries, paths of a machine, merge markers, in the order of the text's lines."""
    own = (*FOLDERS, f"{ROOT}/", f"{Path.home()}/")
    found = []
    for line in text.split("\n"):
        found += [host for host in HOSTS if host in line]
        found += [path for path in set(own) if re.search(rf"(^|[^\w.]){re.escape(path)}", line)]
        found += [marker for marker in MARKERS if line.startswith(marker)]
    return found


def test_no_file_names_a_registry_host_a_machines_path_or_a_merge() -> None:
    found = {name: forbidden(text) for name, text in texts()}
    assert {name: what for name, what in found.items() if what} == {}


@pytest.mark.parametrize(
    "line",
    [f"see https://{HOSTS[0]}/simple", f"cd {FOLDERS[0]}main", f"{MARKERS[0]}HEAD", f"{ROOT}/x"],
)
def test_a_forbidden_line_is_found(line: str) -> None:
    assert forbidden(f"fine\n{line}\n")
    assert forbidden(f"a folder called my{FOLDERS[0]}here\n") == []


def named(*endings: str) -> list[str]:
    return [n for n in tracked() if n.endswith(endings) and not n.startswith("tests/hostile/")]


@pytest.mark.parametrize("name", named(".yml", ".yaml", ".json", ".toml"))
def test_every_data_file_parses(name: str) -> None:
    load = {"json": json.loads, "toml": tomllib.loads}.get(name.rpartition(".")[2], yaml.safe_load)
    assert load(read(name)) is not None


# Lock files

LOCKS = {
    "base": (),
    "bot": (),
    "test": ("dev", "instructor"),
    "parity": ("parity",),
    "docs": ("docs",),
}
"""Lock file → the extras it covers, beside what the project always requires."""
FOR_THE_USER_ALONE = {"plots", "watch"}
"""Extras that neither tests nor CI need, and that no lock file covers."""


def requirements_of(extras: Iterable[str]) -> list[Requirement]:
    project = tomllib.loads(read("pyproject.toml"))
    lines = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    for extra in extras:
        lines += project["project"]["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


def pins(text: str) -> list[Requirement]:
    """The pinned requirements of a lock file, hashes and comments left out."""
    lines = [line.removesuffix("\\").strip() for line in text.split("\n")]
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "--hash"))]


def lock_faults(text: str, wanted: Iterable[Requirement]) -> list[str]:
    """Addresses and options, pins without a hash, and requirements that no pin meets."""
    faults = [
        line
        for line in text.split("\n")
        if re.search(r"://| @ |(^|\s)/|\.whl|^\s*--(?!hash=sha256:[0-9a-f]{64})", line)
    ]
    # An entry begins in the first column; what belongs to it is indented.
    entries = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    faults += [entry.split("\n")[0] for entry in entries if "--hash=sha256:" not in entry]
    if faults:
        return faults
    versions: dict[str, list[str]] = {}
    for pin in pins(text):
        versions.setdefault(canonicalize_name(pin.name), []).append(
            next(iter(pin.specifier)).version
        )
    return [str(each) for each in wanted if not met(each, versions)]


def met(requirement: Requirement, versions: dict[str, list[str]]) -> bool:
    """True if every pinned version of it will do; there must be one."""
    found = versions.get(canonicalize_name(requirement.name), [])
    return bool(found) and all(requirement.specifier.contains(version) for version in found)


def not_locked() -> set[str]:
    lines = read("requirements/not-locked.in").split("\n")
    return {Requirement(line).name for line in lines if line and not line.startswith("#")}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_no_address_and_covers_what_the_project_requires(name: str) -> None:
    wanted = [each for each in requirements_of(LOCKS[name]) if each.name not in not_locked()]
    if (ROOT / f"requirements/{name}.in").is_file():
        wanted += pins(read(f"requirements/{name}.in"))
    assert lock_faults(read(f"requirements/{name}.txt"), wanted) == []


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://example.org/simple",
        "--find-links /somewhere",
        "click==8.1.7",
        "click @ file:click.whl",
        "    # via -r /somewhere/build.in",
    ],
)
def test_a_fault_in_a_lock_is_found(line: str) -> None:
    good = f"click==8.1.7 \\\n    --hash=sha256:{'0' * 64}\n"
    assert lock_faults(good, []) == []
    assert lock_faults(f"{good}{line}\n", []) != []


@pytest.mark.parametrize("wanted", ["click>=8.2", "rich"])
def test_a_requirement_without_a_pin_is_found(wanted: str) -> None:
    text = f"click==8.1.7 \\\n    --hash=sha256:{'0' * 64}\n"
    assert lock_faults(text, [Requirement("click>=8"), Requirement(wanted)]) == [wanted]


def test_every_extra_and_every_lock_file_has_its_place() -> None:
    extras = tomllib.loads(read("pyproject.toml"))["project"]["optional-dependencies"]
    locked = {extra for covered in LOCKS.values() for extra in covered}
    assert locked | FOR_THE_USER_ALONE == set(extras)
    assert {path.stem for path in (ROOT / "requirements").glob("*.txt")} == set(LOCKS)


def test_locks_agree_and_none_brings_torch() -> None:
    everywhere = {name: {str(p) for p in pins(read(f"requirements/{name}.txt"))} for name in LOCKS}
    names = {name: {Requirement(p).name for p in found} for name, found in everywhere.items()}
    for name, found in everywhere.items():
        assert not names[name] & {*not_locked(), "triton"}
        assert not [each for each in names[name] if each.startswith("nvidia")]
        versions = {(r.name, str(r.specifier)) for r in map(Requirement, everywhere["test"])}
        for pin in map(Requirement, found):
            assert pin.name not in names["test"] or (pin.name, str(pin.specifier)) in versions


# Setting up


@pytest.mark.parametrize(
    ("python", "said"),
    [
        (
            '#!/bin/sh\necho "3.9"; case "$2" in *print*) exit 0;; *) exit 1;; esac\n',
            "is Python 3.9",
        ),
        ("#!/bin/sh\nexit 1\n", "There is no"),
        (
            '#!/bin/sh\ncase "$2" in *print*) echo 3.12;; *ensurepip*) exit 1;; esac\n',
            "python3-venv",
        ),
    ],
    ids=["too old", "does not run", "no venv"],
)
def test_setting_up_says_what_is_missing(tmp_path: Path, python: str, said: str) -> None:
    stand_in = tmp_path / "python"
    stand_in.write_text(python, encoding="utf-8")
    stand_in.chmod(0o755)
    (tmp_path / "pyproject.toml").write_text(read("pyproject.toml"), encoding="utf-8")
    done = subprocess.run(
        ["sh", ROOT / "requirements/set-up.sh", "requirements/base.txt"],
        cwd=tmp_path, capture_output=True, text=True,
        env={"PATH": "/usr/bin:/bin", "PYTHON": str(stand_in), "UV": "no-such-uv"},
    )  # fmt: skip
    assert done.returncode == 1
    assert said in done.stderr
    assert not (tmp_path / ".venv").exists()
