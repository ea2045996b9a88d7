"""Whether something that is handed to students holds what they must not see.

Secret is what stands between the markers of solutions, hidden tests and mark schemes, a model
answer, and a module's hidden cases. A place leaks if it holds two consecutive lines of a secret,
or one line of at least 40 characters, that do not stand in released source as well; or a marker.

Compared are tokens, so that spaces and line ends change nothing, and a local name of the solution
may have become any other name. A line counts only with words of its own, which are neither
keywords nor local names: `for item in items:` is nobody's.
"""

from __future__ import annotations

import ast
import keyword
import os
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tito.assignments import LeakException
from tito.contents import Piece, pieces
from tito.course import MANIFEST, Course
from tito.errors import TitoError
from tito.protection import covered
from tito.report import Finding, in_order
from tito.source import DevFile, read
from tito.syntax import fresh_tree

LONG_LINE = 40
"""Characters. From here on a single line is enough."""
WORDS_OF_A_LINE, WORDS_OF_A_PAIR = 2, 3
"""Words of its own that a secret needs. Below, Python's own library is full of false alarms."""

_MARKER = re.compile(r"\W*#\s*(BEGIN|END) (SOLUTION|HIDDEN TESTS|MARK SCHEME)\b")
_TOKEN = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^\W\d]\w*|\d[\w.]*|\S")
_COMMENT_BEHIND_CODE = re.compile(r"\s+#.*$")
_DECORATION = re.compile(r"^(?:#+\s*|[>+|*-]+\s+)*")
_QUOTES = re.compile(r"\"{3}|'{3}")
_BREAK = "\n"
_KEPT = "this is what {place} keeps from students"

Tokens = tuple[str, ...]


@dataclass(frozen=True)
class Secret:
    """One or two lines that must not be found, and where they come from."""

    tokens: Tokens
    local: frozenset[str]
    place: str


class Secrets:
    """All that must not be found, and how to find it."""

    def __init__(self, released: Iterable[str] = ()) -> None:
        """`released` are texts that students have anyway."""
        self._released = {shape(t) for text in released for _, t in _keys(text)}
        self._known: defaultdict[Tokens, list[Secret]] = defaultdict(list)

    def __len__(self) -> int:
        return sum(len(each) for each in self._known.values())

    def add(self, text: str, path: str, line: int, local: Iterable[str] = ()) -> None:
        """Keep a text secret that begins in that line of a file."""
        names = frozenset(local)
        for at, tokens in _keys(text):
            needed = WORDS_OF_A_PAIR if _BREAK in tokens else WORDS_OF_A_LINE
            form = shape(tokens)
            if form not in self._released and _own_words(tokens, names) >= needed:
                self._known[form].append(Secret(tokens, names, f"{path}:{line + at}"))

    def found(self, text: str) -> Iterator[tuple[int, Secret]]:
        """Each secret in a text, with its line, counted from 0."""
        for at, tokens in _keys(text):
            for secret in self._known.get(shape(tokens), ()):
                if _same(secret, tokens):
                    yield at, secret
                    break


def secrets_of(course: Course, *, released: Iterable[str] = ()) -> Secrets:
    """What the dev files of a course and their hidden cases keep from students."""
    devs = [
        read(course.dev_file(module), course.dev_path(module))
        for module in course.modules
        if course.written(module)
    ]
    parts = [part for dev in devs for part in _parts(dev)]
    secrets = Secrets([*released, *(text for hidden, text, *_ in parts if not hidden)])
    for hidden, text, path, line, local in parts:
        if hidden:
            secrets.add(text, path, line, local)
    for module in course.modules:
        cases = course.dev_file(module).with_name(f"{module.name}_cases.py")
        if cases.is_file():
            path = cases.relative_to(course.root).as_posix()
            text = cases.read_text(encoding="utf-8")
            secrets.add(text, path, 1, _local_names(text))
    return secrets


def search(secrets: Secrets, path: str, data: bytes) -> tuple[Finding, ...]:
    """What one file leaks. The finding says where the secret comes from, and does not repeat it."""
    found = in_order(_search(secrets, path, data))
    # A text is seen as it stands and with its escapes read: where a line is known, it is said.
    said = {(f.rule, f.path, f.message) for f in found if f.line}
    return tuple(f for f in found if f.line or (f.rule, f.path, f.message) not in said)


def _search(secrets: Secrets, path: str, data: bytes) -> Iterator[Finding]:
    for piece in pieces(path, data):
        if piece.problem:
            hint = "leave it out, or put what it holds there as text"
            yield Finding("leak-unreadable", "error", piece.path, 0, piece.problem, hint)
        for at, line in enumerate(piece.text.split("\n")):
            if _MARKER.match(line):
                message = "here stands a marker of nbgrader, and what it marks beside it"
                yield Finding("leak-marker", "error", piece.path, _line(piece, at), message)
        for at, secret in secrets.found(piece.text):
            message = _KEPT.format(place=secret.place)
            yield Finding("leak-solution", "error", piece.path, _line(piece, at), message)


def search_files(secrets: Secrets, files: Mapping[str, bytes]) -> tuple[Finding, ...]:
    """What a tree of files leaks."""
    return in_order(f for path, data in files.items() for f in search(secrets, path, data))


