"""A repository of somebody else uses the actions from a published tools repository, under act."""

from __future__ import annotations

import hashlib
import importlib.metadata
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from bot.act import Act, Repository, Run
from bot.tools import publish
from tests.conftest import ROOT
from tests.integration.built_course import PROJECT
from tests.workflows.action_documents import TOOLS, actions, examples
from tests.workflows.test_pull_request_workflow import replaced
from tito import contract
from tito.course import load
from tito.export import export
from tito.fingerprint import own
from tito.report import decode

pytestmark = pytest.mark.slow

GUIDE = examples((ROOT / "docs/actions.md").read_text(encoding="utf-8"))[0]
READMES = {action.name: action.example for action in actions(ROOT / ".github/actions")}
DEV = "modules/source/01_setup/setup_dev.py"
PACKAGE = "tinytorch/core/setup.py"
GREEN = {"static": "success", "integration": "success", "verdict": "success"}
PACKAGES = (
    *("click", "msgspec", "PyYAML", "typing_extensions"),
    *("rich", "Pygments", "markdown-it-py", "mdurl"),
)
"""What `tito gate export` imports where somebody watches, as act pretends."""

Change = Callable[[Path], object]


def published(source: Repository, folder: Path) -> Path:
    """A checkout of v1 of the tools that were published from there."""
    target, checkout = folder / "tools.git", folder / "tools"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", target], check=True)
    publish(source.folder, target.as_uri(), "1.0.0")
    clone = ["git", "clone", "-q", "--branch", "v1", target.as_uri(), checkout]
    subprocess.run(clone, check=True, capture_output=True)
    return checkout


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    return published(Repository(ROOT, folder / "course"), folder)


def first_module(root: Path) -> None:
    """The first module of this course as a course of its own, without tito and bot."""
    manifest = yaml.safe_load((ROOT / "classroom.yml").read_text(encoding="utf-8"))
    name = manifest["modules"][0]["name"]
    manifest["modules"] = manifest["modules"][:1]
    manifest["course"]["points"] = manifest["modules"][0]["points"]
    manifest.pop("assignments", None)  # they name modules that are not here
    manifest["checkpoints"] = [c for c in manifest["checkpoints"] if c["modules"] == [name]]
    (root / "classroom.yml").write_text(yaml.safe_dump(manifest, sort_keys=False), encoding="utf-8")
    (root / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    checkpoints = [
        f"tests/checkpoints/checkpoint_{c['number']}_{c['name']}.py"
        for c in manifest["checkpoints"]
    ]
    for path in (DEV, *checkpoints):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, root / path)
    course = load(root)
    export(course, course.modules)
    contract.write(course)
    shutil.rmtree(root / ".tito")


class Outside:
    """A small course in a repository of its own, which holds nothing of ours but its workflow."""

    def __init__(self, folder: Path, runner: Act) -> None:
        source = folder / "small"
        source.mkdir()
        first_module(source)
        subprocess.run(["git", "init", "-q", source], check=True)
        self.repository = Repository(source, folder / "outside")
        self.runner = runner

    def run(self, tools: Path, workflow: str, change: Change, **environment: str) -> Run:
        """Open a pull request with the change, and let the workflow judge it."""
        file = self.repository.folder / ".github/workflows/gates.yml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(workflow.replace(TOOLS, "acme/tools/.github/actions/"), encoding="utf-8")
        self.repository.commit("Gates")
        event = self.repository.pull_request("fix/it", change)
        return self.runner.run(
            self.repository.folder, "gates.yml", "pull_request", event,
            environment={"GITHUB_REPOSITORY": "ann/mine", **environment},
            repositories={"acme/tools@v1": tools},
        )  # fmt: skip


@pytest.fixture
def outside(tmp_path: Path, runner: Act) -> Outside:
    return Outside(tmp_path, runner)


def nothing(root: Path) -> None:
    (root / "notes.md").write_text("Read on paper first.\n", encoding="utf-8")


