"""Every reader through its public door, with its seeds and the mutations that suit its format."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from memverify.convex_cells import ConvexCellNetwork
from memverify.errors import MemverifyError
from memverify.network import Network

from . import data_seeds, seeds
from .mutations import Mutation, mutate_bytes, mutate_json, mutate_text, splice
from .structured import (
    mutate_npy,
    mutate_onnx,
    mutate_safetensors,
    mutate_zip,
    packed,
)
from .words import JSON_WORDS, LAYERS, TORCH_WORDS

ARCHITECTURES: tuple[Any, ...] = (
    None,
    "mlp",
    [{"linear": "0"}, "relu", {"linear": "2"}],
    {"input_shape": [3], "layers": [{"linear": "0"}, {"leaky_relu": 0.5}, {"linear": "2"}]},
)


@dataclass(frozen=True)
class Seed:
    """A valid file: how its name ends, its bytes, and what goes with it."""

    ending: str
    data: bytes
    context: Any = None


@dataclass(frozen=True)
class Reader:
    """A reader under test.

    Attributes
    ----------
    name : str
    seeds : callable
        Returns the seeds; called once.
    read : callable
        ``read(path, context, random)`` reads one file.
    mutations : sequence of Mutation
    share : int
        Its part of the executions, in relation to the others.
    refuses : tuple of exception types
        What a refusal is.
    """

    name: str
    seeds: Callable[[], Sequence[Seed]]
    read: Callable[[Path, Any, Random], Any]
    mutations: tuple[Mutation, ...]
    share: int
    refuses: tuple[type[BaseException], ...] = (MemverifyError,)

    def mutant(self, pool: Sequence[Seed], random: Random) -> Seed:
        """Return a changed file."""
        seed = random.choice(pool)
        if random.random() < 0.03:
            return Seed(seed.ending, splice(seed.data, random.choice(pool).data, random), seed.context)
        data = seed.data
        for _ in range(1 if random.random() < 0.8 else 2):
            data = random.choice(self.mutations)(data, random)
        return Seed(seed.ending, data, seed.context)


# --------------------------------------------------------------------------------------------- doors
def _source(path: Path, architecture: Any, random: Random) -> Any:
    from memverify.interchange.load import load_source

    return examined(load_source(path, architecture=architecture).network, random)


def _onnx(path: Path, context: Any, random: Random) -> Any:
    path.with_name(seeds.OUTSIDE).write_bytes(bytes(64))
    return _source(path, None, random)


def _network(path: Path, context: Any, random: Random) -> Any:
    from memverify.interchange.load import load_network

    return examined(load_network(path), random)


def _mutated_architecture(path: Path, context: Any, random: Random) -> Any:
    import json

    architecture = random.choice(ARCHITECTURES)
    if architecture is not None and random.random() < 0.3:
        text = mutate_json(json.dumps(architecture).encode(), random, LAYERS)
        with contextlib.suppress(ValueError, RecursionError):
            architecture = json.loads(text)
    return _source(path, architecture, random)


def _data(path: Path, context: Any, random: Random) -> Any:
    from memverify.datasets.load import load_dataset

    classes = random.random() < 0.2 and not str(path).endswith(".sparse")
    return load_dataset(path, classes=classes).sha256


def _idx(path: Path, context: Any, random: Random) -> Any:
    from memverify.datasets.load import load_dataset

    other = path.with_name("other.idx")
    pair = (path, other) if context == "images" else (other, path)
    other.write_bytes(data_seeds.idx_pairs()[1] if context == "images" else data_seeds.idx_pairs()[0][0])
    return load_dataset(f"{pair[0]},{pair[1]}").sha256


def _certificate(path: Path, context: Any, random: Random) -> Any:
    from memverify.certification.certificate import certificate_text, load_certificate

    evidence = load_certificate(path)
    again = path.with_name("other.idx")
    again.write_text(certificate_text(evidence))
    if load_certificate(again) != evidence:
        raise AssertionError("the certificate written again is another one")


def _check(path: Path, context: Any, random: Random) -> Any:
    from memverify.certification.check import check
    from memverify.datasets.load import load_dataset

    certificate, network, data = _three(path, *context)
    return check(certificate, network, load_dataset(data))


def _alone(module: str) -> Callable[[Path, Any, Random], Any]:
    def read(path: Path, context: Any, random: Random) -> Any:
        from memverify.certification import checker, tensor_checker

        part, texts = context
        certificate, network, data = _three(path, part, texts)
        if module == "checker":
            return checker.check_files(str(certificate), str(network), str(data))
        n_classes, samples = tensor_checker.read_csv(data.read_bytes())
        return tensor_checker.check_certificate(
            certificate.read_bytes(), network.read_bytes(), samples, n_classes
        )

    return read


def _three(path: Path, part: int, texts: tuple[bytes, ...]) -> list[Path]:
    names = ("c.json", "n.json", "d.csv")
    files = [path.with_name(f"other-{name}") for name in names]
    for index, (file, text) in enumerate(zip(files, texts, strict=True)):
        if index == part:
            shutil.copyfile(path, file)
        else:
            file.write_bytes(text)
    return files


def _journal(path: Path, context: Any, random: Random) -> Any:
    from memverify.runs.journal import Journal

    with Journal(path, {"run": "x"}, resume=True, accept=lambda entry: None) as journal:
        journal.add({"batch": 9})


def _distribution(path: Path, context: Any, random: Random) -> Any:
    from memverify.distributions.distribution_file import load_distribution

    return load_distribution(path)


def _pickle(path: Path, context: Any, random: Random) -> Any:
    from memverify.datasets.pickle_reader import read_pickle

    return read_pickle(path.read_bytes(), path.name)


SMALL = 3000


def examined(network: Any, random: Random) -> Any:
    """Hold what was accepted against the canonical format, and the exact route against the definition."""
    if isinstance(network, ConvexCellNetwork):
        return network
    from memverify.tensors.exact import tensor_outputs
    from memverify.tensors.json_tensors import canonical_chunks, parse_tensor_network
    from memverify.tensors.plain import plain_outputs
    from memverify.tensors.tensor_network import TensorNetwork

    if isinstance(network, Network):
        if max([layer.in_dim * layer.out_dim for layer in network.layers]) > SMALL:
            return network
        network = TensorNetwork.of(network)
    tensors = network
    sizes = [max(1, size) for shape in tensors.shapes for size in shape]
    entries = sum([_product(shape) for shape in tensors.shapes])
    if (
        entries > SMALL
        or tensors.num_parameters > SMALL
        or max(sizes) > SMALL
        or tensors.max_weight_bits > 1 << 16
    ):
        return network
    text = b"".join(canonical_chunks(tensors))
    if b"".join(canonical_chunks(parse_tensor_network(text))) != text:
        raise AssertionError("the canonical file reads back as another network")
    if random.random() < 0.1:
        import numpy as np
        from gmpy2 import mpq

        from memverify.dataset import Dataset

        points = np.array(
            [[mpq(random.randrange(-8, 9), 4) for _ in range(tensors.input_dim)]], dtype=object
        )
        with np.errstate(all="ignore"):
            exact = tensor_outputs(tensors, Dataset(points, np.array([1])))
        if exact.tolist() != plain_outputs(tensors, points).tolist():
            raise AssertionError("the exact route differs from the definition")
    return network


def _product(shape: tuple[int, ...]) -> int:
    result = 1
    for size in shape:
        result *= size
    return result


# --------------------------------------------------------------------------------------------- table
def _plain(
    ending: str, make: Callable[[], Sequence[bytes]], context: Any = None
) -> Callable[[], list[Seed]]:
    return lambda: [Seed(ending, data, context) for data in make()]


def _json(data: bytes, random: Random) -> bytes:
    return mutate_json(data, random, JSON_WORDS)


def _pt2(data: bytes, random: Random) -> bytes:
    return mutate_zip(data, random, _inside_pt2)


def _inside_pt2(name: str) -> Mutation:
    if name.endswith(".json"):
        return lambda data, random: mutate_json(data, random, TORCH_WORDS)
    return mutate_bytes


def _torch_zip(data: bytes, random: Random) -> bytes:
    return mutate_zip(data, random, lambda name: mutate_bytes)


def _npz(data: bytes, random: Random) -> bytes:
    return mutate_zip(data, random, lambda name: _npz_json if name.startswith("header") else mutate_npy)


def _npz_json(data: bytes, random: Random) -> bytes:
    start = data.find(b"{", 100)
    if start < 0 or random.random() < 0.3:
        return mutate_npy(data, random)
    import io

    import numpy as np

    target = io.BytesIO()
    np.save(target, np.frombuffer(_json(data[start:], random), dtype=np.uint8))
    return target.getvalue()


def _triples(version: int) -> list[Seed]:
    found = []
    for texts in data_seeds.certificates():
        if (b'"version": 2' in texts[0][:200]) == (version == 2):
            found += [Seed(".bin", texts[part], (part, texts)) for part in range(3)]
    return found


def _gzipped() -> list[Seed]:
    import gzip

    return [Seed(".json.gz", gzip.compress(data, 1, mtime=0)) for data in seeds.json_networks()] + [
        Seed(".json.gz", gzip.compress(b"{" + b" " * (8 << 20), 9, mtime=0))
    ]


def _malformed() -> tuple[type[BaseException], ...]:
    from memverify.certification import checker, tensor_checker

    return (checker.MalformedError, tensor_checker.MalformedError)


_TEXT: tuple[Mutation, ...] = (_json, _json, _json, mutate_text, mutate_bytes)
_LINES: tuple[Mutation, ...] = (mutate_text, mutate_text, mutate_bytes)
_ANY: tuple[Mutation, ...] = (_json, mutate_text, mutate_bytes)
_ZIP: tuple[Mutation, ...] = (_torch_zip, _torch_zip, mutate_bytes)
READERS: tuple[Reader, ...] = (
    Reader("onnx", _plain(".onnx", seeds.onnx_models), _onnx, (mutate_onnx,) * 3 + (mutate_bytes,), 120),
    Reader("pt2", _plain(".pt2", seeds.exported_programs), _source, (_pt2,) * 5 + (mutate_bytes,), 30),
    Reader("pt", _plain(".pt", seeds.state_dicts), _mutated_architecture, _ZIP, 30),
    Reader(
        "safetensors",
        _plain(".safetensors", seeds.safetensors_files),
        _mutated_architecture,
        (mutate_safetensors,) * 3 + (mutate_bytes,),
        120,
    ),
    Reader("nnet", _plain(".nnet", seeds.nnet_files), _source, _LINES, 120),
    Reader("json network", _plain(".json", seeds.json_networks), _network, _TEXT, 160),
    Reader("json.gz network", _gzipped, _source, (packed(_json), mutate_bytes), 30),
    Reader(
        "certificate",
        lambda: [Seed(".json", texts[0]) for texts in data_seeds.certificates()],
        _certificate,
        _TEXT,
        100,
    ),
    Reader("check", lambda: _triples(1) + _triples(2), _check, _ANY, 40),
    Reader("checker", lambda: _triples(1), _alone("checker"), _ANY, 60, _malformed()),
    Reader("tensor_checker", lambda: _triples(2), _alone("tensor_checker"), _ANY, 60, _malformed()),
    Reader("csv", _plain(".csv", data_seeds.csv_files), _data, _LINES, 110),
    Reader("sparse", _plain(".sparse", data_seeds.sparse_texts), _data, _LINES, 80),
    Reader("npz", _plain(".npz", data_seeds.npz_files), _data, (_npz, _npz, _npz, mutate_bytes), 80),
    Reader(
        "idx",
        lambda: (
            [Seed(".idx", data, "images") for data in data_seeds.idx_pairs()[0]]
            + [Seed(".idx", data_seeds.idx_pairs()[1], "labels")]
        ),
        _idx,
        (mutate_bytes, mutate_bytes, packed(mutate_bytes)),
        60,
    ),
    Reader("pickle", _plain(".bin", data_seeds.pickles), _pickle, (mutate_bytes,), 60),
    Reader("distribution", _plain(".json", data_seeds.distributions), _distribution, _TEXT, 60),
    Reader("journal", _plain(".journal", data_seeds.journals), _journal, _ANY, 40),
)
"""In the order of docs/fuzzing.csv."""

__all__ = ["READERS", "Reader", "Seed", "examined"]
