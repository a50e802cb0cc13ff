"""Valid data sets, certificates, journals and distributions, small."""

from __future__ import annotations

import gzip
import io
import pickle
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from gmpy2 import mpq

from memverify.class_dataset import ClassDataset
from memverify.dataset import Dataset
from memverify.sparse_dataset import SparseDataset
from memverify.tensors.exact_array import ExactArray
from memverify.tensors.operations import Dense, Rectify
from memverify.tensors.tensor_network import TensorNetwork

from .seeds import chain, classes_chain, file_of


@cache
def data_of(classes: bool) -> Dataset | ClassDataset:
    """Six points with three coordinates."""
    points = np.array([[mpq(i * j % 7, 7) for j in (1, 2, 3)] for i in range(1, 7)], dtype=object)
    points[0] = [mpq(1, 3), mpq(1), mpq(0)]
    if classes:
        return ClassDataset(points, np.array([0, 1, 2, 0, 1, 2]), n_classes=3)
    return Dataset(points, np.array([1, -1, 1, -1, 1, -1]))


@cache
def csv_files() -> list[bytes]:
    """Labels, classes, a header."""
    header = b"a,b,label\n1/2,-0.5,1\n3e-2,0x1f,-1\n"
    return [b"".join(data_of(False).canonical_chunks()), b"".join(data_of(True).canonical_chunks()), header]


@cache
def sparse_data() -> SparseDataset:
    """Two samples of few entries."""
    return SparseDataset(
        4,
        [1, -1],
        [0, 2, 3],
        [0, 3, 1],
        [0, 1, 0],
        ["-1/6", "1/3"],
        background="1/2",
        note={"from": "here"},
    )


@cache
def sparse_texts() -> list[bytes]:
    """Sparse data as text."""
    from memverify.datasets.sparse_text import save_sparse_text

    return [file_of(lambda path: save_sparse_text(sparse_data(), path), "a.sparse")]


@cache
def npz_files() -> list[bytes]:
    """Dense floats and integers, ratios, sparse; stored and compressed; a bomb."""
    from memverify.datasets.sparse_npz import save_sparse_npz

    labels = np.array([1, -1, 1])
    points = np.array([[0.5, 1], [0, 2], [3, 0.25]])
    kinds: list[dict[str, Any]] = [
        {"x": points, "y": labels},
        {"x": points.astype(np.float16).reshape(3, 1, 2), "y": np.array([0, 2, 1], dtype=np.uint8)},
        {
            "x_num": np.array([[1, 2], [3, 4], [5, 6]]),
            "x_den": np.array([[1, 2], [3, 4], [5, 6]]),
            "y": labels,
        },
        {
            "x": np.array([[1, 2], [3, 4], [0, 255]], dtype=np.uint8),
            "y": labels,
            "scale_num": 1,
            "scale_den": 255,
        },
    ]
    found = []
    for arrays in kinds:
        target = io.BytesIO()
        np.savez(target, **arrays)
        found.append(target.getvalue())
    target = io.BytesIO()
    np.savez_compressed(target, x=np.zeros((3, 1 << 20), dtype=np.uint8), y=labels)
    return [*found, target.getvalue(), file_of(lambda path: save_sparse_npz(sparse_data(), path), "a.npz")]


@cache
def idx_pairs() -> tuple[list[bytes], bytes]:
    """Images, plain and compressed; the labels that go with them."""
    images = b"\0\0\x08\3" + b"".join([n.to_bytes(4, "big") for n in (3, 2, 2)]) + bytes(range(12))
    labels = b"\0\0\x08\1" + (3).to_bytes(4, "big") + bytes([0, 1, 2])
    return [images, gzip.compress(images, 1, mtime=0)], labels


@cache
def certificates() -> list[tuple[bytes, bytes, bytes]]:
    """(certificate, network, data): a proof and a refutation of each version."""
    from memverify import certify, construct
    from memverify.certification.certificate import certificate_text
    from memverify.tensors.json_tensors import json_chunks

    found = []
    for network, data in (
        (construct("optimal-parameters", data_of(False)).network, data_of(False)),
        (chain().to_network(), data_of(False)),
        (classes_chain(), data_of(True)),
        (_fitting(), data_of(True)),
    ):
        evidence = certify(network, data)
        texts = certificate_text(evidence).encode(), b"".join(json_chunks(network))
        found.append((*texts, b"".join(data.canonical_chunks())))
    return found


@cache
def _fitting() -> TensorNetwork:
    """Return a network of three classes that memorizes: one bump of ReLUs a sample, on a line."""
    data = data_of(True)
    points = [[mpq(value) for value in data.point(i)] for i in range(data.n_samples)]
    line = [mpq(1), mpq(7), mpq(-3)]
    places = [sum([a * b for a, b in zip(line, point, strict=True)]) for point in points]
    order = sorted(set(places))
    gap = min([b - a for a, b in pairwise(order)]) / 2
    first, biases, last = [], [], []
    for place, label in zip(places, data.labels.tolist(), strict=True):
        for shift, factor in ((-gap, 1), (mpq(0), -2), (gap, 1)):
            first.append(line)
            biases.append(-(place + shift))
            last.append([factor / gap if label == k else mpq(0) for k in range(3)])
    weight = np.array(last, dtype=object).T
    zero = ExactArray(np.zeros(3))
    return TensorNetwork.chain(
        (3,),
        [Dense(ExactArray(first), ExactArray(biases)), Rectify(), Dense(ExactArray(weight), zero)],
    )


@cache
def distributions() -> list[bytes]:
    """Distribution files of every kind."""
    from memverify.distributions.ball_shell import BallShell
    from memverify.distributions.boxes import BoxDistribution, LabeledBox
    from memverify.distributions.distribution_file import distribution_text
    from memverify.distributions.finite import FiniteDistribution

    made = [
        FiniteDistribution([["1/2", 0], [1, 1]], [1, -1], ["1/3", "2/3"]),
        BoxDistribution([LabeledBox([0, 0], [1, "1/2"], 1, "1/4"), LabeledBox([2, 0], [3, 1], -1, "3/4")]),
        BallShell(["0", "1/2"], 1, 2, "5/2"),
    ]
    return [distribution_text(one).encode() for one in made]


@cache
def pickles() -> list[bytes]:
    """Batches of images as pickled by three protocols."""
    held = {
        b"data": np.arange(6, dtype=np.uint8).reshape(2, 3),
        "labels": [1, 2],
        "filenames": ["a", None, 1 << 70],
    }
    return [pickle.dumps(held, protocol) for protocol in (0, 2, 4)]


@cache
def journals() -> list[bytes]:
    """Return a journal of a few entries."""
    from memverify.runs.journal import Journal

    def write(path: Path) -> None:
        with Journal(path, {"run": "x"}, resume=False, accept=lambda entry: None) as journal:
            for index in range(3):
                journal.add({"batch": index, "margin": "1/3"})

    return [file_of(write, "a.journal")]
