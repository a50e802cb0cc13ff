import contextlib
import io
import json
import os
import pickle
import warnings
import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn

from memverify.errors import MemverifyError
from memverify.interchange.pt2 import read_pt2

from .torch_models import (
    Function,
    Net,
    close,
    exact_models,
    exact_values,
    few_bit_points,
    torch_values,
    with_few_bits,
)

NAMES = (
    "mlp",
    "convolutions",
    "line",
    "max pool",
    "means",
    "activations",
    "residual",
    "axes",
    "sums",
    "clamps",
    "constant",
)
MODELS = [pytest.param(module, shape, id=name) for name, module, shape in exact_models() if name in NAMES]


@pytest.fixture(autouse=True)
def quiet_float64():
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def save(module, shape, path, *, decompose=False, batch=2, dynamic=True):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, about itself
        sizes = ({0: torch.export.Dim("n", min=2, max=64)},) if dynamic else None
        program = torch.export.export(module, (torch.zeros(batch, *shape),), dynamic_shapes=sizes)
        torch.export.save(program.run_decompositions() if decompose else program, path)
    return path


@pytest.mark.parametrize("decompose", [False, True], ids=["whole", "core"])
@pytest.mark.parametrize(("module", "shape"), MODELS)
def test_equals_torch_where_float64_is_exact(module, shape, decompose, tmp_path):
    module, points = with_few_bits(module), few_bit_points(shape)
    loaded = read_pt2(save(module, shape, tmp_path / "m.pt2", decompose=decompose))
    assert exact_values(loaded.network, points) == torch_values(module, points)
    assert loaded.source_format == "pt2"
    assert loaded.operators


@pytest.mark.parametrize("batch", [1, 3])
def test_a_fixed_number_of_samples_is_left_out(batch, tmp_path):
    module, points = with_few_bits(Net()), few_bit_points((1, 8, 8))
    path = save(module, (1, 8, 8), tmp_path / "m.pt2", batch=batch, dynamic=False, decompose=True)
    assert exact_values(read_pt2(path).network, points) == torch_values(module, points)


def test_batch_normalization(tmp_path):
    module = nn.Sequential(nn.Conv2d(1, 3, 2), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten()).eval()
    nn.init.uniform_(module[1].running_var, 0.5, 2)
    for decompose in (False, True):
        loaded = read_pt2(save(module, (1, 3, 3), tmp_path / "m.pt2", decompose=decompose))
        assert close(loaded.network, module, torch.rand(3, 1, 3, 3))
        assert "irrational" in loaded.notes[0]
    with pytest.raises(MemverifyError, match="training mode"):
        read_pt2(save(module.train(), (1, 3, 3), tmp_path / "m.pt2"))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_narrow_weights_and_strides(dtype, tmp_path):
    weight = torch.arange(12, dtype=dtype).reshape(3, 4).T / 8
    module = nn.Linear(3, 4, dtype=dtype)
    module.weight = nn.Parameter(weight)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch, about itself
        program = torch.export.export(module, (torch.zeros(2, 3, dtype=dtype),))
        torch.export.save(program, tmp_path / "m.pt2")
    held = read_pt2(tmp_path / "m.pt2").network.nodes[0].operation.weight
    assert held.floats.tolist() == weight.double().tolist()


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Sequential(nn.Linear(4, 4), nn.Sigmoid()), r"node 'sigmoid'.*aten.sigmoid"),
        (Function(lambda x: x * x), "piecewise linear"),
        (Function(lambda x: x[:, 1:]), "slice"),
        (Function(lambda x: (x, x + 1)), "2 outputs"),
        (Function(lambda x: torch.max(x, 1)[0]), "max"),
        (Function(lambda x: torch.div(x, 2, rounding_mode="floor")), "arguments"),
    ],
)
def test_refuses_by_node(module, message, tmp_path):
    with pytest.raises(MemverifyError, match=message) as caught:
        read_pt2(save(module, (4,), tmp_path / "m.pt2"))
    assert "\n" not in str(caught.value)


# ------------------------------------------------------------------------------------ hostile archives
@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """The entries of a good archive."""
    path = save(
        with_few_bits(nn.Sequential(nn.Linear(2, 2), nn.ReLU())),
        (2,),
        tmp_path_factory.mktemp("pt2") / "m.pt2",
    )
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


