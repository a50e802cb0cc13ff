"""Models to networks that certify, and memorizing networks to models."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from gmpy2 import mpq
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from memverify import certify, evaluate_exact, evaluate_float
from memverify.network import Affine, Network, Node, Relu, Row
from sat_reduction.cnf import Formula
from sat_reduction.encoding import encode, literal_encoding
from sat_reduction.errors import FormulaError, NotAModelError, UndecodableNetworkError
from sat_reduction.megiddo import megiddo_reduction
from sat_reduction.reversible import linear_reduction
from sat_reduction.witness_network import decode, source_assignment, witness

from ..strategies import failing, referee
from .formulas import formulas, models, nae_models
from .test_encoding import with_complements

SETTINGS = settings(deadline=None, max_examples=25)
SIX = Formula.of(with_complements([[1, -2, 3, 4, -5, 6], [1, 2, 3, 4, 5, 7], [-1, 2, 3, 4, 6, 7]]))
METHODS = ("paper", "dyadic", "megiddo", "nae")


def encoded(source: Formula, method: str):
    if method == "nae":
        return encode(source, "nae")
    reduction = megiddo_reduction(source) if method == "megiddo" else linear_reduction(source)
    scheme = "dyadic" if method == "dyadic" else "paper"
    return encode(reduction.target, scheme, model_map=reduction.model_map)


def memorizes(network, encoding) -> bool:
    return certify(network, encoding.dataset(), with_bound=False).verdict == "memorizes"


def narrow(weights, bias, units, output) -> Network:
    """The network with layers d-1-2-1; ``units`` and ``output`` are rows (weights, bias)."""
    first = Affine(len(weights), (Row.of(enumerate(weights), bias),))
    second = Affine(1, tuple(Row.of([(0, weight)], shift) for weight, shift in units))
    return Network.sequential([first, second, Affine(2, (Row.of(enumerate(output[0]), output[1]),))])


# ------------------------------------------------------------------------------------- witnesses
@SETTINGS
@given(formulas(max_variables=4, max_clauses=3, max_width=8), st.sampled_from(METHODS), st.data())
def test_every_model_has_its_network_and_comes_back(source, method, data):
    encoding = encoded(source, method)
    found = models(source)
    assume(found)
    model = np.array(data.draw(st.sampled_from(found)), dtype=np.int8)
    network = witness(encoding, model)
    d = encoding.dimension
    assert [layer.in_dim for layer in network.layers] == [d, 1, 2]
    assert network.num_parameters == d + 8 == encoding.num_parameters
    assert network.num_nonzero <= d + 8
    assert memorizes(network, encoding)
    dense = encoding.dataset().dense()
    assert not failing(referee(network, dense), dense.labels)
    signs = decode(network, encoding)
    assert source.is_model(source_assignment(encoding, signs))
    # the opposite signs are as good, and so are the signs themselves as an assignment
    assert source.is_model(source_assignment(encoding, -signs))
    for own in (signs, -signs):
        other = witness(encoding, own)
        assert memorizes(other, encoding)
        assert np.array_equal(decode(other, encoding), own)


@pytest.mark.parametrize("scheme", ["paper", "dyadic"])
def test_assignments_are_accepted_exactly_if_they_are_nae_models(scheme):
    encoding = encode(SIX, scheme)
    accepted = set(nae_models(SIX))
    assert accepted == set(models(SIX))
    for bits in range(2**7):
        signs = tuple(1 if bits >> j & 1 else -1 for j in range(7))
        if signs in accepted:
            assert memorizes(witness(encoding, np.array(signs, dtype=np.int8)), encoding)
        else:
            with pytest.raises(NotAModelError, match=r"clause [1-6] of 6, \(.*\), only equal literals"):
                witness(encoding, np.array(signs, dtype=np.int8))


@pytest.mark.parametrize("widths", [(1, 2), (20, 3), (21, 5), (40, 3, 2)])
def test_wide_constraints_certify_in_the_worst_case(widths):
    """All literals true but the guard: |Q.s| is as large as it may be."""
    clauses = [list(range(1, w + 1)) for w in widths]
    encoding = encode(Formula.of(clauses, 41), "nae")
    network = witness(encoding, np.ones(41, dtype=np.int8))
    assert memorizes(network, encoding)
    flipped = Formula.of([*clauses, [-41]], 41)
    with pytest.raises(NotAModelError):
        witness(encode(flipped, "nae"), np.ones(41, dtype=np.int8))


def test_the_network_of_the_paper_as_printed():
    encoding = encode(SIX)
    signs = np.array(nae_models(SIX)[0], dtype=np.int8)
    first, second, output = witness(encoding, signs).layers
    assert first.rows[0].weights == tuple(3 * int(s) for s in signs)
    assert first.rows[0].bias == 3 - mpq("1.1") * int(signs.sum())
    assert [(row.weights, row.bias) for row in second.rows] == [((1,), -3), ((-1,), 3)]
    assert (output.rows[0].weights, output.rows[0].bias) == ((-1, -1), mpq(21, 20))
    # margins: the anchors and the clause points of Part 1.2, |F| = 1/20 at least
    outputs = evaluate_exact(witness(encoding, signs), encoding.dataset())[:, 0].tolist()
    assert min(map(abs, outputs)) == mpq(1, 20)
    assert set(outputs[:28]) == {mpq(1, 20), -mpq(1, 20)}


def test_dyadic_is_exact_in_float32():
    rng = np.random.default_rng(3)
    source = Formula.of([(rng.permutation(60)[:3] + 1).tolist() for _ in range(150)], 60)
    encoding = encoded(source, "dyadic")
    network = witness(encoding, np.ones(60, dtype=np.int8))
    dense = encoding.dataset().dense()
    exact = [float(value) for value in evaluate_exact(network, dense)[:, 0]]
    for dtype in ("float32", "float64"):
        floats = evaluate_float(network, dense, dtype)
        assert floats.n_inexact_weights == 0
        assert floats.n_wrong == 0
        assert floats.outputs.tolist() == exact
    # not so the printed numbers
    printed = encoded(source, "paper")
    network = witness(printed, np.ones(60, dtype=np.int8))
    assert evaluate_float(network, printed.dataset().dense(), "float32").n_inexact_weights > 0


def test_refused_assignments():
    encoding = encode(Formula.of([[1, 2], [-2]]), "nae")
    with pytest.raises(NotAModelError, match="no model"):
        witness(encoding, np.array([-1, -1], dtype=np.int8))
    with pytest.raises(NotAModelError, match=r"constraint 1 of 2, \(1 2 3\), only equal literals"):
        witness(encoding, np.array([1, 1, 1, -1], dtype=np.int8))
    with pytest.raises(NotAModelError, match=r"constraint 2 of 2, \(-2 3\), only equal literals"):
        source_assignment(encoding, np.array([1, -1, 1, -1], dtype=np.int8))
    with pytest.raises(FormulaError, match=r"3 values; .* has 4 variables, its source 2"):
        witness(encoding, np.array([1, 1, 1], dtype=np.int8))
    with pytest.raises(FormulaError, match="6 values; the formula of the data set has 7 variables"):
        witness(encode(SIX), np.ones(6, dtype=np.int8))
    with pytest.raises(FormulaError, match="integers"):
        witness(encoding, np.zeros(4, dtype=np.int8))
    with pytest.raises(FormulaError):
        source_assignment(encoding, np.ones(2, dtype=np.int8))
    wide = encode(Formula.of([list(range(1, 20))]), "nae")
    with pytest.raises(NotAModelError, match=r"\(1 2 3 4 5 6 7 8 9 10 11 12 \.\.\.\)"):
        witness(wide, np.ones(20, dtype=np.int8))


def test_an_unsatisfiable_formula_has_no_witness_and_an_empty_one_has():
    empty_clause = encode(Formula.of([[]]), "nae")
    for bits in range(16):
        signs = np.array([1 if bits >> j & 1 else -1 for j in range(4)], dtype=np.int8)
        with pytest.raises(NotAModelError, match=r"constraint 1 of 1, \(1\)"):
            witness(empty_clause, signs)
    nothing = encode(Formula.of([]), "nae")
    assert memorizes(witness(nothing, np.zeros(0, dtype=np.int8)), nothing)
    assert source_assignment(nothing, np.ones(4, dtype=np.int8)).tolist() == []


# --------------------------------------------------------------------------------------- decoding
@st.composite
def memorizers(draw):
    """Networks d-1-2-1 near to memorizing: of all shapes, sizes and orientations, some clipped."""
    source = draw(formulas(max_variables=3, max_clauses=3, messy=False))
    encoding = encode(source, "nae")
    d, scheme = encoding.dimension, encoding.scheme
    candidates = nae_models(encoding.formula) or [(1,) * d]
    signs = draw(st.sampled_from(candidates))
    huge = draw(st.sampled_from([Fraction(1), Fraction(10**40, 7), Fraction(3, 2**130)]))
    wobble = st.integers(-20, 20) if draw(st.booleans()) else st.just(0)
    sizes = [Fraction(1000 + draw(wobble), 1000) for _ in range(d)]
    weights = [huge * size * sign for size, sign in zip(sizes, signs, strict=True)]
    centre, inner, outer = (
        Fraction(int(v.numerator), int(v.denominator)) for v in (scheme.centre, scheme.inner, scheme.outer)
    )
    # z = Relu(u + beta); at beta just above the largest positive |u|, the negative anchors below clip
    least = draw(st.sampled_from([inner * 103 / 100, inner * 106 / 100, outer, Fraction(10)]))
    beta = huge * least
    bias = beta - centre * sum(weights, Fraction(0))
    low, high = (beta - huge * inner * 104 / 100, beta + huge * inner * 104 / 100)
    kind = draw(st.sampled_from(["tent", "shifted", "both ends", "slope"]))
    p, q = (draw(st.sampled_from([Fraction(1), Fraction(5, 3), Fraction(10**30)])) for _ in range(2))
    if kind == "tent":
        units, output = [(p, -p * beta), (-p, p * beta)], ([-q, -q], p * q * huge * inner * 104 / 100)
    elif kind == "shifted":
        # F = t - Relu(low + e - z) - T Relu(z - high + e)
        e = huge * inner / 100
        units, output = [(-p, p * (low + e)), (q, -q * (high - e))], ([-1 / p, -1 / q], e)
    elif kind == "both ends":
        # two right-open units: F = Relu(z - low') - 2 Relu(z - beta) - t
        units, output = [(p, -p * low), (q, -q * beta)], ([1 / p, -2 / q], -huge * inner / 1000)
    else:
        # c2-like or one-sided: never right, as the data are -, +, -
        units, output = [(p, -p * low), (-q, q * low)], ([1, 1], -huge * inner)
    if draw(st.booleans()):
        units, output = units[::-1], (output[0][::-1], output[1])
    return encoding, narrow(weights, bias, units, output)


@settings(deadline=None, max_examples=120)
@given(memorizers())
def test_whatever_memorizes_decodes_to_a_model(case):
    encoding, network = case
    if memorizes(network, encoding):
        signs = decode(network, encoding)
        assert tuple(signs.tolist()) in nae_models(encoding.formula)
        dense = encoding.dataset().dense()
        assert not failing(referee(network, dense), dense.labels)
    else:
        try:
            signs = decode(network, encoding)
        except UndecodableNetworkError:
            return
        assert tuple(signs.tolist()) in nae_models(encoding.formula)


@pytest.mark.parametrize("negative", [False, True])
@pytest.mark.parametrize("kind", ["tent", "clipped", "right-open", "huge", "tiny"])
def test_such_networks_do_memorize(kind, negative):
    """One of each shape, so that the test above is not about nothing."""
    encoding = encode(Formula.of([[1, 2], [-1, 3]]), "nae")
    signs = [-s if negative else s for s in (1, -1, 1, -1)]
    scale = {"huge": Fraction(10**50, 3), "tiny": Fraction(7, 10**50)}.get(kind, Fraction(1))
    weights = [scale * s for s in signs]
    h = scale * Fraction(7, 20)
    beta = h if kind == "clipped" else scale * 5
    bias = beta - Fraction(11, 30) * sum(weights)
    if kind == "clipped":
        # the lowest anchors, at u = -11/30, become z = 0; so F(0) must be negative
        outputs = evaluate_exact(
            Network.sequential([Affine(4, (Row.of(enumerate(weights), bias),))]), encoding.dataset()
        )[:, 0].tolist()
        labels = encoding.dataset().labels.tolist()
        assert sum(value < 0 for value in outputs) == 4
        assert all(label == -1 for value, label in zip(outputs, labels, strict=True) if value <= 0)
    if kind == "right-open":
        # F = Relu(z - low) - 2 Relu(z - beta): a tent of two units that both open to the right
        units, output = [(1, h - beta), (1, -beta)], ([1, -2], -scale / 100)
    else:
        units, output = [(1, -beta), (-1, beta)], ([-1, -1], h * Fraction(99, 100))
    network = narrow(weights, bias, units, output)
    assert memorizes(network, encoding)
    assert decode(network, encoding).tolist() == signs
    # the same with units exchanged and scaled
    swapped = narrow(
        weights, bias,
        [(3 * units[1][0], 3 * units[1][1]), (units[0][0] * Fraction(1, 7), units[0][1] * Fraction(1, 7))],
        ([output[0][1] * Fraction(1, 3), output[0][0] * 7], output[1]),
    )  # fmt: skip
    assert memorizes(swapped, encoding)
    assert decode(swapped, encoding).tolist() == signs
    # upside down it is c2: no data set of ours has that shape
    upside_down = narrow(weights, bias, units, ([-w for w in output[0]], -output[1]))
    assert not memorizes(upside_down, encoding)


def test_uneven_weights_that_memorize_only_within_the_ratio():
    encoding = encode(Formula.of([[1, 2], [-1, 3]]), "nae")
    for last, expected in ((Fraction(109, 100), True), (Fraction(11, 10), False), (Fraction(2), False)):
        weights = [Fraction(1), Fraction(-1), Fraction(1), -last]
        bias = 5 - Fraction(11, 30) * sum(weights)
        height = (last / 3 + Fraction(11, 30)) / 2
        network = narrow(weights, bias, [(1, -5), (-1, 5)], ([-1, -1], height))
        assert memorizes(network, encoding) == expected
        assert decode(network, encoding).tolist() == [1, -1, 1, -1]


def test_networks_that_cannot_be_decoded():
    encoding = encode(Formula.of([[1, 2], [-2]]), "nae")
    good = witness(encoding, np.array([1, -1, -1, 1], dtype=np.int8))
    first, second, output = good.layers

    def replaced(weights):
        return Network.sequential([Affine(4, (Row.of(enumerate(weights), 1),)), second, output])

    two = Affine(4, (first.rows[0], first.rows[0]))
    cases = [
        (replaced([1, 0, -1, 1]), "weight 0 for feature 1"),
        (replaced([0, 0, 0, 0]), "weight 0 for feature 0"),
        (replaced([1, 1, 1, 1]), r"constraint 1 of 2, \(1 2 3\), only equal literals"),
        (replaced([1, "1/9", -1, 10**40]), r"constraint 2 of 2, \(-2 3\), only equal literals"),
        (
            Network.sequential([Affine(5, (Row.of([(0, 1)]),)), second, output]),
            "a network of 5 inputs; the data set has 4",
        ),
        (Network.sequential([two, Affine(2, (Row.of([(0, 1)]),))]), "exactly one unit"),
        (Network.sequential([first]), "exactly one unit"),
        (
            Network(4, (Node(first, 0), Node(Relu(1), 1), Node(Relu(1), 2), Node(second, 3))),
            "exactly one unit",
        ),
    ]
    for network, message in cases:
        with pytest.raises(UndecodableNetworkError, match=message):
            decode(network, encoding)
    # one sign turned is another assignment: here no model
    for turned in range(3):
        weights = [1, -1, -1, 1]
        weights[turned] *= -1
        assert not memorizes(replaced(weights), encoding)


def test_literal_data_may_be_memorized_by_signs_that_are_no_model():
    encoding = literal_encoding(Formula.of(with_complements([[1, 1, 1, 1, 2, 3]])))
    network = witness(encoding, np.ones(3, dtype=np.int8))
    assert memorizes(network, encoding)
    with pytest.raises(UndecodableNetworkError, match="in the literal reading that can be"):
        decode(network, encoding)
    five = literal_encoding(Formula.of(with_complements([[1, 1, 2, 3, 4, 5]])))
    with pytest.raises(NotAModelError):
        witness(five, np.ones(5, dtype=np.int8))
