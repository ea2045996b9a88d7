"""CIFAR10Dataset: the binary layout, the Python layout, and files that lie or would run code."""

from __future__ import annotations

import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import synthetic_cifar10 as synthetic
from tinytorch.core.dataloader import CIFAR10Dataset, DataLoader, RandomCrop, _read_pickled
from tinytorch.core.tensor import use_kernels


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(synthetic.make_folder(tmp_path_factory.mktemp("data"), 103, 20, seed=3))


# The maker


def test_the_made_files_have_the_layout_of_the_real_ones(folder: Path) -> None:
    sizes = {path.name: path.stat().st_size for path in folder.iterdir()}
    batches = [sizes.pop(f"data_batch_{n}.bin") for n in range(1, 6)]
    assert [size / 3073 for size in batches] == [21, 21, 21, 20, 20]
    assert sizes.pop("test_batch.bin") == 20 * 3073
    assert sizes == {"batches.meta.txt": 61, "readme.html": 64}
    names = (folder / "batches.meta.txt").read_text(encoding="ascii").split()
    assert tuple(names) == CIFAR10Dataset.classes == synthetic.CLASSES
    assert folder.name == "cifar-10-batches-bin"


def test_a_seed_gives_the_same_bytes_and_another_gives_others() -> None:
    files = [synthetic.make_files(15, 5, seed) for seed in (1, 1, 2)]
    assert files[0] == files[1]
    assert files[0]["test_batch.bin"] != files[2]["test_batch.bin"]
    assert files[0]["data_batch_1.bin"][: 3 * 3073] != files[0]["test_batch.bin"][: 3 * 3073]
    with pytest.raises(ValueError, match="not 4 and 1"):
        synthetic.make_files(4, 1, 0)


def test_what_is_made_can_be_learned_and_is_not_trivial() -> None:
    images, labels = synthetic.make_examples(600, 1)
    rows = images.reshape(600, -1).astype(np.float64)
    means = np.stack([rows[:300][labels[:300] == k].mean(axis=0) for k in range(10)])
    distances = ((rows[300:, None] - means) ** 2).sum(axis=2)
    right = (distances.argmin(axis=1) == labels[300:]).mean()
    assert right > 0.9
    assert np.bincount(labels).tolist() == [60] * 10
    assert abs(images.astype(float).mean() - 128) < 10


# The binary layout


@pytest.mark.parametrize("where", [lambda f: f, lambda f: f.parent, lambda f: str(f.parent)])
def test_images_and_labels_are_those_of_the_files(
    folder: Path, where: Callable[[Path], Any]
) -> None:
    for train, names in ((True, [f"data_batch_{n}" for n in range(1, 6)]), (False, ["test_batch"])):
        dataset = CIFAR10Dataset(where(folder), train=train)
        content = b"".join((folder / f"{name}.bin").read_bytes() for name in names)
        records = [content[i : i + 3073] for i in range(0, len(content), 3073)]
        assert len(dataset) == len(records)
        for index in (0, 7, len(records) - 1):
            x, y = dataset[index]
            assert y.item() == records[index][0]
            pixels = (x.data * 255).round().astype(int).ravel().tolist()
            assert pixels == list(records[index][1:])


def test_images_are_bytes_in_memory_and_numbers_in_a_batch(folder: Path) -> None:
    seen: list[Any] = []
    dataset = CIFAR10Dataset(folder, transform=lambda x, r: (seen.append((x, r)), x)[1])
    assert [array.dtype for array in dataset.arrays] == [np.uint8, np.int64]
    assert sum(array.nbytes for array in dataset.arrays) == 103 * (3072 + 8)
    x, y = next(iter(DataLoader(dataset, batch_size=50)))
    assert (x.shape, x.dtype, y.dtype) == ((50, 3, 32, 32), np.float32, np.int64)
    assert 0 <= x.data.min() < 0.1 < 0.9 < x.data.max() <= 1
    assert seen[0][0] is x.data
    assert isinstance(seen[0][1], np.random.Generator)
    with use_kernels():
        np.testing.assert_array_equal(next(iter(DataLoader(dataset, 50)))[0].data, x.data)


def test_transforms_make_each_epoch_different(folder: Path) -> None:
    dataset = CIFAR10Dataset(folder, train=False, transform=RandomCrop(32, padding=4))
    loader = DataLoader(dataset, batch_size=20, seed=0)
    first, second = (next(iter(loader))[0].data for _ in range(2))
    assert first.shape == second.shape == (20, 3, 32, 32)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("missing", ["data_batch_3.bin", "test_batch.bin"])
def test_a_missing_file_is_told(tmp_path: Path, missing: str) -> None:
    (Path(synthetic.make_folder(tmp_path, 5, 1)) / missing).unlink()
    with pytest.raises(FileNotFoundError, match=r"no complete CIFAR-10 in .*download_cifar10"):
        CIFAR10Dataset(tmp_path, train=missing != "test_batch.bin")
    assert len(CIFAR10Dataset(tmp_path, train=missing == "test_batch.bin")) in (1, 5)


@pytest.mark.parametrize("content", [b"", bytes(3072), bytes(3074), b"\x0a" + bytes(3072)])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    made = Path(synthetic.make_folder(tmp_path, 5, 1))
    (made / "data_batch_2.bin").write_bytes(content)
    with pytest.raises(ValueError, match=r"data_batch_2\.bin"):
        CIFAR10Dataset(tmp_path)


# The Python layout


