"""download_cifar10 against a server on loopback that does everything a server can do wrong."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import tinytorch.core.dataloader as module
from examples import synthetic_cifar10 as synthetic
from tinytorch.core.dataloader import CIFAR10Dataset, download_cifar10

FOLDER = "cifar-10-batches-bin"


class Server(ThreadingHTTPServer):
    """Serves one archive. `faults` are used up one by one, a request each; then it behaves."""

    content = b""
    faults: tuple[str, ...] = ()

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.ranges: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/cifar-10-binary.tar.gz"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *arguments: Any) -> None:
        pass

    def do_GET(self) -> None:
        server, wanted = self.server, self.headers["Range"]
        server.ranges.append(wanted)
        fault = server.faults[0] if server.faults else ""
        server.faults = server.faults[1:]
        start = int(wanted[len("bytes=") : -1]) if wanted and fault != "ignores" else 0
        if fault.isdigit():
            return self.send_error(int(fault))
        if wanted and fault != "ignores" and start >= len(server.content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(server.content)}")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        body = server.content[start:]
        self.send_response(206 if wanted and fault != "ignores" else 200)
        if wanted and fault != "ignores":
            first = start + (fault == "other range")
            self.send_header("Content-Range", f"bytes {first}-{first + len(body) - 1}/*")
        if fault != "no length":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut = {"half": len(body) // 2, "nothing": 0}.get(fault, len(body))
        self.wfile.write(body[:cut])
        return None


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("served") / "archive.tar.gz"
    synthetic.make_archive(path, 25, 5, seed=1)
    return path.read_bytes()


@pytest.fixture
def server(running: Server, archive: bytes, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.delenv("TINYTORCH_CIFAR10_URL", raising=False)
    monkeypatch.setenv("no_proxy", "*")
    running.content, running.faults, running.ranges = archive, (), []
    return running


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def files(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def fetch(server: Server, root: Path, **more: Any) -> str:
    return download_cifar10(root, url=server.url, **{"checksum": md5(server.content), **more})


EXPECTED = {f"{FOLDER}/{n}": data for n, data in synthetic.make_files(25, 5, 1).items()}


# What works


@pytest.mark.parametrize("make_checksum", [md5, lambda c: hashlib.sha256(c).hexdigest().upper()])
def test_the_folder_holds_the_archives_files_and_nothing_else_is_left(
    server: Server, tmp_path: Path, make_checksum: Callable[[bytes], str]
) -> None:
    root = tmp_path / "deep" / "data"
    folder = fetch(server, root, checksum=make_checksum(server.content))
    assert Path(folder) == root / FOLDER
    assert files(root) == EXPECTED
    assert sorted(os.listdir(root)) == [FOLDER]
    assert len(CIFAR10Dataset(root)) == len(CIFAR10Dataset(folder)) == 25


def test_a_complete_folder_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    synthetic.make_folder(tmp_path, 10, 2, seed=9)
    before = files(tmp_path)
    server.faults = ("404",)
    assert fetch(server, tmp_path) == download_cifar10(str(tmp_path)) == str(tmp_path / FOLDER)
    assert server.ranges == []
    assert files(tmp_path) == before


@pytest.mark.parametrize("spoil", [Path.unlink, lambda p: p.write_bytes(p.read_bytes()[:-1])])
def test_an_incomplete_folder_is_kept_aside(
    server: Server, tmp_path: Path, spoil: Callable[[Path], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(Path(synthetic.make_folder(tmp_path, 10, 2, seed=9)) / "test_batch.bin")
    before = files(tmp_path)
    server.faults = ("404",)
    with pytest.raises(ConnectionError):
        fetch(server, tmp_path)
    assert files(tmp_path) == before
    fetch(server, tmp_path)
    kept = capsys.readouterr().out.strip().rpartition(" ")[2]
    assert files(tmp_path / FOLDER).keys() == {Path(name).name for name in EXPECTED}
    assert files(Path(kept)) == before


def test_the_address_is_a_setting(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYTORCH_CIFAR10_URL", server.url)
    download_cifar10(tmp_path, checksum=False)
    assert files(tmp_path) == EXPECTED
    assert module._URL == "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"


def test_another_address_must_hold_the_official_archive_unless_told(
    server: Server, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"not c32a1d4ab5d03f1284b67883e8d87530: if this .*False"):
        download_cifar10(tmp_path, url=server.url)
    assert files(tmp_path) == {}
    download_cifar10(tmp_path, url=server.url, checksum=False)
    assert files(tmp_path) == EXPECTED


@pytest.mark.parametrize("checksum", ["", "abc", 0, "f" * 40])
def test_what_is_no_checksum_is_refused_before_anything_is_asked(
    server: Server, tmp_path: Path, checksum: Any
) -> None:
    with pytest.raises(ValueError, match="neither an MD5 nor a SHA-256"):
        fetch(server, tmp_path, checksum=checksum)
    assert server.ranges == []


def test_progress_is_shown_on_a_terminal_alone(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    fetch(server, tmp_path / "quiet")
    assert capsys.readouterr() == ("", "")
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stderr", screen)
    fetch(server, tmp_path / "shown")
    assert screen.getvalue().startswith("\rCIFAR-10: 0 of 0 MB")
    assert screen.getvalue().endswith(" MB\n")


# Connections that fail


@pytest.mark.parametrize(
    ("faults", "asked"),
    [
        (("half",), 2),
        (("half", "half", "half"), 4),
        (("half", "ignores"), 2),
        (("half", "no length"), 2),
        (("no length",), 1),
    ],
)
def test_a_broken_connection_is_taken_up_where_it_broke(
    server: Server, tmp_path: Path, faults: tuple[str, ...], asked: int
) -> None:
    server.faults = faults
    fetch(server, tmp_path)
    assert files(tmp_path) == EXPECTED
    assert len(server.ranges) == asked
    half = len(server.content) // 2
    assert server.ranges[:2] == [None, f"bytes={half}-"][:asked]


def test_what_came_is_kept_for_the_next_call(server: Server, tmp_path: Path) -> None:
    server.faults = ("half", "nothing")
    with pytest.raises(ConnectionError, match="bytes are kept, and the next call goes on"):
        fetch(server, tmp_path)
    (left,) = files(tmp_path).items()
    assert left[0].endswith(".part")
    assert left[1] == server.content[: len(server.content) // 2]
    fetch(server, tmp_path)
    assert server.ranges[-1] == f"bytes={len(left[1])}-"
    assert files(tmp_path) == EXPECTED


def test_a_part_that_is_complete_already_is_used(server: Server, tmp_path: Path) -> None:
    server.faults = ("half", "nothing")
    with pytest.raises(ConnectionError):
        fetch(server, tmp_path)
    (part,) = tmp_path.iterdir()
    part.write_bytes(server.content)
    fetch(server, tmp_path)
    assert files(tmp_path) == EXPECTED


@pytest.mark.parametrize("content", [b"x" * 10**6, b"y" * 100])
def test_a_part_of_something_else_is_not_used_twice(
    server: Server, tmp_path: Path, content: bytes
) -> None:
    server.faults = ("half", "nothing")
    with pytest.raises(ConnectionError):
        fetch(server, tmp_path)
    (part,) = tmp_path.iterdir()
    part.write_bytes(content)
    with pytest.raises((ConnectionError, ValueError)):
        fetch(server, tmp_path)
    fetch(server, tmp_path)
    assert files(tmp_path) == EXPECTED


@pytest.mark.parametrize("faults", [("half", "other range"), ("half", "500")])
def test_a_server_that_answers_something_else(
    server: Server, tmp_path: Path, faults: tuple[str, ...]
) -> None:
    server.faults = faults
    with pytest.raises(ConnectionError):
        fetch(server, tmp_path)
    assert not (tmp_path / FOLDER).exists()
    fetch(server, tmp_path)
    assert files(tmp_path) == EXPECTED


@pytest.mark.parametrize("fault", ["404", "403", "503"])
def test_an_error_of_the_server_is_told_with_what_to_do(
    server: Server, tmp_path: Path, fault: str
) -> None:
    server.faults = (fault,)
    with pytest.raises(ConnectionError, match=f"{fault}.*url= or in TINYTORCH_CIFAR10_URL"):
        fetch(server, tmp_path)
    assert files(tmp_path) == {}


def test_nobody_listening_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError, match="cannot be read to its end"):
        download_cifar10(tmp_path, url="http://127.0.0.1:1/x", checksum=False)
    assert files(tmp_path) == {}


def test_an_endless_answer_is_stopped(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST", 50_000)
    with pytest.raises(ValueError, match="more than 50,000 bytes arrive"):
        fetch(server, tmp_path)
    assert files(tmp_path) == {}


# Archives that lie: each must be refused, whatever its checksum

Members = list[tuple[tarfile.TarInfo, bytes]]


def member(name: str, content: bytes = b"", **more: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in more.items():
        setattr(info, key, value)
    return info, content


def packed(members: Members) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def good() -> Members:
    return [member(name, content) for name, content in EXPECTED.items()]


def link(kind: bytes, target: str) -> Members:
    place = f"{FOLDER}/data_batch_1.bin"
    return [member(place, type=kind, linkname=target), *good()]


def without(name: str) -> Members:
    return [pair for pair in good() if pair[0].name != f"{FOLDER}/{name}"]


def instead(name: str, content: bytes) -> Members:
    return [*without(name), member(f"{FOLDER}/{name}", content)]


BATCH = EXPECTED[f"{FOLDER}/data_batch_1.bin"]
LIES: dict[str, Callable[[], bytes]] = {
    "a name that climbs out": lambda: packed([*good(), member("../planted", BATCH)]),
    "climbing inside": lambda: packed([*good(), member(f"{FOLDER}/../../planted", BATCH)]),
    "an absolute path": lambda: packed([*good(), member("/tmp/planted", BATCH)]),
    "a known name elsewhere": lambda: packed([*good(), member("x/data_batch_1.bin", BATCH)]),
    "an extra file": lambda: packed([*good(), member(f"{FOLDER}/extra.bin", BATCH)]),
    "a file too many": lambda: packed([*good(), member(f"{FOLDER}/test_batch.bin", BATCH)]),
    "a symbolic link": lambda: packed(link(tarfile.SYMTYPE, "../../planted")),
    "a link to the folder": lambda: packed([member(FOLDER, type=tarfile.SYMTYPE, linkname="..")]),
    "a hard link": lambda: packed(link(tarfile.LNKTYPE, "/etc/passwd")),
    "a device": lambda: packed(link(tarfile.CHRTYPE, "")),
    "a pipe": lambda: packed(link(tarfile.FIFOTYPE, "")),
    "a folder for a file": lambda: packed(
        [member(f"{FOLDER}/test_batch.bin", type=tarfile.DIRTYPE)]
    ),
    "a missing batch": lambda: packed(without("data_batch_4.bin")),
    "no member": lambda: packed([]),
    "half a record": lambda: packed(instead("test_batch.bin", BATCH[:-1])),
    "no record": lambda: packed(instead("test_batch.bin", b"")),
    "a large text": lambda: packed(instead("readme.html", bytes(10_001))),
    "a batch too large": lambda: packed(instead("test_batch.bin", bytes(3073 * 10_001))),
    "a bomb after the end": lambda: packed(good()) + gzip.compress(bytes(2_000_000)),
    "a bomb of a name": lambda: packed([member("x" * 2_000_000, BATCH)]),
    "cut off": lambda: packed(good())[:-2000],
    "cut off in its checksum": lambda: packed(good())[:-3],
    "a wrong byte": lambda: packed(good())[:-6] + b"\x00" + packed(good())[-5:],
    "not packed": lambda: b"this is a web page" * 100,
    "packed, no archive": lambda: gzip.compress(b"this is a web page" * 100),
    "empty": lambda: gzip.compress(b""),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_wrong_archive_is_refused_and_nothing_is_left(
    server: Server, tmp_path: Path, lie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.content = LIES[lie]()
    if "bomb" in lie:
        monkeypatch.setattr(module, "_MOST", 1_000_000)
    root = tmp_path / "data"
    for checksum in (md5(server.content), False):
        with pytest.raises(ValueError, match=r"the archive from http://127.* is refused: "):
            fetch(server, root, checksum=checksum)
        assert sorted(tmp_path.rglob("*")) == [root]
    assert not Path("/tmp/planted").exists()


@pytest.mark.parametrize("lie", ["an extra file", "cut off"])
def test_an_earlier_folder_survives_a_wrong_archive(
    server: Server, tmp_path: Path, lie: str
) -> None:
    (Path(synthetic.make_folder(tmp_path, 10, 2)) / "test_batch.bin").unlink()
    before = files(tmp_path)
    server.content = LIES[lie]()
    with pytest.raises(ValueError, match="is refused"):
        fetch(server, tmp_path)
    assert files(tmp_path) == before


def test_a_wrong_checksum_is_told_and_nothing_is_left(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"its md5 is {md5(server.content)}, not {'0' * 32}"):
        fetch(server, tmp_path, checksum="0" * 32)
    assert files(tmp_path) == {}


def test_the_good_archive_of_these_tests_is_taken(server: Server, tmp_path: Path) -> None:
    server.content = packed(good())
    fetch(server, tmp_path)
    assert files(tmp_path) == EXPECTED
