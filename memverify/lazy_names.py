"""Public names of a package that are loaded when first used, so that importing it is quick."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def lazy_names(
    package: dict[str, Any], homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` for the module of a package.

    Parameters
    ----------
    package : dict
        Its ``globals()``.
    homes : mapping
        For each public name the submodule that defines it, without the package's name.
    """
    own = package["__name__"]

    def load(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {own!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f".{home}", own), name)
        package[name] = value
        return value

    return load, lambda: sorted({*package, *homes})
