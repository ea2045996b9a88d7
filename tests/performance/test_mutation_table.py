"""What `python -m benchmarks mutation` prints, and that the list of equivalent mutants holds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import mutation
from benchmarks.__main__ import PROOFS, find
from tests.unit.written_module import COURSE
from tito.course import load
from tito.errors import UsageError
from tito.mutation import OPERATORS, Mutant, mutants
from tito.mutation_proof import How, Proof, Tried
from tito.report import Finding
from tito.source import read

ROOT = Path(__file__).resolve().parents[2]


def tried(number: int, how: How, reason: str = "", module: str = "01_small") -> Tried:
    id = f"small-f:constant:{number}"
    mutant = Mutant(id, "constant", "small_dev.py", number, "f", "x + 1", "x + 2", 0, 0, "")
    return Tried(module, mutant, how, "a test", reason)


def proof(caught: int, survived: int, *findings: Finding) -> Proof:
    each = [tried(n, "test") for n in range(caught)]
    return Proof((*each, *(tried(n, "survived") for n in range(survived))), findings)


def test_the_table_counts_by_module_and_in_all() -> None:
    found = Proof(
        (
            tried(1, "test"), tried(2, "timeout"), tried(3, "survived", "It is the same."),
            tried(4, "crash", module="02_other"), tried(5, "survived", module="02_other"),
        )
    )  # fmt: skip
    assert mutation.rows(found) == [
        ("01_small", "3", "2", "66.7%", "1", "1", "0"),
        ("02_other", "2", "1", "50.0%", "0", "0", "1"),
        ("all", "5", "3", "60.0%", "1", "1", "1"),
    ]
    assert {len(row) for row in mutation.rows(found)} == {len(mutation.COLUMNS)}


def test_survivors_are_listed_with_their_place(capsys: pytest.CaptureFixture[str]) -> None:
    mutation.show(proof(9, 1), 3.0)
    said = capsys.readouterr().out
    assert "\nsmall_dev.py:0 small-f:constant:0: x + 1 → x + 2\n" in said
    assert "✓ 90.0% of 10 mutants are caught; at least 85% must be (3 s)" in said
    mutation.show(proof(10, 0), 3.0)
    assert "No test notices" not in capsys.readouterr().out


def test_too_few_or_a_wrong_list_is_a_failure() -> None:
    assert mutation.well(proof(85, 15))
    assert not mutation.well(proof(84, 16))
    assert not mutation.well(proof(100, 0, Finding("equivalent-mutants", "error", "a", 0, "b")))
    assert not mutation.well(Proof(()))


def test_modules_are_named_as_everywhere() -> None:
    course = load(ROOT)
    assert [m.slug for m in mutation.chosen(course, ("tensor", "1"))] == ["01_setup", "02_tensor"]
    assert all(course.written(module) for module in mutation.chosen(course, ()))
    assert mutation.chosen(COURSE, ()) == []
    done = CliRunner().invoke(mutation.command, ["tensr"])
    assert (done.exit_code, "did you mean tensor" in done.output) == (2, True)


def test_a_proof_is_named_by_itself() -> None:
    for name in PROOFS:
        with pytest.raises(UsageError, match="goes by itself"):
            find(name)
    with pytest.raises(UsageError, match="Did you mean 'mutation'"):
        find("mutations")


@pytest.mark.slow
def test_every_mutant_has_an_id_of_its_own() -> None:
    course = load(ROOT)
    devs = [read(course.dev_file(m), course.dev_path(m)) for m in mutation.chosen(course, ())]
    found = [mutant for dev in devs for mutant in mutants(dev)]
    assert len({mutant.id for mutant in found}) == len(found) > 1500
    assert {mutant.operator for mutant in found} == {operator.name for operator in OPERATORS}


@pytest.mark.slow
def test_the_activations_and_the_list_of_this_course() -> None:
    """The list is checked against the mutants of all modules, whichever is tried."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "mutation", "activations", "--json", "-"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout[-2000:]
    data = json.loads(done.stdout)
    assert data["findings"] == []
    assert [each["what"] for each in data["modules"]] == ["03_activations"]
    assert data["total"]["mutants"] == len(data["tried"]) > 50
    assert data["total"]["survived"] == 0
