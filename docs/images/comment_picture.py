"""Draws `comment.png`: a golden comment as a browser shows it.

    python docs/images/comment_picture.py [GOLDEN.md] [PICTURE.png]

needs chromium and the extra `dev` (Playwright, markdown-it-py). The look is close to GitHub's; the
text is exactly what the bot writes.
"""

from __future__ import annotations

import html
import shutil
import sys
from pathlib import Path

from markdown_it import MarkdownIt
from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent
GOLDEN = HERE.parents[1] / "tests/unit/bot/golden/syntax-error.md"

STYLE = """
* { box-sizing: border-box }
body { margin: 0; padding: 20px; background: #fff; color: #1f2328; width: 980px;
       font: 14px/1.5 "Noto Sans", "DejaVu Sans", "Liberation Sans", Helvetica, sans-serif }
.frame { border: 1px solid #d1d9e0; border-radius: 6px; overflow: hidden }
.head { background: #f6f8fa; border-bottom: 1px solid #d1d9e0; padding: 8px 16px; color: #59636e }
.head b { color: #1f2328 } .head i { border: 1px solid #d1d9e0; border-radius: 2em;
          padding: 0 7px; font: 12px sans-serif }
.body { padding: 16px } .body > :first-child { margin-top: 0 } .body > :last-child { margin: 0 }
h3 { font-size: 20px; margin: 0 0 12px } h4 { font-size: 16px; margin: 24px 0 12px }
p { margin: 0 0 14px } a { color: #0969da } ol, ul { padding-left: 2em; margin: 0 0 10px }
code { background: #818b981f; border-radius: 6px; padding: .2em .4em; font: 85% "DejaVu Sans Mono",
       "Liberation Mono", monospace; white-space: break-spaces }
pre { background: #f6f8fa; border-radius: 6px; padding: 12px }
pre code { background: none; padding: 0 }
table { border-collapse: collapse; margin-bottom: 16px } th, td { border: 1px solid #d1d9e0;
        padding: 6px 13px; text-align: left } tr:nth-child(even) { background: #f6f8fa }
summary { margin-bottom: 10px } details { margin-bottom: 14px }
"""


def page(comment: str) -> str:
    """The comment inside a frame such as GitHub draws around it."""
    inside = MarkdownIt("commonmark", {"html": True}).enable("table").render(comment)
    head = "<b>github-actions</b> <i>bot</i> commented"
    return (
        f"<!doctype html><meta charset=utf-8><title>{html.escape(GOLDEN.stem)}</title>"
        f"<style>{STYLE}</style><div class=frame><div class=head>{head}</div>"
        f"<div class=body>{inside}</div></div>"
    )


def main(arguments: list[str]) -> int:
    """Write the picture. Returns the exit code."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("chromium is not installed: apt-get install chromium", file=sys.stderr)
        return 1
    given = [*(Path(argument) for argument in arguments)]
    source = given[0] if given else GOLDEN
    target = given[1] if len(given) > 1 else HERE / "comment.png"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        view = browser.new_page(viewport={"width": 980, "height": 400})
        view.set_content(page(source.read_text(encoding="utf-8")))
        view.screenshot(path=target, full_page=True)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
