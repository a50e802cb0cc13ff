"""What a float runtime answers on a data set: torch or onnxruntime. Never a verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..class_dataset import ClassDataset
from ..dataset import Dataset
from ..errors import MemverifyError
from ..tensors.inputs import nearest_points
from ..tensors.interpreter import chunks
from ..tensors.tensor_network import TensorNetwork
from .rounded import rounded_network

RUNTIMES = ("torch:float32", "torch:float64", "onnxruntime")
TIE = -1
"""The answer of several outputs without a strictly largest one, as in `tensors.cascade`."""

Samples = Dataset | ClassDataset
Floats = npt.NDArray[Any]
Forward = Callable[[Floats], Floats]


@dataclass(frozen=True)
class RuntimeAnswers:
    """Answers of a runtime.

    Attributes
    ----------
    runtime : str
    outputs : float array of shape (n_samples, output_dim)
    answers : int64 array of shape (n_samples,)
        Signs, or the strictly largest class (`TIE` if none), by the runtime's numbers.
    n_nonfinite : int
        Samples with an output that is NaN or infinite; their answers count as 0 or `TIE`.
    """

    runtime: str
    outputs: Floats
    answers: npt.NDArray[np.int64]
    n_nonfinite: int


def runtime_answers(
    network: TensorNetwork,
    data: Samples,
    runtime: str,
    *,
    model: str | Path | None = None,
    batch_size: int = 1024,
    progress: Callable[[int, int], None] | None = None,
) -> RuntimeAnswers:
    """Evaluate in a runtime, batch by batch.

    Parameters
    ----------
    network : TensorNetwork
    data : Dataset or ClassDataset
        Points are rounded to the runtime's float type.
    runtime : str
        One of `RUNTIMES`.
    model : str or Path, optional
        An ONNX file, which onnxruntime then runs as it is; else the network is written out.
    batch_size : int, optional
        Samples at a time; runtimes may answer differently for another size.
    progress : callable, optional

    Raises
    ------
    MemverifyError
        For an unknown runtime, or a model that the runtime refuses.
    """
    if runtime not in RUNTIMES:
        raise MemverifyError(f"no runtime {runtime!r}; there are {', '.join(RUNTIMES)}")
    if runtime == "onnxruntime":
        forward, dtype = _onnxruntime(network, model)
    else:
        dtype = runtime.partition(":")[2]
        forward = _torch(network, dtype)
    parts = []
    for part in chunks(data.n_samples, batch_size):
        points, _ = nearest_points(data, part, dtype)
        parts.append(forward(points))
        if progress is not None:
            progress(part.stop, data.n_samples)
    outputs = np.concatenate(parts)
    finite = np.isfinite(outputs).all(axis=1)
    return RuntimeAnswers(runtime, outputs, _answers(outputs, finite), int((~finite).sum()))


def _answers(outputs: Floats, finite: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    safe = np.where(finite[:, None], outputs, 0)
    if outputs.shape[1] == 1:
        return np.sign(safe[:, 0]).astype(np.int64)
    best = safe.argmax(axis=1)
    largest = safe[np.arange(len(safe)), best]
    unique = (safe == largest[:, None]).sum(axis=1) == 1
    return np.where(unique & finite, best, TIE).astype(np.int64)


def _torch(network: TensorNetwork, dtype: str) -> Forward:
    import torch

    from .torch_module import to_torch

    module = to_torch(network, dtype)

    def forward(points: Floats) -> Floats:
        with torch.inference_mode():
            given = torch.from_numpy(np.ascontiguousarray(points)).reshape(-1, *network.input_shape)
            return np.asarray(module(given).numpy()).reshape(len(points), -1)

    return forward


def _onnxruntime(network: TensorNetwork, model: str | Path | None) -> tuple[Forward, str]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        with _model_file(network, model) as path:
            session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except _refusals() as error:
        raise MemverifyError(
            f"onnxruntime refuses the model: {' '.join(str(error).split())[:300]}"
        ) from None
    (given,) = session.get_inputs()
    dtype = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16"}.get(
        given.type
    )
    if dtype is None:
        raise MemverifyError(f"onnxruntime takes {given.type}, which is no float type")
    fixed = given.shape[0] if isinstance(given.shape[0], int) else None

    def forward(points: Floats) -> Floats:
        shaped = points.reshape(-1, *network.input_shape)
        batches = [shaped] if fixed is None else _padded(shaped, fixed)
        results = [np.asarray(session.run(None, {given.name: batch})[0]) for batch in batches]
        return np.concatenate([result.reshape(len(result), -1) for result in results])[: len(points)]

    return forward, dtype


def _padded(points: Floats, size: int) -> Iterator[Floats]:
    """Yield batches of the one size that the model takes; the last one is filled up."""
    for start in range(0, len(points), size):
        batch = points[start : start + size]
        missing = size - len(batch)
        yield np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)]) if missing else batch


@contextmanager
def _model_file(network: TensorNetwork, model: str | Path | None) -> Iterator[str]:
    """Yield the path of the model, or of a temporary one with the rounded network."""
    import tempfile

    from .onnx_writer import write_onnx

    if model is not None:
        yield str(model)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "network.onnx")
        write_onnx(rounded_network(network, "float32"), path, "float32")
        yield path


def _refusals() -> tuple[type[BaseException], ...]:
    """Return the exceptions of onnxruntime, which share no base of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    names = ("EPFail", "Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NotImplemented")
    found = [getattr(state, name, None) for name in (*names, "RuntimeException", "NoSuchFile")]
    return (RuntimeError, ValueError, *[kind for kind in found if isinstance(kind, type)])
