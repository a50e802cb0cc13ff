"""A fixture for the tests of CIFAR-10: what is on this machine must not be found."""

from pathlib import Path

import pytest

from memverify.datasets import cifar10, places


@pytest.fixture
def nowhere(monkeypatch, tmp_path) -> Path:
    """No data in reach: an empty cache, no variable; returns the cache."""
    cache = tmp_path / "cache"
    monkeypatch.setattr(cifar10, "_cache_folder", lambda: cache)
    monkeypatch.delenv(places.DATA_VARIABLE, raising=False)
    return cache
