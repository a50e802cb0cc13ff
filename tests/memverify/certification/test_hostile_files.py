"""Files made to cost the checkers much, or to slip past one of the readers of networks."""

import json
import random
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from memverify.certification import checker, tensor_checker
from memverify.certification.check import check
from memverify.datasets import load_dataset
from memverify.errors import FileFormatError
from memverify.formats.json_network import parse_network
from memverify.tensors import json_tensors
from memverify.tensors.json_tensors import parse_tensor_network

from ..tensors.bad_documents import BIG
from .naive_checker import XOR_NETWORK, csv_text, dump, write_case
from .test_tensor_checker import CASES


def version_1(rng: random.Random, widths: list[int], share: float) -> bytes:
    layers = []
    for inputs, outputs in pairwise(widths):
        weight = [
            [
                [c, f"{rng.randint(-9, 9)}/{rng.randint(1, 3)}"]
                for c in range(inputs)
                if rng.random() < share
            ]
            for _ in range(outputs)
        ]
        layers.append({"weight": weight, "bias": [str(rng.randint(-3, 3)) for _ in range(outputs)]})
    return dump({**XOR_NETWORK, "input_dim": widths[0], "layers": layers}).encode()


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 1])
def test_sparse_layers_are_evaluated_alike(share):
    rng = random.Random(int(share * 10))
    for _ in range(20):
        text = version_1(rng, [7, rng.randint(1, 5), rng.randint(1, 5), 1], share)
        read = tensor_checker.read_network(text)
        digest, sizes, layers = checker._read_network(text)
        assert (read.sha256, read.sizes, read.outputs) == (digest, sizes, 1)
        point = [Fraction(rng.randint(-5, 5), rng.randint(1, 4)) for _ in range(7)]
        assert tensor_checker.outputs_of(read, point) == [checker._output(layers, point)]


def test_zeros_that_a_file_leaves_out_take_no_memory():
    layer = {"weight": [[]] * 3000, "bias": ["0"] * 3000}
    last = {"weight": [[]], "bias": ["1/2"]}
    text = dump({**XOR_NETWORK, "layers": [*[layer] * 7, last]}).encode()
    read = tensor_checker.read_network(text)  # 54,000,000 weights in 150 kB
    assert (read.sha256, read.sizes) == checker._read_network(text)[:2]
    assert read.sizes["num_parameters"] > 54 * 10**6
    assert tensor_checker.outputs_of(read, [1, 2]) == [Fraction(1, 2)]


def test_windows_and_results_are_bounded_together(monkeypatch, tmp_path):
    pool = {
        "op": "max_pool", "kernel": [2, 1], "strides": [1, 1], "pads": [0] * 4, "dilations": [1, 1]
    }  # fmt: skip
    nodes = [{**pool, "from": [0]}, {**pool, "from": [0]}, {"op": "reshape", "from": [2], "shape": [12]}]
    text = dump({**BIG, "input_shape": [1, 4, 4], "nodes": nodes}).encode()
    # each pooling has 12 places of 2 entries; the input and the results have 16 + 12 + 12 + 12
    network = parse_tensor_network(text)
    names = ("MAX_WINDOWS", "MAX_WINDOW_ENTRIES"), ("MAX_RESULTS", "MAX_RESULT_ENTRIES")
    for (own, other), most in zip(names, (48, 52), strict=True):
        for limit in (most, most - 1):
            with monkeypatch.context() as patch:
                patch.setattr(tensor_checker, own, limit)
                patch.setattr(json_tensors, other, limit)
                if limit == most:
                    json_tensors.save_network(network, tmp_path / "net.json")
                    assert json_tensors.load_network(tmp_path / "net.json").shapes == network.shapes
                    (tmp_path / "net.json").unlink()
                    assert (
                        parse_tensor_network(text).output_dim == tensor_checker.read_network(text).outputs
                    )
                    continue
                with pytest.raises(FileFormatError, match="of all nodes have over"):
                    parse_tensor_network(text)
                with pytest.raises(FileFormatError, match="of all nodes have over"):
                    json_tensors.save_network(network, tmp_path / "net.json")
                assert not list(tmp_path.iterdir())
                with pytest.raises(tensor_checker.MalformedError, match=r"of all nodes|all nodes together"):
                    tensor_checker.read_network(text)


def test_a_shape_of_many_long_numbers_is_refused_at_once():
    node = {"op": "reshape", "from": [0], "shape": [10**500] * 20_000}
    text = dump({**BIG, "input_shape": [1], "nodes": [node]}).encode()
    with pytest.raises(tensor_checker.MalformedError, match="shapes must fit"):
        tensor_checker.read_network(text)


def test_true_is_no_column_even_in_a_repeated_row():
    document = json.loads(dump(XOR_NETWORK))
    document["layers"][0]["weight"] = [[[1, "1"]], [[True, "1"]]]
    text = dump(document).encode()
    for read in (parse_network, checker._read_network, tensor_checker.read_network):
        with pytest.raises((FileFormatError, checker.MalformedError, tensor_checker.MalformedError)):
            read(text)


def test_a_deep_list_in_place_of_a_number():
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(checker.MalformedError, match="not a list"):
        checker._conform(deep, checker._RATIONAL, "network", "a bias")


def test_nobody_has_to_listen_to_the_progress(tmp_path, monkeypatch, capsys):
    class Closed:
        def write(self, _):
            raise BrokenPipeError

    network, samples, _, claim = CASES["sign"]
    paths = write_case(tmp_path, dump(claim), dump(network), csv_text(samples))
    now = iter(range(0, 1000, 6))
    monkeypatch.setattr(tensor_checker.time, "monotonic", lambda: next(now))
    monkeypatch.setattr(sys, "stderr", Closed())
    assert tensor_checker.main(paths) == 0


def test_a_long_integer_does_not_hide_the_version(tmp_path):
    network, samples, _, claim = CASES["sign"]
    paths = write_case(
        tmp_path, dump(claim | {"decided_by": {"exact": 10**30}}), dump(network), csv_text(samples)
    )
    assert tensor_checker.main(paths) == 0
    assert check(*paths[:2], load_dataset(paths[2])).exit_code == 0


@pytest.mark.parametrize("name", ["checker", "tensor_checker"])
@pytest.mark.parametrize("flags", [[], ["-I"]], ids=["plain", "isolated"])
@pytest.mark.parametrize("module", ["argparse", "json", "fractions", "re", "typing"])
def test_files_beside_a_checker_do_not_stand_in_for_pythons_own(tmp_path, name, flags, module):
    copy = tmp_path / "checker_alone.py"
    copy.write_bytes(Path(checker.__file__).with_name(f"{name}.py").read_bytes())
    (tmp_path / f"{module}.py").write_text("raise SystemExit(0)\n")
    command = [sys.executable, *flags, copy.name, "a.json", "b.json", "c.csv"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
