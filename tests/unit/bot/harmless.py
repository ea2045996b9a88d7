"""Reads a comment as GitHub would and says what in it did not come from the bot itself.

The comment is parsed and rendered by a real Markdown parser. What is judged is the page that comes
out: its elements, their attributes, its addresses, and the text that stands outside of code.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from markdown_it import MarkdownIt

from tests.unit.bot.subjects import HEAD

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

ADDRESS = re.compile(
    r"https://github\.com/acme/course/"
    rf"(commit/[0-9a-f]{{40}}|actions/runs/\d+|blob/{HEAD}/[\w./-]+(#L\d+)?)"
)
MARKER = re.compile(r" tito-report v1 pull=\d+ sha=[0-9a-f]{40} run=\d+ attempt=\d+ ")
SUMMARY = re.compile(
    r"(gate|about) [a-z-]+: [\w, ]+|\d+ to \d+ of \d+|(gate|module) of another name: [\w, ]+"
    r"|module \d\d(_[a-z0-9]+)+: [\w, ]+"
)
HEADINGS = {"h3": re.compile(r"[✓✗!○] [\w ,:]+"), "h4": re.compile(r"Fix first")}
ALLOWED = {
    "p": (), "strong": (), "code": ("class",), "pre": (), "ol": (), "ul": (), "li": (),
    "a": ("href",), "blockquote": (), "details": ("open",), "summary": (), "h3": (), "h4": (),
    "table": (), "thead": (), "tbody": (), "tr": (), "th": (), "td": (),
}  # fmt: skip
"""Element → the attributes it may have."""
# What GitHub turns into more than text: names, numbers, commits, addresses, emoji, mathematics,
# notes, alerts and tasks.
NOTICED = re.compile(
    r"@|#\d|\bgh-\d|://|\bwww\.|\b[0-9a-f]{7,40}\b|mailto:|\.[a-z]+@|:[a-z_+-]+:|\$|\[[ x^!]",
    re.IGNORECASE,
)


class Page(HTMLParser):
    """The rendered page, element by element; collects what is not as the bot makes it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.text = ""
        self.outline: list[str] = []
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._flush()
        self.open.append(tag)
        self.outline.append(tag)
        for name, value in attrs:
            if name not in ALLOWED.get(tag, ()):
                self.found.append(f"<{tag} {name}={value!r}>")
            if name == "href" and not ADDRESS.fullmatch(value or ""):
                self.found.append(f"a link to {value!r}")
            if name == "class" and value != "language-text":
                self.found.append(f"a fence that is not ours: {value!r}")
        if tag not in ALLOWED:
            self.found.append(f"an element <{tag}>")

    def handle_endtag(self, tag: str) -> None:
        self._flush()
        if not self.open or self.open.pop() != tag:
            self.found.append(f"</{tag}> closes something else")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(f"an element <{tag}/>")

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        if not MARKER.fullmatch(data) or self.outline:
            self.found.append(f"a comment {data!r}")

    def handle_decl(self, decl: str) -> None:
        self.found.append(f"a declaration {decl!r}")

    handle_pi = unknown_decl = handle_decl

    def _flush(self) -> None:
        text, self.text = self.text.strip("\n"), ""
        inside = self.open[-1] if self.open else ""
        if not text or "code" in self.open:
            return
        if inside in HEADINGS and not HEADINGS[inside].fullmatch(text):
            self.found.append(f"a heading of its own: {text!r}")
        if inside == "summary" and not SUMMARY.fullmatch(text):
            self.found.append(f"a summary of its own: {text!r}")
        if NOTICED.search(text):
            self.found.append(f"plain text {text!r}")

    def close(self) -> None:
        super().close()
        self._flush()
        self.found += [f"<{tag}> is not closed" for tag in self.open]


def page(comment: str) -> Page:
    """The page that a comment becomes."""
    made = Page()
    made.feed(PARSER.render(comment))
    made.close()
    return made


def complaints(comment: str) -> list[str]:
    """What a report could have smuggled in; empty if nothing."""
    return page(comment).found
