import numpy as np
import pytest

from memverify.constructions.optimal_parameters import construct_optimal_parameters
from memverify.edge_cases import edge_case_names, load_edge_case
from memverify.edge_cases.case import TIE
from memverify.edge_cases.corpus import corpus, names_of
from memverify.edge_cases.digit_packing import LADDER
from memverify.edge_cases.fractions_route import fraction_outputs
from memverify.edge_cases.layers import compact
from memverify.edge_cases.memorizers import PACKED_BITS, small_data
from memverify.errors import MemverifyError, UnknownNameError
from memverify.tensors.cascade import decide, exact_answers
from memverify.tensors.exact import tensor_outputs
from memverify.tensors.plain import plain_outputs
from memverify.tensors.tensor_network import TensorNetwork

FAMILIES = sorted({case.family for case in corpus().values()})
DEEP = 60
"""Networks with more nodes are held against the slow routes on a few samples only."""


@pytest.mark.parametrize("family", FAMILIES)
def test_answers_are_exact_by_every_route(family):
    for name in names_of(family):
        case = load_edge_case(name)
        assert np.array_equal(exact_answers(case.outputs), case.labels), name
        few = slice(None, None, 1 if len(case.network.nodes) <= DEEP else max(1, case.n_samples // 3))
        assert np.all(plain_outputs(case.network, case.points[few]) == case.outputs[few]), name


@pytest.mark.parametrize("family", FAMILIES)
def test_fractions_agree(family):
    for name in names_of(family):
        case = load_edge_case(name)
        few = slice(None, None, 1 if len(case.network.nodes) <= DEEP else max(1, case.n_samples // 3))
        points = case.points[few]
        if case.network.input_dim > 100:
            points = points[:8]
        found = fraction_outputs(case.network, points.tolist())
        expected = case.outputs[few][: len(points)]
        assert np.all(np.array(found, dtype=object) == expected), name


@pytest.mark.parametrize("family", FAMILIES)
def test_the_cascade_and_residues_are_right(family):
    for name in names_of(family):
        case = load_edge_case(name)
        if len(case.network.nodes) > DEEP:
            continue
        assert np.array_equal(decide(case.network, case.data).answers, case.labels), name
        assert np.all(tensor_outputs(case.network, case.data) == case.outputs), name


@pytest.mark.parametrize(
    "name", ["digit-packing-048", "digit-packing-ramp-064", "digit-packing-fraction-053"]
)
def test_the_cascade_on_deep_networks(name):
    case = load_edge_case(name)
    some = case.data.subset([0, case.n_samples // 2, case.n_samples - 1])
    assert decide(case.network, some).answers.tolist() == case.labels[[0, case.n_samples // 2, -1]].tolist()


def test_names():
    assert len(edge_case_names()) == len(set(edge_case_names())) >= 300
    for name, case in corpus().items():
        assert name == case.name
        assert case.what
        assert "{" not in case.what
    with pytest.raises(UnknownNameError, match="did you mean summation-order-024"):
        load_edge_case("sumation-order-024")


@pytest.mark.parametrize("family", ["digit-packing", "digit-packing-ramp", "digit-packing-fraction"])
def test_packing_is_representable_at_every_length(family):
    cases = [load_edge_case(name) for name in names_of(family)]
    assert tuple(case.bits for case in cases) == LADDER
    assert all(case.is_representable("float32") for case in cases)
    assert all(set(case.labels.tolist()) == {-1, 1} for case in cases)


def test_what_is_not_representable_is_counted():
    assert load_edge_case("bit-extraction-020").is_representable("float32")
    assert load_edge_case("bit-extraction-027").inexact_weights("float32") > 0
    assert load_edge_case("bit-extraction-027").is_representable("float64")
    assert not load_edge_case("optimal-parameters-base10-n016").is_representable("float64")
    assert load_edge_case("tenths").inexact_weights("float64") == 3
    assert load_edge_case("tenths-as-inputs").inexact_inputs("float64") > 0
    assert load_edge_case("tiny-input-0150").inexact_inputs("float32") == 2
    assert load_edge_case("tiny-input-0150").is_representable("float64")
    with pytest.raises(MemverifyError, match="the dtype is one of"):
        load_edge_case("tenths").is_representable("int8")


@pytest.mark.parametrize("base", [2, 10])
def test_packed_bits_are_those_of_the_construction(base):
    for n, bits in PACKED_BITS[base].items():
        data = small_data(base, n)
        details = construct_optimal_parameters(data, base=base).details
        assert details["group_size"] * (base ** details["digits"] - 1).bit_length() == bits
        assert (
            load_edge_case(f"optimal-parameters-base{base}-n{n:03}").labels.tolist() == data.labels.tolist()
        )


def test_cases_are_made_alike_every_time():
    for name in (
        "dot-product-032",
        "sat-as-printed",
        "digit-packing-ramp-027",
        "optimal-parameters-base2-n016",
    ):
        case = load_edge_case(name)
        again, points, labels = case.build()
        assert np.all(np.array(points, dtype=object) == case.points)
        assert list(labels) == case.labels.tolist()
        assert [node.operation for node in again.nodes] == [node.operation for node in case.network.nodes]


def test_all_kinds_of_answers_occur():
    signs = set(load_edge_case("zero-difference").labels.tolist())
    assert signs == {-1, 0, 1}
    assert TIE in load_edge_case("tie-of-classes").labels
    assert load_edge_case("sat-zero-inner").labels.tolist().count(0) >= 24


def test_compact_is_the_tensor_network_of_the_layers():
    network = construct_optimal_parameters(small_data(10, 9), base=10).network
    one, other = compact(network), TensorNetwork.of(network)
    assert [node.operation for node in one.nodes] == [node.operation for node in other.nodes]
