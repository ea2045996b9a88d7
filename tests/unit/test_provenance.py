"""What was handed out is said in a file that anybody can check, and that nobody must believe."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import ROOT
from tito.course import load
from tito.errors import TitoError
from tito.fingerprint import own
from tito.provenance import FILE, decode, digest, read, stamped

FILES = {
    "README.md": b"Hello\n",
    "modules/source/01_setup/setup_dev.py": b"# %%\n",
    "tinytorch/__init__.py": b"",
    "tito/x.py": b"",
}


def test_a_release_names_what_is_locked_and_what_may_be_edited(tmp_path: Path) -> None:
    course = load(ROOT)
    made = stamped(course, FILES, course.modules[:1], source="a" * 40)
    assert list(made) == sorted([*FILES, FILE])
    (tmp_path / FILE).write_bytes(made[FILE])
    found = read(tmp_path)
    assert found is not None
    assert list(found.editable) == ["modules/source/01_setup/setup_dev.py"]
    assert found.locked == {path: digest(FILES[path]) for path in ("README.md", "tito/x.py")}
    assert (found.source, found.tito, found.modules) == ("a" * 40, own(), ("01_setup",))


def test_the_same_tree_is_the_same_release_and_another_is_another() -> None:
    course = load(ROOT)

    def release(**changed: bytes) -> str:
        made = stamped(course, {**FILES, **changed}, (), source="b" * 40)
        return decode(made[FILE]).release

    assert release() == release() == release(**{FILE: b"from before"})
    assert release() != release(**{"README.md": b"Bye\n"})
    assert release(**{"README.md": b"Hello\r\n"}) == release()


def test_a_repository_that_nobody_handed_out_has_none(tmp_path: Path) -> None:
    assert read(tmp_path) is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"not JSON", "says not what was handed out"),
        (b"[" * 100_000, "says not what was handed out"),
        (b"x" * (1024 * 1024 + 1), "too large"),
        (
            b'{"release": "0123456789abcdef", "source": "", "tito": "", "modules": [], '
            b'"locked": {}, "editable": {}, "format": 2}',
            "format 2",
        ),
    ],
)
def test_what_a_student_wrote_into_it_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / FILE).write_bytes(data)
    with pytest.raises(TitoError) as caught:
        read(tmp_path)
    assert message in caught.value.message
    assert caught.value.hint
