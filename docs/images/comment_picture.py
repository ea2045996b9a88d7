"""Draws the pictures of the comment: each golden comment as a browser shows it.

    python docs/images/comment_picture.py

needs chromium and the extra `dev` (Playwright, markdown-it-py). The look is close to GitHub's; the
text is exactly what the bot writes. A picture holds the hash of what it was drawn from, by which a
test sees that it is not of yesterday.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from markdown_it import MarkdownIt
from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
GOLDEN = ROOT / "tests/unit/bot/golden"
HOSTILE = ROOT / "tests/hostile/comment.md"
WIDE, NARROW = 760, 320
"""Pixels: a window beside others, and a small telephone."""
HIGHEST = 1500
"""Pixels: what is longer is cut off in the picture."""
COLOURS = 48
"""Those that occur most often stay as they are; the rest become the nearest of them."""

STYLE = """
* { box-sizing: border-box }
body { margin: 0; padding: 12px; background: #fff; color: #1f2328; overflow-wrap: break-word;
       font: 14px/1.5 "Noto Sans", "DejaVu Sans", "Liberation Sans", Helvetica, sans-serif }
.frame { border: 1px solid #d1d9e0; border-radius: 6px }
.head { background: #f6f8fa; border-bottom: 1px solid #d1d9e0; padding: 8px 12px; color: #59636e }
.head b { color: #1f2328 } .head i { border: 1px solid #d1d9e0; border-radius: 2em;
          padding: 0 7px; font: 12px sans-serif }
.body { padding: 12px } .body > :first-child { margin-top: 0 } .body > :last-child { margin: 0 }
h3 { font-size: 20px; line-height: 1.25; margin: 0 0 12px }
h4 { font-size: 16px; line-height: 1.25; margin: 20px 0 12px }
p { margin: 0 0 12px } a { color: #0969da } ol, ul { padding-left: 2em; margin: 0 0 10px }
blockquote { margin: 0 0 14px; padding: 0 1em; border-left: 4px solid #d1d9e0; color: #59636e }
code { background: #eff1f3; border-radius: 6px; padding: .2em .4em; white-space: break-spaces;
       font: 85% "DejaVu Sans Mono", "Liberation Mono", monospace }
pre { background: #f6f8fa; border-radius: 6px; padding: 12px; overflow: auto; margin: 0 0 12px }
pre code { background: none; padding: 0; white-space: pre; overflow-wrap: normal }
table { display: block; width: max-content; max-width: 100%; overflow: auto; margin: 0 0 14px;
        border-collapse: collapse; overflow-wrap: normal }
th, td { border: 1px solid #d1d9e0; padding: 6px 13px; text-align: left }
tr:nth-child(even) { background: #f6f8fa }
summary { margin-bottom: 10px } details { margin-bottom: 12px }
"""

_PIXELS = """async (data) => {
  const image = new Image(); image.src = 'data:image/png;base64,' + data; await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext('2d'); context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, image.width, image.height).data;
  let text = ''; const step = 32768;
  for (let i = 0; i < pixels.length; i += step)
    text += String.fromCharCode(...pixels.subarray(i, i + step));
  return [image.width, image.height, btoa(text)];
}"""


def html(comment: str) -> str:
    """The comment inside a frame such as GitHub draws around it."""
    inside = MarkdownIt("commonmark", {"html": True}).enable("table").render(comment)
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>comment</title>"
        f"<style>{STYLE}</style><div class=frame>"
        "<div class=head><b>github-actions</b> <i>bot</i> commented</div>"
        f"<div class=body>{inside}</div></div>"
    )


def pictures() -> dict[Path, tuple[Path, int]]:
    """Picture → the comment it shows, and its width in pixels."""
    wide = {HERE / f"comment-{file.stem}.png": (file, WIDE) for file in sorted(GOLDEN.iterdir())}
    return wide | {
        HERE / "comment-hostile.png": (HOSTILE, WIDE),
        HERE / "comment-on-a-telephone.png": (GOLDEN / "syntax-error.md", NARROW),
    }


def drawn_from(source: Path, width: int) -> str:
    """The hash of all that a picture depends on, but for the browser and its fonts."""
    return hashlib.sha256(
        f"{width} {HIGHEST} {html(source.read_text('utf-8'))}".encode()
    ).hexdigest()


def hash_in(picture: bytes) -> str:
    """The hash that a picture holds; empty if none."""
    return picture.partition(b"tEXtdrawn-from\0")[2][:64].decode()


def draw(view: Page, source: Path, width: int) -> bytes:
    """A PNG of the comment, with a palette of few colours: a third of what the browser makes."""
    view.set_viewport_size({"width": width, "height": 400})
    view.set_content(html(source.read_text(encoding="utf-8")))
    height = min(HIGHEST, view.evaluate("document.documentElement.scrollHeight"))
    view.set_viewport_size({"width": width, "height": height})
    shot = base64.b64encode(view.screenshot()).decode()
    wide, high, data = view.evaluate(_PIXELS, shot)
    pixels = np.frombuffer(base64.b64decode(data), np.uint8).reshape(high, wide, 4)[:, :, :3]
    return _png(pixels, drawn_from(source, width))


def _png(pixels: np.ndarray, drawn: str) -> bytes:
    high, wide, _ = pixels.shape
    keys = pixels.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    colours, index, counts = np.unique(keys, return_inverse=True, return_counts=True)
    palette = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], 1).astype(np.int32)
    kept = np.sort(np.argsort(-counts, kind="stable")[:COLOURS])
    nearest = ((palette[:, None] - palette[None, kept]) ** 2).sum(2).argmin(1)
    palette, index = palette[kept].astype(np.uint8), nearest[index]
    rows = np.zeros((high, wide + 1), np.uint8)
    rows[:, 1:] = index.reshape(high, wide)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", wide, high, 8, 3, 0, 0, 0)),
        (b"tEXt", b"drawn-from\0" + drawn.encode()),
        (b"PLTE", palette.tobytes()),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, chunks))


def _chunk(named: tuple[bytes, bytes]) -> bytes:
    name, data = named
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def main() -> int:
    """Draw every picture anew. Returns the exit code."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("chromium is not installed: apt-get install chromium", file=sys.stderr)
        return 1
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        view = browser.new_page()
        for picture, (source, width) in pictures().items():
            picture.write_bytes(draw(view, source, width))
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
