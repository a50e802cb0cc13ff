"""Network files of version 2: round trips, the bytes of version 1 where it suffices, refusals."""

import copy
import gzip
import hashlib
import json
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.constructions.convex_cells import construct_convex_cells
from memverify.dataset import Dataset
from memverify.errors import FileFormatError
from memverify.formats import network_file
from memverify.network import Affine, Network
from memverify.tensors.exact_array import ExactArray
from memverify.tensors.json_tensors import (
    MAX_ENTRIES,
    canonical_chunks,
    json_chunks,
    load_network,
    network_sha256,
    parse_json_network,
    parse_tensor_network,
    save_network,
    tensor_network_sha256,
)
from memverify.tensors.operations import Dense, Rectify, Reshape
from memverify.tensors.plain import plain_outputs
from memverify.tensors.tensor_network import TensorNetwork

from ...strategies import networks_with_data
from .bad_documents import BIG, ONE, changed, changes
from .random_networks import points_of, random_data, random_network


def text_of(network):
    return b"".join(canonical_chunks(network))


def document_of(seed=0, outputs=3):
    return json.loads(text_of(random_network(seed, outputs)))


def parse(document):
    return parse_tensor_network(json.dumps(document).encode())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4))
def test_round_trips(seed, outputs):
    network = random_network(seed, outputs)
    text = text_of(network)
    back = parse_tensor_network(text)
    assert text_of(back) == text
    assert (back.input_shape, back.shapes) == (network.input_shape, network.shapes)
    assert tensor_network_sha256(network) == hashlib.sha256(text).hexdigest()
    points = points_of(random_data(seed, network.input_dim))
    assert (plain_outputs(network, points) == plain_outputs(back, points)).all()
    # any spelling of numbers, any order of keys, blanks: the same network
    document = json.loads(text)
    array = document["nodes"][0]["weight"]
    array["values"] = [f"0{v}" if v.isdigit() else v for v in array["values"]]
    again = parse_tensor_network(json.dumps(document, indent=1, sort_keys=True).encode())
    assert text_of(again) == text


@settings(max_examples=40, deadline=None)
@given(networks_with_data())
def test_chains_with_one_output_have_the_bytes_of_version_1(pair):
    network, _ = pair
    tensors = TensorNetwork.of(network)
    text = b"".join(network_file.canonical_chunks(network))
    assert text_of(tensors) == text
    assert tensor_network_sha256(tensors) == network_file.network_sha256(network)
    assert network_sha256(network) == network_sha256(tensors)
    assert text_of(parse_tensor_network(text)) == text
    assert isinstance(parse_json_network(text), Network)


def test_floats_are_written_as_their_binary_values():
    weight = ExactArray(np.array([[0.1], [2.0]], dtype=np.float32))
    net = TensorNetwork.chain((1,), [Dense(weight, ExactArray([0, "-1/3"]))])
    assert text_of(net).decode() == (
        '{"format":"memverify-network","version":2,"input_shape":[1],"nodes":[{"op":"dense","from":[0],'
        '"weight":{"shape":[2,1],"values":["13421773/134217728","2"]},'
        '"bias":{"shape":[2],"values":["0","-1/3"]}}]}'
    )
    huge = TensorNetwork.chain((1,), [Dense(ExactArray([[10**4000], [1]]), ExactArray([0, 0]))])
    assert b'"values":["0x' in text_of(huge)
    assert text_of(parse_tensor_network(text_of(huge))) == text_of(huge)


def test_one_output_without_a_plain_chain_is_version_2():
    layer = Dense(ExactArray([[1, 2]]), ExactArray([0]))
    for net in (
        TensorNetwork.chain((1, 2), [Reshape((2,)), layer]),
        TensorNetwork.chain((2,), [Rectify(), layer]),
        TensorNetwork.chain((2,), [layer, Rectify()]),
    ):
        assert json.loads(text_of(net))["version"] == 2
        assert text_of(parse_tensor_network(text_of(net))) == text_of(net)


