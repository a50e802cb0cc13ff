"""Fixtures for named data sets: what is on this machine must not be found."""

from pathlib import Path

import pooch
import pytest

from memverify.datasets import places


@pytest.fixture
def caches(monkeypatch, tmp_path) -> Path:
    """No data in reach: empty caches, no variable; returns the folder of all caches."""
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "caches")
    monkeypatch.delenv(places.DATA_VARIABLE, raising=False)
    (tmp_path / "caches").mkdir()
    return tmp_path / "caches"


@pytest.fixture
def nowhere(caches) -> Path:
    """The cache of the data set that a test file is about; overridden for another one."""
    return caches / "cifar10"
