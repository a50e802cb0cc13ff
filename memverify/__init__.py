"""Exact verification that a ReLU network memorizes a data set.

The public names below are loaded when first used, so that the command line starts fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "Affine": "network",
    "Certificate": "certification.certificate",
    "Construction": "constructions.construction",
    "Counterexample": "certification.certificate",
    "Dataset": "dataset",
    "Network": "network",
    "as_rational": "rational",
    "certify": "certification.certify",
    "check": "certification.check",
    "construct": "constructions.catalogue",
    "evaluate_exact": "evaluation.exact",
    "evaluate_float": "evaluation.torch_backend",
    "load_certificate": "certification.certificate",
    "load_dataset": "datasets",
    "load_network": "formats.json_network",
    "network_sha256": "formats.json_network",
    "rational_from_float": "rational",
    "save_certificate": "certification.certificate",
    "save_dataset_csv": "datasets",
    "save_network": "formats.json_network",
    "separation_squared": "separation",
}

if TYPE_CHECKING:
    from .certification.certificate import (
        Certificate,
        Counterexample,
        load_certificate,
        save_certificate,
    )
    from .certification.certify import certify
    from .certification.check import check
    from .constructions.catalogue import construct
    from .constructions.construction import Construction
    from .dataset import Dataset
    from .datasets import load_dataset, save_dataset_csv
    from .evaluation.exact import evaluate_exact
    from .evaluation.torch_backend import evaluate_float
    from .formats.json_network import load_network, network_sha256, save_network
    from .network import Affine, Network
    from .rational import as_rational, rational_from_float
    from .separation import separation_squared

__all__ = [
    "Affine",
    "Certificate",
    "Construction",
    "Counterexample",
    "Dataset",
    "Network",
    "as_rational",
    "certify",
    "check",
    "construct",
    "evaluate_exact",
    "evaluate_float",
    "load_certificate",
    "load_dataset",
    "load_network",
    "network_sha256",
    "rational_from_float",
    "save_certificate",
    "save_dataset_csv",
    "save_network",
    "separation_squared",
]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
