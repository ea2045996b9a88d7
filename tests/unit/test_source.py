"""Reading dev files: cell for cell what jupytext reads, and where each line stands."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import jupytext
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.hostile.dev_files import HOSTILE
from tito import course as course_module
from tito.errors import TitoError
from tito.options import BROKEN_METADATA
from tito.source import Cell, DevFile, parse, read

ROOT = Path(__file__).resolve().parents[2]
COURSE = course_module.load(ROOT)
WRITTEN = [module for module in COURSE.modules if COURSE.written(module)]
FORMAT = {"extension": ".py", "format_name": "percent", "comment_magics": False}
LAYOUT = {
    "lines_to_next_cell",
    "cell_marker",
    "lines_to_end_of_cell_marker",
    "cell_depth",
    "region_name",
}


Plain = tuple[str, str, str, dict[str, Any]]


def by_jupytext(text: str) -> list[Plain]:
    cells: list[Plain] = []
    for cell in jupytext.reads(text.removeprefix("\ufeff"), fmt=FORMAT).cells:
        metadata = {key: value for key, value in cell.metadata.items() if key not in LAYOUT}
        title = metadata.pop("title", "")
        cells.append((cell.cell_type, cell.source, title, listed(metadata)))
    return cells


def by_tito(text: str) -> list[Plain]:
    cells = parse(text, "x_dev.py").cells
    return [(cell.kind, cell.source, cell.title, listed(cell.metadata)) for cell in cells]


def listed(value: Any) -> Any:
    """Tuples as lists: nbformat makes them so."""
    if isinstance(value, dict):
        return {key: listed(item) for key, item in value.items()}
    return [listed(item) for item in value] if isinstance(value, (list, tuple)) else value


def check_lines(dev: DevFile) -> None:
    """Every code cell's source and code stand in the file where the cell says."""
    lines = dev.text.split("\n")
    markers = [cell.marker_line for cell in dev.cells]
    assert markers == sorted(set(markers))
    for cell in dev.cells:
        if cell.marker:
            assert lines[cell.marker_line - 1] == cell.marker
        if cell.kind != "code":
            continue
        for line, text in ((cell.line, cell.source), (cell.code_line, cell.code)):
            there = lines[line - 1 : line - 1 + text.count("\n") + 1] if text else [""]
            assert [unescaped(x) for x in there] == [unescaped(x) for x in text.split("\n")]
        if cell.source:
            assert dev.cell_at(cell.line) is cell
            assert dev.cell_at(cell.line + cell.source.count("\n")) is cell


def unescaped(line: str) -> str:
    """jupytext's escapes of `# +` removed: the one way in which a source differs from the file."""
    return line.lstrip("# ") if line.lstrip("# ").startswith("+") else line


@pytest.mark.parametrize("module", WRITTEN, ids=lambda module: module.slug)
def test_modules_are_read_as_by_jupytext(module: course_module.Module) -> None:
    dev = read(COURSE.dev_file(module), COURSE.dev_path(module))
    assert len(dev.cells) >= 1
    assert by_tito(dev.text) == by_jupytext(dev.text)
    check_lines(dev)


def test_there_are_hostile_files_enough() -> None:
    assert len(HOSTILE) >= 40
    assert len(set(HOSTILE.values())) == len(HOSTILE)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_read_as_by_jupytext(name: str) -> None:
    text = HOSTILE[name]
    assert by_tito(text) == by_jupytext(text)
    check_lines(parse(text, "x_dev.py"))


PIECES = [
    "# %%", "#%%", "# %% ", "# %% [markdown]", "# %% [raw]", "# %% [md] Title", "# %%%", "  # %%",
    "# %% Title", '# %% nbgrader={"grade": true, "grade_id": "a-b"}', '# %% {"a": {"b": "=}"}}',
    '# %% T a=1 b="x y" flag', "# %% a={", "# <codecell>", "# In[3]:", "# ---", "# jupyter:",
    "#   a: {}", "# title: A", "x = 1", "def f():", "    return 1", "", "", "", " ", "\t",
    '"""', "'''", 'x = """', "y = '''", 'r"""', '"""text"""', "text", '"', "'", '\\"""', '"""\\',
    'x = "#" + \'"\'', "# it's", "x = 1  # '''", "# text", "#text", "#", "# ```", "# ~~~", "```",
    "# + a", "# # + a", "##+", "#| export", "#|hide", "# é🎯", "%%time", "!ls", "\\",
]  # fmt: skip
"""Whole lines, chosen so that almost any order of them is a trap."""

WORDS = [
    "Title", "[markdown]", "[raw]", "%", ".class", "flag", "a=1", 'b="x"', "c={", '{"d": 1}', "}",
    "=", "--", "e='f'", "g=[1, 2]", "h=what", "  ", '"', "🎯", "i@j=2", "k=", "1=2", "(1,)", ":",
]  # fmt: skip


@pytest.mark.slow
@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(PIECES), max_size=14), st.sampled_from(["\n", "\r\n", "\r"]))
@example(["# %% [markdown]", '"""', "# %%", '"""', "# %%", "x = 1"], "\n")
def test_generated_files_are_read_as_by_jupytext(lines: list[str], newline: str) -> None:
    text = newline.join(lines)
    try:
        expected = by_jupytext(text)
    except (KeyError, TypeError):
        # A header whose `jupyter:` is no mapping: jupytext has no answer, ours must be one.
        by_tito(text)
        return
    assert by_tito(text) == expected
    check_lines(parse(text, "x_dev.py"))


