"""Data in the binary layout of CIFAR-10, drawn instead of photographed: it can be learned.

Each class has a picture of its own, coarse blocks of color. An example is that picture, moved by up
to two pixels, fainter or stronger, under noise. The same seed gives the same bytes. What is drawn
here says nothing about how well a network does on photographs.

    python examples/synthetic_cifar10.py data 5000 1000     (folder, images to learn from, to test)
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import sys
import tarfile

import numpy as np

FOLDER = "cifar-10-batches-bin"
CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)


def make_examples(count: int, seed: int, noise: float = 40.0) -> tuple[np.ndarray, np.ndarray]:
    """Images `(count, 3, 32, 32)` and labels `(count,)`, both uint8, as many of each class."""
    blocks = np.random.default_rng(0).uniform(50, 205, (10, 3, 4, 4))  # the classes stay the same
    pictures = np.kron(blocks, np.ones((10, 10)))  # 40 x 40, to cut 32 x 32 out of
    random = np.random.default_rng([1, seed])
    labels = random.permutation(np.arange(count) % 10)
    corners = random.integers(2, 7, (count, 2))
    strengths = random.uniform(0.6, 1.2, count)
    images = np.empty((count, 3, 32, 32), dtype=np.uint8)
    for i, (top, left) in enumerate(corners):
        shown = pictures[labels[i], :, top : top + 32, left : left + 32]
        noisy = 128 + strengths[i] * (shown - 128) + noise * random.standard_normal(shown.shape)
        images[i] = np.clip(noisy, 0, 255)
    return images, labels.astype(np.uint8)


def make_files(train: int, test: int, seed: int) -> dict[str, bytes]:
    """Names and contents of all files: five batches to train on, one to test, two of text."""
    if train < 5 or test < 1:
        raise ValueError(f"five batches and a test need 5 and 1 images, not {train} and {test}")

    def records(images: np.ndarray, labels: np.ndarray) -> bytes:
        return np.hstack([labels[:, None], images.reshape(len(images), 3072)]).tobytes()

    images, labels = make_examples(train, 2 * seed)
    parts = zip(np.array_split(images, 5), np.array_split(labels, 5), strict=True)
    files = {f"data_batch_{n}.bin": records(*part) for n, part in enumerate(parts, 1)}
    files["test_batch.bin"] = records(*make_examples(test, 2 * seed + 1))
    files["batches.meta.txt"] = "".join(f"{name}\n" for name in (*CLASSES, "")).encode()
    files["readme.html"] = b"<p>Drawn, not photographed: data in the layout of CIFAR-10.</p>\n"
    return files


def make_folder(
    root: str | os.PathLike[str], train: int = 5000, test: int = 1000, seed: int = 0
) -> str:
    """Write the files as `root`/cifar-10-batches-bin. Returns that folder."""
    folder = os.path.join(root, FOLDER)
    os.makedirs(folder, exist_ok=True)
    for name, content in make_files(train, test, seed).items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)
    return folder


def make_archive(
    path: str | os.PathLike[str], train: int = 5000, test: int = 1000, seed: int = 0
) -> str:
    """Write the files as a .tar.gz, as the official archive has them. Returns its MD5."""
    content = io.BytesIO()
    # No time in it: the same settings give the same bytes.
    with (
        gzip.GzipFile(fileobj=content, mode="wb", compresslevel=1, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        top = tarfile.TarInfo(FOLDER)
        top.type, top.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(top)
        for name, data in make_files(train, test, seed).items():
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    with open(path, "wb") as file:
        file.write(content.getvalue())
    return hashlib.md5(content.getvalue(), usedforsecurity=False).hexdigest()


if __name__ == "__main__":
    target, *numbers = sys.argv[1:] or ["data"]
    print(make_folder(target, *map(int, numbers)))
