"""The closed form is what certifying the network finds, and None exactly where that fails."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memverify.certification.certify import certify
from sat_reduction.bundle import encode_source
from sat_reduction.cnf import Formula
from sat_reduction.encoding import literal_encoding
from sat_reduction.errors import NotAModelError, SatReductionError
from sat_reduction.witness_margin import WitnessMargins
from sat_reduction.witness_network import witness

from .formulas import formulas


@settings(max_examples=60, deadline=None)
@given(formulas(max_variables=15, max_clauses=6), st.sampled_from(["paper", "nae", "dyadic"]), st.data())
def test_equal_to_the_certificate(formula, scheme, data):
    encoding = encode_source(formula, scheme)
    margins = WitnessMargins.of(encoding)
    signs = np.array(
        data.draw(
            st.lists(st.sampled_from([-1, 1]), min_size=encoding.dimension, max_size=encoding.dimension)
        ),
        dtype=np.int8,
    )
    if data.draw(st.booleans()) and encoding.scheme.name != "nae":
        start = encoding.model_map.n_source
        signs[start : start + 6] = signs[start]
    found = margins.least(signs)
    try:
        network = witness(encoding, signs)
    except NotAModelError:
        assert found is None
        return
    assert found == certify(network, encoding.dataset(), with_bound=False).min_margin


@pytest.mark.parametrize("width", [1, 2, 7, 8, 9, 15, 16, 17, 40])
def test_every_width_around_a_word(width):
    encoding = encode_source(Formula.of([list(range(1, width + 1))]), "nae")
    margins = WitnessMargins.of(encoding)
    signs = -np.ones(encoding.dimension, dtype=np.int8)
    assert margins.least(signs) is None
    assert margins.least(-signs) is None
    for place in range(width):
        mixed = signs.copy()
        mixed[place] = 1
        assert margins.least(mixed) == certify(witness(encoding, mixed), encoding.dataset()).min_margin


def test_no_clauses():
    encoding = encode_source(Formula.of([], 5), "nae")
    assert WitnessMargins.of(encoding).least(np.ones(encoding.dimension, dtype=np.int8)) is not None


def test_the_literal_reading_is_refused():
    with pytest.raises(SatReductionError, match="literal"):
        WitnessMargins.of(literal_encoding(Formula.of([[1, 2, 3, 4, 5, 6]])))
