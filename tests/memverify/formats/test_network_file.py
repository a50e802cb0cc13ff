import gzip
import hashlib
import json

import pytest

from memverify.convex_cells import ConvexCellNetwork
from memverify.dataset import Dataset
from memverify.errors import FileFormatError, NetworkStructureError
from memverify.formats import json_cells, json_network
from memverify.formats.network_file import (
    canonical_chunks,
    check_network_name,
    load_network,
    network_sha256,
    parse_network,
    save_network,
)
from memverify.network import Affine, Network, Node, Relu

from .small_network import BASE, CANONICAL

CELLS = ConvexCellNetwork.of(Dataset([["0", "1/2"], ["1", "0"], ["1/3", "1"]], [-1, 1, 1]))
CELL_TEXT = b"".join(json_cells.canonical_cell_chunks(CELLS))
LAYERS = json_network.parse_network(CANONICAL)


@pytest.mark.parametrize("name", ["a.json", "a.json.gz"])
@pytest.mark.parametrize(
    ("network", "text"), [(CELLS, CELL_TEXT), (LAYERS, CANONICAL)], ids=["cells", "layers"]
)
def test_both_kinds_go_through_one_door(tmp_path, network, text, name):
    assert b"".join(canonical_chunks(network)) == text
    assert network_sha256(network) == hashlib.sha256(text).hexdigest()
    save_network(network, tmp_path / name)
    raw = (tmp_path / name).read_bytes()
    assert (gzip.decompress(raw) if name.endswith("gz") else raw) == text
    for path in (tmp_path / name, str(tmp_path / name)):
        again = load_network(path)
        assert type(again) is type(network)
        assert again == network
    assert parse_network(text) == network


def test_the_doors_of_one_kind_refuse_the_other():
    with pytest.raises(FileFormatError):
        json_network.parse_network(CELL_TEXT)
    with pytest.raises(FileFormatError, match="format"):
        json_cells.parse_cells(CANONICAL)


def test_format_is_found_wherever_and_however_it_is_spelled():
    last = json.dumps(dict(reversed(json.loads(CELL_TEXT).items())), indent=1).encode()
    escaped = CELL_TEXT.replace(b"memverify-convex", b"memverify\\u002dconvex")
    for text in (last, escaped, escaped.replace(b"format", b"form\\u0061t")):
        assert text != CELL_TEXT
        assert parse_network(text) == CELLS
    assert parse_network(CANONICAL.replace(b"memverify", b"\\u006demverify")) == LAYERS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (json.dumps(BASE | {"format": "other"}).encode(), '"format" is "other"'),
        (json.dumps(BASE | {"note": "memverify-convex-cells"}).encode(), "format"),
        (CELL_TEXT[:-1], "not valid JSON"),
        (CELL_TEXT.replace(b'"points"', b'"point"'), '"points"'),
        (CELL_TEXT.replace(b'"points"', b'"poin\\u0073"'), '"points"'),
        (b"[" + CELL_TEXT + b"]", "JSON object"),
        (b'["\\u0061"]', "JSON object"),
        (b'{"\\u00', "JSON"),
        (b"hello", "not valid JSON"),
    ],
    ids=range(9),
)
def test_faults_name_the_file(tmp_path, text, message):
    path = tmp_path / "n.json"
    path.write_bytes(text)
    with pytest.raises(FileFormatError, match=message) as caught:
        load_network(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).count(str(path)) == 1


def test_missing_file_and_names(tmp_path):
    with pytest.raises(FileFormatError, match=r"none\.json does not exist"):
        load_network(tmp_path / "none.json")
    check_network_name("a.json.gz")
    for network in (CELLS, LAYERS):
        with pytest.raises(FileFormatError, match=r"ends in \.json"):
            save_network(network, tmp_path / "a.gz")
    with pytest.raises(FileFormatError, match=r"ends in \.json"):
        check_network_name("a.gz")
    assert list(tmp_path.iterdir()) == []


def test_no_graph_can_be_written(tmp_path):
    graph = Network(1, (Node(Relu(1), 0), Node(Affine.from_dense([[1]], [0]), 1)))
    with pytest.raises(NetworkStructureError):
        save_network(graph, tmp_path / "a.json")
    with pytest.raises(NetworkStructureError):
        network_sha256(graph)
    assert list(tmp_path.iterdir()) == []