def test_the_repository_holds_nothing_of_ours(outside: Outside, tools: Path) -> None:
    top = {path.name for path in outside.repository.folder.iterdir()}
    assert top == {".git", "classroom.yml", "modules", "pyproject.toml", "tests", "tinytorch"}
    assert not {"modules", "tinytorch", "tests"} & {path.name for path in tools.iterdir()}


def test_a_good_pull_request_is_green(outside: Outside, tools: Path) -> None:
    run = outside.run(tools, GUIDE, nothing)
    assert run.jobs == GREEN, run.log
    results = [run.outputs(job, "gate") for job in ("static", "integration")]
    assert [Path(result["result"]).name for result in results] == [
        "protection.json",
        "integration.json",
    ]


SYNTAX = replaced(DEV, "def get_info():", "def get_info(:")
HAND_EDIT = replaced(PACKAGE, "return found < required", "return found > required")
WRONG = replaced(DEV, 'assert _is_older("2.9"', 'assert not _is_older("2.9"')


@pytest.mark.parametrize(
    ("gate", "change", "said"),
    [
        ("export", SYNTAX, f"{DEV}:"),
        ("protection", HAND_EDIT, "edited by hand"),
        ("integration", WRONG, "tito module test 01"),
    ],
)
def test_a_fault_is_red_there_as_here(
    outside: Outside, tools: Path, gate: str, change: Change, said: str
) -> None:
    run = outside.run(tools, READMES[gate], change)
    assert run.jobs == {gate: "failure"}, run.log
    assert said in run.log


@pytest.mark.parametrize("name", ["setup", "export", "protection"])
def test_the_example_of_an_action_works(outside: Outside, tools: Path, name: str) -> None:
    """That of `integration` is the slowest, and its job stands in the guide as it is."""
    run = outside.run(tools, READMES[name], nothing)
    assert run.jobs == {name: "success"}, run.log
    if name != "setup":
        assert f"tito gate {name}" in run.log


def test_a_change_since_the_base_is_seen(outside: Outside, tools: Path) -> None:
    lock = replaced("classroom.yml", "name: TinyTorch", "name: Ours")
    run = outside.run(tools, READMES["protection"], lock)
    assert run.jobs == {"protection": "success"}, run.log
    assert "this changes its own gates" in run.log


# A fresh runner

SEE = """
      - name: See
        id: see
        if: always()
        env:
          PYTHONPATH: ${{ steps.setup.outputs.root }}
        run: |
          echo "tito=$(tito --fingerprint)" >>"$GITHUB_OUTPUT"
          echo "prefix=$(python -c 'import sys; print(sys.prefix)')" >>"$GITHUB_OUTPUT"
          echo "bot=$(python -c 'import bot; print(bot.__file__)')" >>"$GITHUB_OUTPUT"
"""
EXPORT = READMES["export"].replace(
    "      - name: Set up tito\n", "      - name: Set up tito\n        id: setup\n"
)
OWN = """\
      - name: The checkout's own tito onto PATH
        run: |
          mkdir "$RUNNER_TEMP/own"
          printf '#!/bin/sh\\ncd %s && exec python3 -m tito "$@"\\n' "$PWD" >"$RUNNER_TEMP/own/tito"
          chmod +x "$RUNNER_TEMP/own/tito"
          echo "$RUNNER_TEMP/own" >>"$GITHUB_PATH"

"""


def wheels(folder: Path) -> dict[str, str]:
    """Wheels of what the export gate imports, made from what is installed → lines of a lock."""
    folder.mkdir()
    lines = {}
    for name in PACKAGES:
        found = importlib.metadata.distribution(name)
        tags = [t for t in (found.read_text("WHEEL") or "").split("\n") if t.startswith("Tag: ")]
        file = (
            folder
            / f"{name.lower().replace('-', '_')}-{found.version}-{tags[0].removeprefix('Tag: ')}.whl"
        )
        with zipfile.ZipFile(file, "w") as wheel:
            for each in found.files or ():
                if each.suffix != ".pyc" and each.parts[0] != "..":
                    wheel.write(str(each.locate()), str(each))
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        lines[name] = f"{name}=={found.version} --hash=sha256:{digest}\n"
    return lines