class Payload:
    """A pickle that would make a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


def pack(entries, path, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in entries.items():
            file.writestr(name, data)
    return path


def changed(archive, end, change):
    """The entries with one JSON changed in place."""
    entries = dict(archive)
    (name,) = [name for name in entries if name.endswith(end)]
    document = json.loads(entries[name])
    change(document)
    entries[name] = json.dumps(document).encode()
    return entries


def refused(entries, tmp_path, message, **options):
    with pytest.raises(MemverifyError, match=message) as caught:
        read_pt2(pack(entries, tmp_path / "bad.pt2", **options))
    assert "\n" not in str(caught.value)


def test_pickles_in_the_archive_never_run(archive, tmp_path):
    target = tmp_path / "made"
    raw, torch_file = pickle.dumps(Payload(target)), io.BytesIO()
    torch.save(Payload(target), torch_file)
    for payload in (raw, torch_file.getvalue()):
        entries = dict(archive)
        for name in entries:
            if "sample_inputs" in name or "weight_0" in name:
                entries[name] = payload
        pickled = changed(entries, "weights_config.json", lambda d: first(d).update(use_pickle=True))
        refused(pickled, tmp_path, "pickles are not opened")
        old = {"serialized_exported_program.json": model_of(archive), "serialized_state_dict.pt": payload}
        refused(old, tmp_path, "more than tensors|no archive")
    assert not target.exists()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = pack(pickled, tmp_path / "bad.pt2")
        with contextlib.suppress(Exception):
            torch.export.load(path)  # it does run the payload, which is why it is not used
    assert target.exists()


def first(config):
    return next(iter(config["config"].values()))


def model_of(archive):
    return next(data for name, data in archive.items() if name.endswith("models/model.json"))


def test_the_older_archive(archive, tmp_path):
    module = with_few_bits(nn.Sequential(nn.Linear(2, 2), nn.ReLU()))
    state = io.BytesIO()
    torch.save(module.state_dict(), state)
    entries = {
        "serialized_exported_program.json": model_of(archive),
        "serialized_state_dict.pt": state.getvalue(),
    }
    loaded = read_pt2(pack(entries, tmp_path / "old.pt2"))
    points = few_bit_points((2,))
    assert exact_values(loaded.network, points) == torch_values(module, points)


def test_sizes_are_checked_before_anything_is_read(archive, tmp_path):
    def huge(config):
        first(config)["tensor_meta"]["sizes"] = [{"as_int": 1 << 20}, {"as_int": 1 << 20}]

    def repeated(config):
        meta = first(config)["tensor_meta"]
        meta["sizes"], meta["strides"] = [{"as_int": 1 << 40}], [{"as_int": 0}]

    def outside(config):
        first(config)["tensor_meta"]["storage_offset"] = {"as_int": 3}

    def negative(config):
        first(config)["tensor_meta"]["strides"] = [{"as_int": -1}, {"as_int": 1}]

    for change, message in (
        (huge, "does not fit"),
        (repeated, "does not fit"),
        (outside, "does not fit"),
        (negative, "badly"),
    ):
        refused(changed(archive, "weights_config.json", change), tmp_path, message)
    refused({**archive, "m/zeros": bytes(10**7)}, tmp_path, "compressed", compression=zipfile.ZIP_DEFLATED)


def test_malformed_programs(archive, tmp_path):
    def graph(document):
        return document["graph_module"]["graph"]

    changes = [
        (lambda d: d.pop("schema_version"), "schema version"),
        (lambda d: d["schema_version"].update(major=99), "99"),
        (lambda d: d["graph_module"].pop("signature"), "not as expected"),
        (lambda d: graph(d)["nodes"][0].pop("inputs"), "not as expected"),
        (lambda d: graph(d)["nodes"].reverse(), "which no earlier step gives"),
        (lambda d: graph(d).update(nodes=[]), "no earlier step"),
        (lambda d: graph(d)["nodes"][0].update(target="os.system"), "os.system"),
        (lambda d: graph(d)["nodes"][0].update(target=7), "not as expected"),
        (lambda d: graph(d)["tensor_values"].clear(), "not as expected"),
    ]
    for change, message in changes:
        refused(changed(archive, "models/model.json", change), tmp_path, message)
    name = next(name for name in archive if name.endswith("models/model.json"))
    refused({**archive, name: b"[" * 100_000}, tmp_path, "not valid JSON")
    refused({**archive, name: b"{}"}, tmp_path, "schema version")
    refused({key: data for key, data in archive.items() if "weights" not in key}, tmp_path, "missing")
    refused(
        {key: data for key, data in archive.items() if "weight_1" not in key}, tmp_path, "lacks the entry"
    )
    weight = next(name for name in archive if name.endswith("weight_0"))
    refused({**archive, weight: b"\x00" * 8 * 3}, tmp_path, "does not fit")
    refused({**archive, weight: b"\xff" * len(archive[weight])}, tmp_path, "nan")
    refused({}, tmp_path, "0 exported programs")


def test_files_cut_short(archive, tmp_path):
    whole = pack(archive, tmp_path / "whole.pt2").read_bytes()
    cut = tmp_path / "cut.pt2"
    for size in (0, 1, 30, len(whole) // 2, len(whole) - 1):
        cut.write_bytes(whole[:size])
        with pytest.raises(MemverifyError):
            read_pt2(cut)
    for name in (tmp_path, tmp_path / "absent.pt2", Path("a\0b.pt2")):
        with pytest.raises(MemverifyError):
            read_pt2(name)