@pytest.mark.slow
@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(WORDS), max_size=7))
def test_generated_options_are_read_as_by_jupytext(words: list[str]) -> None:
    text = f"# %% {' '.join(words)}\nx = 1\n"
    try:
        expected = by_jupytext(text)
    except (AttributeError, TypeError, ValueError):
        # jupytext takes `{1}` for a dictionary and fails.
        by_tito(text)
        return
    assert by_tito(text) == expected


@pytest.mark.slow
def test_every_pair_of_pieces_is_read_as_by_jupytext() -> None:
    compared = 0
    for first, second in itertools.product(dict.fromkeys(PIECES), repeat=2):
        text = f"# %%\n{first}\n{second}\n# %% [markdown]\n{second}\n{first}\n"
        assert by_tito(text) == by_jupytext(text), text
        compared += 1
    assert compared > 2000


def test_bytes_are_read_alike_whatever_the_editor_did(tmp_path: Path) -> None:
    text = "# %%\n#| export\nx = 'é🎯'\n\n# %% [markdown]\n# text\n"
    expected = parse(text, "a").cells
    for data in (
        text.encode(),
        b"\xef\xbb\xbf" + text.encode(),
        text.replace("\n", "\r\n").encode(),
        text.replace("\n", "\r").encode(),
    ):
        file = tmp_path / "with a space 🎯.py"
        file.write_bytes(data)
        assert read(file, "a").cells == expected


def test_a_file_that_is_missing_or_not_utf8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a_dev.py"
    with pytest.raises(TitoError, match="not written yet") as missing:
        read(file, "m/a_dev.py")
    assert missing.value.where == "m/a_dev.py"
    file.write_bytes("x = 'é'".encode("latin-1"))
    with pytest.raises(TitoError, match="not UTF-8: byte 5") as broken:
        read(file, "m/a_dev.py")
    assert broken.value.hint


@pytest.mark.parametrize(
    "options",
    [
        "[" * 100_000,
        "{" * 100_000,
        "a=" + "[" * 100_000,
        "a=" + "{" * 5000,
        "a=1 " + "b " * 20_000,
        "=" * 20_000,
        "a=1 " * 3000,
        "k={[]: 1}",
        "k='\\d'",
    ],
    ids=lambda options: f"{options[:6]} x{len(options)}",
)
def test_hostile_options_never_raise(options: str) -> None:
    (cell,) = parse(f"# %% {options}\nx = 1\n", "x").cells
    assert cell.source == "x = 1"


def cell_of(text: str) -> Cell:
    (cell,) = parse(text, "x").cells
    return cell


def test_directives_stand_in_the_leading_block_only() -> None:
    cell = cell_of("# %%\n\n#|export\n# | default_exp:  core.x \n\nx = 1\n#| hide\n")
    assert [(d.name, d.value, d.line) for d in cell.directives] == [
        ("export", "", 3),
        ("default_exp", "core.x", 4),
    ]
    assert (cell.code, cell.code_line) == ("x = 1\n#| hide", 6)
    assert cell.exported
    assert cell.public
    assert not cell_of("# %%\nx = 1\n#| export\n").exported
    assert cell_of("# %%\n#| exporti\nx = 1\n").exported
    assert not cell_of("# %%\n#| exporti\nx = 1\n").public
    assert cell_of("# %% [markdown]\n#| export\n").directives == ()


def test_what_is_exported_has_code() -> None:
    dev = parse("# %%\n#| export\n\n# %%\n#| export\nx = 1\n\n# %% [markdown]\n#| export\n", "x")
    assert [cell.code for cell in dev.exported] == ["x = 1"]


def test_identity_is_the_grade_id_or_a_hash_of_kind_and_source() -> None:
    assert cell_of('# %% nbgrader={"grade_id": "a-b.c_1"}\nx\n').identity == "a-b.c_1"
    # What could not stand in a comment of the package is no identity.
    for grade_id in ('"a b"', '""', "3", '"a\\nb"', "null"):
        assert len(cell_of(f'# %% nbgrader={{"grade_id": {grade_id}}}\nx\n').identity) == 12
    plain, prose = cell_of("# %%\nx\n"), cell_of("# %% [markdown]\nx\n")
    assert plain.identity != prose.identity
    moved = parse("# %%\n# other\n\n# %% A title\nx\n", "x").cells[1]
    assert moved.identity == plain.identity


def test_metadata_that_is_no_mapping_is_not_nbgraders() -> None:
    cell = cell_of("# %% nbgrader=3\nx\n")
    assert cell.nbgrader == {}
    assert not cell.solution
    assert cell_of('# %% nbgrader={"solution": true}\nx\n').solution
    assert BROKEN_METADATA in cell_of('# %% nbgrader={"solution": true\nx\n').metadata


def test_cells_are_found_by_line_and_identity() -> None:
    dev = parse("import a\n\n# %%\nx = 1\n\n# %%\ny = 2\n", "x")
    assert [dev.cell_at(line) for line in (1, 3, 4, 5, 6, 7, 99)] == [
        dev.cells[0], dev.cells[1], dev.cells[1], dev.cells[1], *[dev.cells[2]] * 3,
    ]  # fmt: skip
    assert dev.cell_at(0) is None
    assert dev.cell_named(dev.cells[2].identity) is dev.cells[2]
    assert dev.cell_named("nothing") is None
    assert dev.default_exp is None