@pytest.mark.parametrize("name", ["net.json", "net.json.gz"])
def test_files(tmp_path, name):
    path = tmp_path / name
    chain = Network.sequential([Affine.from_dense([["1/2"]], [0])])
    several = Network.sequential([Affine.from_dense([["1/2"], [3]], [0, 1])])
    cells = construct_convex_cells(Dataset([["0"], ["1"]], [-1, 1])).network
    for network in (random_network(3), TensorNetwork.of(chain), chain, several, cells):
        save_network(network, path)
        data = path.read_bytes()
        plain = gzip.decompress(data) if name.endswith(".gz") else data
        assert hashlib.sha256(plain).hexdigest() == network_sha256(network)
        assert network_sha256(load_network(path)) == network_sha256(network)
        assert plain == b"".join(json_chunks(network))
    with pytest.raises(FileFormatError, match="convex-cell network is no tensor network"):
        parse_tensor_network(plain)
    with pytest.raises(FileFormatError, match=r"ends in \.json"):
        save_network(chain, tmp_path / "net.onnx")
    path.write_bytes(b"")
    with pytest.raises(FileFormatError, match=r"net\.json"):
        load_network(path)


def test_escapes_do_not_hide_the_version():
    text = text_of(random_network(1)).replace(b"input_shape", b"input\\u005fshape")
    assert parse_tensor_network(text).input_shape == random_network(1).input_shape


def test_layers_too_large_to_be_dense_are_refused():
    network = Network.sequential([Affine.from_dense([[1, 1]], [0])])
    text = b"".join(network_file.canonical_chunks(network))
    text = text.replace(b'"input_dim":2', b'"input_dim":%d' % (1 << 30))
    with pytest.raises(FileFormatError, match="layer 0 has 1 x 1073741824 weights"):
        parse_tensor_network(text)


# ---------------------------------------------------------------------------------------- refusals
def test_the_document_that_is_changed_is_good():
    assert parse(BIG).shapes[-1] == (8,)


@pytest.mark.parametrize(("path", "value", "pattern"), list(changes()), ids=str)
def test_refusals(path, value, pattern):
    with pytest.raises(FileFormatError, match=pattern) as caught:
        parse(changed(path, value))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_missing_keys_are_refused():
    for key in BIG:
        if key != "input_shape":  # then it is read as version 1, which knows no version 2
            with pytest.raises(FileFormatError, match=key):
                parse({k: v for k, v in BIG.items() if k != key})
    for place, node in enumerate(BIG["nodes"]):
        for key in node:
            document = copy.deepcopy(BIG)
            del document["nodes"][place][key]
            with pytest.raises(FileFormatError, match=f"node {place + 1}"):
                parse(document)


def test_version_1_is_not_written_as_version_2():
    document = {
        "format": "memverify-network",
        "version": 2,
        "input_shape": [1],
        "nodes": [{"op": "dense", "from": [0], "weight": {"shape": [1, 1], "values": ["1"]}, "bias": ONE}],
    }
    with pytest.raises(FileFormatError, match="is written in version 1"):
        parse(document)


def test_windows_without_bound_are_refused():
    pool = {
        "op": "average_pool",
        "from": [0],
        "kernel": [5000, 5000],
        "strides": [1, 1],
        "include_pad": True,
    }
    document = BIG | {"input_shape": [1, 5050, 3050], "nodes": [pool | {"pads": [0, 1950, 0, 0]}]}
    assert prod(document["input_shape"]) < MAX_ENTRIES
    with pytest.raises(FileFormatError, match="windows of all nodes have over"):
        parse(document)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_cut_and_changed_bytes_give_a_network_or_one_line(data):
    text = json.dumps(BIG).encode()
    place = data.draw(st.integers(0, len(text) - 1))
    kind = data.draw(st.sampled_from(["cut", "change", "drop"]))
    if kind == "cut":
        text = text[:place]
    elif kind == "change":
        text = text[:place] + data.draw(st.binary(min_size=1, max_size=2)) + text[place + 1 :]
    else:
        text = text[:place] + text[place + 1 :]
    try:
        network = parse_tensor_network(text)
    except FileFormatError:
        return
    assert text_of(parse_tensor_network(text_of(network))) == text_of(network)