def python2(value: Any) -> bytes:
    """A value as the pickles of the real archive hold it: Python 2, protocol 2."""
    if isinstance(value, dict):
        pairs = b"".join(python2(k) + python2(v) for k, v in value.items())
        return b"}(" + pairs + b"u"
    if isinstance(value, list):
        return b"](" + b"".join(python2(item) for item in value) + b"e"
    if isinstance(value, int):
        return b"K" + bytes([value])
    if isinstance(value, np.ndarray):
        made = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
        dtype = b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        n, width = (b"M" + struct.pack("<H", size) for size in value.shape)
        return (
            made
            + b"(K\x01("
            + n
            + width
            + b"t"
            + dtype
            + b"\x89"
            + python2(value.tobytes())
            + b"tb"
        )
    text = value if isinstance(value, bytes) else value.encode()
    return b"T" + struct.pack("<i", len(text)) + text


def batch(count: int, seed: int = 0) -> dict[str, Any]:
    images, labels = synthetic.make_examples(count, seed)
    return {
        "batch_label": f"training batch {seed} of 5",
        "labels": labels.tolist(),
        "data": images.reshape(count, 3072),
        "filenames": [f"image_{i}.png" for i in range(count)],
    }


def python3(protocol: int) -> Callable[[Any], bytes]:
    return lambda value: pickle.dumps(value, protocol=protocol)


WRITERS = [lambda v: b"\x80\x02" + python2(v) + b".", *(python3(p) for p in (2, 3, 4))]


@pytest.mark.parametrize("write", WRITERS, ids=["real", "2", "3", "4"])
def test_the_python_layout_gives_the_same_images(
    tmp_path: Path, write: Callable[[Any], bytes]
) -> None:
    made = tmp_path / "cifar-10-batches-py"
    made.mkdir()
    batches = [batch(4, seed) for seed in range(6)]
    for number, content in enumerate(batches):
        (made / (f"data_batch_{number}" if number else "test_batch")).write_bytes(write(content))
    for root in (tmp_path, made):
        dataset = CIFAR10Dataset(root)
        images = np.concatenate([b["data"] for b in batches[1:]]).reshape(-1, 3, 32, 32)
        np.testing.assert_array_equal(dataset.arrays[0], images)
        assert dataset.arrays[1].tolist() == [n for b in batches[1:] for n in b["labels"]]
        assert dataset.arrays[1].dtype == np.int64
        assert len(CIFAR10Dataset(root, train=False)) == 4


def test_the_pickle_written_here_is_one_that_pickle_reads() -> None:
    content = b"\x80\x02" + python2(batch(3)) + b"."
    read = pickle.loads(content, encoding="latin1")
    np.testing.assert_array_equal(read["data"], batch(3)["data"])
    assert read["labels"] == batch(3)["labels"]


class Runs:
    """When unpickled, calls a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


HOSTILE: list[Callable[[Path], Any]] = [
    lambda path: Runs(os.system, f"mkdir {path}"),
    lambda path: Runs(exec, f"import os; os.mkdir({str(path)!r})"),
    lambda path: Runs(np.savetxt, str(path), np.zeros(1)),
    lambda path: {"data": Runs(os.mkdir, str(path)), "labels": [1]},
    lambda path: [Runs(Path.mkdir, path)],
]


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("make", HOSTILE)
def test_a_pickle_that_would_run_code_is_refused(
    make: Callable[[Path], Any], protocol: int, tmp_path: Path
) -> None:
    path, planted = tmp_path / "data_batch_1", tmp_path / "planted"
    content = pickle.dumps(make(planted), protocol=protocol)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"data_batch_1 is no batch of CIFAR-10: .*it asks for"):
        _read_pickled(path)
    assert not planted.exists()
    pickle.loads(content)
    assert planted.exists()  # so it would have run


def changed(**entries: Any) -> dict[str, Any]:
    return {key: value for key, value in (batch(3) | entries).items() if value is not None}


@pytest.mark.parametrize(
    "content",
    [
        [], 5, None, {}, changed(data=None), changed(labels=None), changed(labels=[1, 2]),
        changed(labels=[1, 2, 10]), changed(labels=[1, 2, -1]), changed(labels=["1", 2, 3]),
        changed(labels=[[1], [2], [3]]), changed(labels=7), changed(data=[1, 2, 3]),
        changed(data=np.zeros((3, 3071), np.uint8)), changed(data=np.zeros((3, 3072))),
        changed(data=np.zeros((3, 3072), np.int8)), changed(data=np.zeros((3, 3072), object)),
        changed(data=np.zeros((0, 3072), np.uint8), labels=[]),
        changed(data=np.zeros((3, 3072), np.uint8, order="F")),
        changed(data=np.zeros((3, 3072), np.dtype([("a", "u1")]))),
    ],
)  # fmt: skip
def test_a_pickle_of_something_else_is_refused(content: Any, tmp_path: Path) -> None:
    path = tmp_path / "test_batch"
    path.write_bytes(pickle.dumps(content, protocol=2))
    with pytest.raises(ValueError, match="test_batch is no batch of CIFAR-10"):
        _read_pickled(path)


GOOD = b"\x80\x02" + python2(batch(1)) + b"."


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_pickle_is_refused_or_read_and_nothing_else(data: st.DataObject) -> None:
    import tempfile

    content = bytearray(GOOD)
    header = content.index(b"numpy") + 200
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, header))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.none() | st.integers(0, len(content)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "batch"
        path.write_bytes(content[:cut])
        try:
            images, labels = _read_pickled(path)
        except ValueError as error:
            assert "is no batch of CIFAR-10" in str(error)
        else:
            assert (images.shape, labels.shape) == ((1, 3, 32, 32), (1,))
