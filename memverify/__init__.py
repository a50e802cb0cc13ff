"""Exact verification that a ReLU network memorizes a data set.

The public names below are loaded when first used, so that the command line starts fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .lazy_names import lazy_names

__version__ = "0.1.0"

_HOME = {
    "Affine": "network",
    "BallShell": "distributions.ball_shell",
    "BoxDistribution": "distributions.boxes",
    "Certificate": "certification.certificate",
    "ClassDataset": "class_dataset",
    "Construction": "constructions.construction",
    "ConvexCellNetwork": "convex_cells",
    "Counterexample": "certification.certificate",
    "Dataset": "dataset",
    "FiniteDistribution": "distributions.finite",
    "LabeledBox": "distributions.boxes",
    "Network": "network",
    "SparseDataset": "sparse_dataset",
    "TensorNetwork": "tensors.tensor_network",
    "as_rational": "rational",
    "cell_radii": "certification.cell_radii",
    "certify": "certification.certify",
    "certify_balls": "certification.balls",
    "check": "certification.check",
    "compare_constructions": "experiments.compare",
    "construct": "constructions.catalogue",
    "evaluate_exact": "tensors.outputs",
    "evaluate_float": "evaluation.torch_backend",
    "exact_accuracy": "distributions.accuracy",
    "exact_signs": "tensors.signs",
    "from_torch": "interchange.torch_module",
    "load_certificate": "certification.certificate",
    "load_dataset": "datasets",
    "load_distribution": "distributions.distribution_file",
    "load_network": "interchange.load",
    "materialize": "constructions.materialize",
    "narrow_network_bound": "distributions.narrow_bound",
    "network_sha256": "tensors.json_tensors",
    "rational_from_float": "rational",
    "robust_radii": "robustness.radii",
    "save_certificate": "certification.certificate",
    "save_dataset_csv": "datasets",
    "save_distribution": "distributions.distribution_file",
    "save_network": "interchange.save",
    "save_sparse_npz": "datasets",
    "separation_squared": "separation",
    "to_torch": "interchange.torch_module",
}

if TYPE_CHECKING:
    from .certification.balls import certify_balls
    from .certification.cell_radii import cell_radii
    from .certification.certificate import Certificate, Counterexample, load_certificate, save_certificate
    from .certification.certify import certify
    from .certification.check import check
    from .class_dataset import ClassDataset
    from .constructions.catalogue import construct
    from .constructions.construction import Construction
    from .constructions.materialize import materialize
    from .convex_cells import ConvexCellNetwork
    from .dataset import Dataset
    from .datasets import load_dataset, save_dataset_csv, save_sparse_npz
    from .distributions.accuracy import exact_accuracy
    from .distributions.ball_shell import BallShell
    from .distributions.boxes import BoxDistribution, LabeledBox
    from .distributions.distribution_file import load_distribution, save_distribution
    from .distributions.finite import FiniteDistribution
    from .distributions.narrow_bound import narrow_network_bound
    from .evaluation.torch_backend import evaluate_float
    from .experiments.compare import compare_constructions
    from .interchange.load import load_network
    from .interchange.save import save_network
    from .interchange.torch_module import from_torch, to_torch
    from .network import Affine, Network
    from .rational import as_rational, rational_from_float
    from .robustness.radii import robust_radii
    from .separation import separation_squared
    from .sparse_dataset import SparseDataset
    from .tensors.json_tensors import network_sha256
    from .tensors.outputs import evaluate_exact
    from .tensors.signs import exact_signs
    from .tensors.tensor_network import TensorNetwork

__all__ = [
    "Affine",
    "BallShell",
    "BoxDistribution",
    "Certificate",
    "ClassDataset",
    "Construction",
    "ConvexCellNetwork",
    "Counterexample",
    "Dataset",
    "FiniteDistribution",
    "LabeledBox",
    "Network",
    "SparseDataset",
    "TensorNetwork",
    "as_rational",
    "cell_radii",
    "certify",
    "certify_balls",
    "check",
    "compare_constructions",
    "construct",
    "evaluate_exact",
    "evaluate_float",
    "exact_accuracy",
    "exact_signs",
    "from_torch",
    "load_certificate",
    "load_dataset",
    "load_distribution",
    "load_network",
    "materialize",
    "narrow_network_bound",
    "network_sha256",
    "rational_from_float",
    "robust_radii",
    "save_certificate",
    "save_dataset_csv",
    "save_distribution",
    "save_network",
    "save_sparse_npz",
    "separation_squared",
    "to_torch",
]

__getattr__, __dir__ = lazy_names(globals(), _HOME)
