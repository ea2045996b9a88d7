"""Lets the tests of this folder import what they share, and gives them two fixtures."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from tinytorch.core.tensor import set_default_dtype


@pytest.fixture
def float64() -> Iterator[None]:
    """The default dtype is float64 for one test."""
    set_default_dtype(np.float64)
    yield
    set_default_dtype(np.float32)


@pytest.fixture
def torch() -> Any:
    """PyTorch; without it the test is skipped, but fails where everything must run."""
    if os.environ.get("CI") == "true":
        return importlib.import_module("torch")
    return pytest.importorskip("torch")