@pytest.fixture
def small_tools(tmp_path: Path) -> Callable[[], Path]:
    """Tools that lock only what the export gate needs."""

    def make() -> Path:
        source = Repository(ROOT, tmp_path / "source")
        lines = wheels(tmp_path / "wheels")
        text = "".join(lines.values())
        (source.folder / "requirements/base.txt").write_text(text, encoding="utf-8")
        source.commit("A short lock")
        return published(source, tmp_path)

    return make


def offline(tmp_path: Path) -> dict[str, str]:
    folder = str(tmp_path / "wheels")
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": folder, "PIP_NO_COMPILE": "1"}


def test_a_fresh_runner_gets_the_tools_with_their_own_lock(
    outside: Outside, small_tools: Callable[[], Path], tmp_path: Path
) -> None:
    outside.runner.without_tito()
    tools = small_tools()
    run = outside.run(tools, EXPORT + SEE, nothing, **offline(tmp_path))
    assert run.jobs == {"export": "success"}, run.log
    assert run.outputs("export", "setup")["origin"] == "made"
    seen = run.outputs("export", "see")
    assert seen["tito"] == own(tools / "tito") == own(ROOT / "tito")
    assert Path(seen["prefix"]).name == "tito-environment"
    assert Path(seen["bot"]).is_relative_to(run.outputs("export", "setup")["root"])


def with_tito(course: Outside) -> Path:
    """Give the repository a tito of its own, as a student's has."""
    folder = course.repository.folder / "tito"
    for file in (ROOT / "tito").rglob("*"):
        if file.suffix in (".py", ".json"):
            to = folder / file.relative_to(ROOT / "tito")
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(file.read_bytes())
    return folder


OWN_FIRST = EXPORT.replace("      - name: Set up tito\n", OWN + "      - name: Set up tito\n")


def test_the_checkouts_own_tito_is_taken_if_it_is_the_same(outside: Outside, tools: Path) -> None:
    outside.runner.without_tito()
    with_tito(outside)
    run = outside.run(tools, OWN_FIRST + SEE, nothing)
    assert run.jobs == {"export": "success"}, run.log
    assert run.outputs("export", "setup")["origin"] == "found"


def test_a_changed_tito_of_the_checkout_does_not_judge(
    outside: Outside, small_tools: Callable[[], Path], tmp_path: Path
) -> None:
    outside.runner.without_tito()
    gates = with_tito(outside) / "gates.py"
    blind = replaced("gates.py", "return judge(gate, check(load(root)), reproduce)", 'return judge(gate, (), "")')  # fmt: skip
    blind(gates.parent)
    run = outside.run(small_tools(), OWN_FIRST + SEE, HAND_EDIT, **offline(tmp_path))
    assert run.outputs("export", "setup")["origin"] == "made"
    assert run.outputs("export", "see")["tito"] == own(ROOT / "tito")
    assert run.jobs == {"export": "failure"}
    assert "edited by hand" in run.log


def test_what_a_gate_leaves_can_be_read(outside: Outside, tools: Path, tmp_path: Path) -> None:
    keep = f"""
      - name: Keep
        if: always()
        env:
          RESULT: ${{{{ steps.gate.outputs.result }}}}
        run: cp "$RESULT" {tmp_path}/kept.json
"""
    workflow = READMES["export"].replace(
        "      - name: Gate export\n", "      - name: Gate export\n        id: gate\n"
    )
    run = outside.run(tools, workflow + keep, SYNTAX)
    assert run.jobs == {"export": "failure"}
    result = decode((tmp_path / "kept.json").read_bytes())
    assert (result.gate, result.status) == ("export", "failed")
    assert DEV in {finding.path for finding in result.findings}
