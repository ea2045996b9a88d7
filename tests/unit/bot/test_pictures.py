"""The comment looked at: in a browser, on a narrow screen, and as the pictures of the docs show it."""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.unit.bot.subjects import SUBJECTS, golden

DOCUMENT = ROOT / "docs/the-comment.md"


def _drawing() -> ModuleType:
    pytest.importorskip("playwright")
    spec = importlib.util.spec_from_file_location(
        "drawing", ROOT / "docs/images/comment_picture.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


drawing = _drawing()


def test_each_golden_comment_has_its_picture_and_no_picture_is_of_yesterday() -> None:
    pictures: dict[Path, tuple[Path, int]] = drawing.pictures()
    assert {source for source, _ in pictures.values()} == {golden(name) for name in SUBJECTS}
    assert set((ROOT / "docs/images").glob("comment*.png")) == set(pictures)
    for picture, (source, width) in pictures.items():
        found = drawing.hash_in(picture.read_bytes())
        assert found == drawing.drawn_from(source, width), f"{picture.name}: draw it again"
    assert drawing.hash_in(b"") == ""


def test_a_picture_is_small() -> None:
    sizes = {path.name: path.stat().st_size for path in drawing.pictures()}
    assert max(sizes.values()) < 100_000, sizes


def test_the_document_shows_each_picture_and_says_what_is_on_it() -> None:
    shown = re.findall(r"^!\[(.+)\]\(images/(.+)\)$", DOCUMENT.read_text("utf-8"), re.M)
    assert sorted(name for _, name in shown) == sorted(path.name for path in drawing.pictures())
    for words, name in shown:
        assert len(words.split()) >= 8, name


@pytest.fixture(scope="module")
def view() -> Iterator[Any]:
    """A page of a browser as narrow as a small telephone."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("missing: chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser.new_page(viewport={"width": drawing.NARROW, "height": 600})
        browser.close()


TOO_WIDE = """(width) => [...document.querySelectorAll('body *')].filter(
  (one) => one.getBoundingClientRect().right > width && !one.parentElement.closest('table, pre')
).map((one) => one.outerHTML.slice(0, 200))"""


def wide_parts(view: Any, comment: str) -> list[str]:
    """What does not fit, with every fold open. Tables and code scroll inside themselves."""
    view.set_content(drawing.html(comment))
    view.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
    parts: list[str] = view.evaluate(TOO_WIDE, drawing.NARROW)
    if view.evaluate("document.documentElement.scrollWidth") > drawing.NARROW:
        parts.append("the page scrolls")
    return parts


@pytest.mark.slow
@pytest.mark.parametrize("name", SUBJECTS)
def test_nothing_is_wider_than_a_telephone(view: Any, name: str) -> None:
    assert wide_parts(view, golden(name).read_text("utf-8")) == []


@pytest.mark.slow
@pytest.mark.parametrize("text", ["<div style='width: 400px'>x</div>", "<nobr>" + "word " * 30])
def test_what_is_wider_is_found(view: Any, text: str) -> None:
    assert len(wide_parts(view, text)) >= 2
    scrolling = "| " + " | ".join(["word"] * 30) + " |\n|" + " --- |" * 30 + "\n\n```\n" + "x" * 400
    assert wide_parts(view, scrolling) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", SUBJECTS)
def test_it_says_the_same_without_colours(view: Any, name: str) -> None:
    """What is painted differs by words alone: made grey, the page loses only its links' blue."""
    view.set_content(drawing.html(golden(name).read_text("utf-8")))
    colours = view.evaluate(
        "[...document.querySelectorAll('.body *:not(a):not(a *):not(blockquote):not(blockquote *)')]"
        ".map((one) => getComputedStyle(one).color)"
    )
    assert len(set(colours)) == 1
    assert view.evaluate("document.querySelectorAll('.body img, .body svg').length") == 0
