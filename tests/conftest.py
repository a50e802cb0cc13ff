"""Real data for the tests that want it, from the folder that $MEMVERIFY_DATA names."""

import os
from pathlib import Path

import pytest

# Failures inside the helpers that tests share show their values, as in test files.
pytest.register_assert_rewrite(
    "tests.memverify.certification.verdict",
    "tests.memverify.evaluation.routes",
)

# Read before any test takes the variable away.
DATA_FOLDER = os.environ.get("MEMVERIFY_DATA")


def _holding(name: str, *places: str) -> Path:
    if DATA_FOLDER and any((Path(DATA_FOLDER) / place).is_file() for place in places):
        return Path(DATA_FOLDER)
    pytest.skip(f"$MEMVERIFY_DATA names no folder with {name}")


@pytest.fixture
def real_mnist() -> Path:
    """The folder with MNIST's own files."""
    name = "train-images-idx3-ubyte.gz"
    return _holding("MNIST", name, f"mnist/{name}")


@pytest.fixture
def real_jpegs() -> Path:
    """The folder with the JPEG files of CIFAR-10."""
    return _holding("cifar10-jpeg.zip", "cifar10-jpeg.zip", "cifar10/cifar10-jpeg.zip")


@pytest.fixture
def satlib() -> Path:
    """The folder with SATLIB's uniform random formulas, as they are distributed."""
    return _holding("satlib", "satlib/uf20-01.cnf") / "satlib"