def excuse(findings: Iterable[Finding], exceptions: Sequence[LeakException]) -> tuple[Finding, ...]:
    """The findings that no exception of classroom.yml names; an exception for nothing is one.

    A marker of nbgrader and a file that cannot be read are never excused.
    """
    left, used = [], set[int]()
    for finding in findings:
        place = re.fullmatch(re.escape(_KEPT).replace(r"\{place\}", r"(.*):\d+"), finding.message)
        matching = {
            number
            for number, each in enumerate(exceptions)
            if place and covered(finding.path, [each.path]) and covered(place[1], [each.place])
        }
        used |= matching
        left += [finding] * (not matching)
    for number, each in enumerate(exceptions):
        if number not in used:
            message = f"the exception for {each.path} of {each.place} is for nothing that is there"
            hint = "take it out of `leaks`: the next thing that it excused would be a real leak"
            left.append(Finding("leak-exception", "warning", MANIFEST, 0, message, hint))
    return in_order(left)


def search_repository(secrets: Secrets, repository: Path) -> tuple[Finding, ...]:
    """What any object in a git repository leaks, reachable or not: files, messages, tags."""
    names = dict(
        line.split(" ", 1)
        for line in _git(repository, "rev-list", "--objects", "--all").decode("utf-8").split("\n")
        if " " in line
    )
    listed = _git(repository, "cat-file", "--batch-all-objects", "--batch", "--buffer")
    found: list[Finding] = []
    position = 0
    while position < len(listed):
        end = listed.index(b"\n", position)
        name, kind, size = listed[position:end].decode("ascii").split(" ")
        data = listed[end + 1 : end + 1 + int(size)]
        position = end + 2 + int(size)
        if kind != "tree":
            path = f"{kind} {name[:12]}" + (f": {names[name]}" if name in names else "")
            found += search(secrets, path, data)
    return in_order(found)


def shape(tokens: Sequence[str]) -> Tokens:
    """The tokens with every name replaced that could be local: equal for all that could match."""
    shaped, before = [], ""
    for token in tokens:
        name = token.isidentifier() and before != "." and not keyword.iskeyword(token)
        shaped.append("_" if name else token)
        before = token
    return tuple(shaped)


def _parts(dev: DevFile) -> Iterator[tuple[bool, str, str, int, set[str]]]:
    """(hidden, text, path, line, local names) for each part of a dev file."""
    for cell in dev.cells:
        local = _local_names(cell.source) if cell.kind == "code" else set()
        lines, hidden, first = cell.source.split("\n"), False, 0
        whole = cell.solution and not any(_MARKER.match(line) for line in lines)
        for at, line in enumerate([*lines, None]):
            marker = _MARKER.match(line) if line is not None else None
            if line is None or marker:
                text = "\n".join(lines[first:at])
                yield hidden or whole, text, dev.path, cell.line + first, local
                first, hidden = at + 1, marker is not None and marker[1] == "BEGIN"


def _local_names(source: str) -> set[str]:
    """What functions call by names of their own: parameters, and all that is assigned to."""
    try:
        tree = fresh_tree(source)
    except (SyntaxError, ValueError):
        return set()
    names = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    stored = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    return names | {node.id for node in stored if isinstance(node.ctx, ast.Store)}


def _keys(text: str) -> Iterator[tuple[int, Tokens]]:
    """Each long line, and each pair of lines that follow one another, with the line's number.

    Comments follow one another by themselves: neither do they part lines of code, nor is code
    hidden by being a comment.
    """
    before: dict[int, tuple[int, Tokens]] = {}
    for at, whole in enumerate(text.split("\n")):
        for line in _QUOTES.split(whole):
            depth, line = _bare(line)
            if not any(character.isalnum() for character in line):
                continue
            tokens = _tokens(line)
            if len(line) >= LONG_LINE:
                yield at, tokens
            if depth in before:
                first, earlier = before[depth]
                yield first, (*earlier, _BREAK, *tokens)
            before[depth] = at, tokens


def _bare(line: str) -> tuple[int, str]:
    """What a line says without `#`, `>`, a bullet or a diff's sign, and in how many comments."""
    line = line.strip()
    decoration = _DECORATION.match(line)
    start = decoration.end() if decoration else 0
    return len(re.findall("#+", line[:start])), _COMMENT_BEHIND_CODE.sub("", line[start:])


def _tokens(line: str) -> Tokens:
    """Words, numbers, strings in one kind of quotes, and every other character by itself."""
    found = (match[0] for match in _TOKEN.finditer(line))
    return tuple(f'"{t[1:-1]}"' if t[0] in "\"'" and len(t) > 1 else t for t in found)


def _own_words(tokens: Sequence[str], local: frozenset[str]) -> int:
    """Words, numbers and strings that are neither keywords nor local names."""
    count, before = 0, ""
    for token in tokens:
        word = token[0].isalnum() or token[0] in '_"'
        own = not keyword.iskeyword(token) and (token not in local or before == ".")
        count += word and own
        before = token
    return count


def _same(secret: Secret, tokens: Tokens) -> bool:
    """True if only local names differ, each in the same way wherever it does."""
    there: dict[str, str] = {}
    back: dict[str, str] = {}
    before = ""
    for ours, theirs in zip(secret.tokens, tokens, strict=True):
        # In `sum(axis=axis)` one of the two is no local name, and stays when the other is renamed.
        if ours != theirs and ours in secret.local and before != ".":
            if there.setdefault(ours, theirs) != theirs or back.setdefault(theirs, ours) != ours:
                return False
        elif ours != theirs:
            return False
        before = ours
    return True


def _line(piece: Piece, at: int) -> int:
    return piece.line + at if piece.line else 0


def _git(repository: Path, *arguments: str) -> bytes:
    environment = {n: value for n, value in os.environ.items() if not n.startswith("GIT_")}
    done = subprocess.run(
        ["git", "-C", str(repository), *arguments],
        env=environment,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        message = done.stderr.decode("utf-8", "replace").strip()
        raise TitoError(f"git {arguments[0]} failed: {message}", where=str(repository))
    return done.stdout
