"""Reads a comment as GitHub would and says what in it did not come from the bot itself."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.unit.bot.subjects import HEAD

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

ADDRESS = re.compile(
    r"https://github\.com/acme/course/"
    rf"(commit/[0-9a-f]{{40}}|actions/runs/\d+|blob/{HEAD}/[\w./-]+#L\d+)"
)
HTML = re.compile(
    r"<!-- tito-report v1 pull=\d+ sha=[0-9a-f]{40} run=\d+ attempt=\d+ -->"
    r"|<details( open)?><summary>gate [a-z-]+: [\w, ]+</summary>|</details>"
)
# What GitHub turns into a link or a notice in plain text: names, numbers, commits, addresses.
NOTICED = re.compile(
    r"@|#\d|\bgh-\d|://|\bwww\.|\b[0-9a-f]{7,40}\b|mailto:|\.[a-z]+@|:[a-z_+-]+:", re.IGNORECASE
)
HEADINGS = re.compile(r"[✓✗!] .+|Fix first")


def complaints(comment: str) -> list[str]:
    """What a report could have smuggled in; empty if nothing."""
    tokens = PARSER.parse(comment)
    found = [said for token in tokens for said in _about(token)]
    opened = [token.content.count("<details") for token in tokens if token.type == "html_block"]
    closed = [token.content.count("</details") for token in tokens if token.type == "html_block"]
    if sum(opened) != sum(closed):
        found.append("a <details> is not closed")
    for before, after in itertools.pairwise(tokens):
        if before.type == "heading_open" and not HEADINGS.fullmatch(after.content):
            found.append(f"a heading of its own: {after.content!r}")
    return found


def _about(token: Token) -> Iterator[str]:
    if token.type == "html_block":
        yield from (
            f"HTML {line!r}" for line in token.content.splitlines() if not HTML.fullmatch(line)
        )
    elif token.type == "fence" and (token.info != "text" or token.markup in token.content):
        yield f"a fence that is not ours: {token.info!r}"
    elif token.type in ("code_block", "hr", "lheading_open"):
        yield f"a {token.type}"
    for inside in token.children or ():
        yield from _about_inline(inside)


def _about_inline(token: Token) -> Iterator[str]:
    if token.type in ("html_inline", "image", "em_open", "s_open"):
        yield f"{token.type}: {token.content!r}"
    elif token.type == "link_open" and not ADDRESS.fullmatch(str(token.attrGet("href"))):
        yield f"a link to {token.attrGet('href')!r}"
    elif token.type == "text" and NOTICED.search(token.content):
        yield f"plain text {token.content!r}"
