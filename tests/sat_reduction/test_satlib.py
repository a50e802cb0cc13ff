"""All of SATLIB's formulas at hand: answers as their names say, certified networks, checked proofs."""

import pytest

from memverify.certification.certificate import Certificate
from sat_reduction.bundle import decide, encode_source
from sat_reduction.dimacs import load_dimacs
from sat_reduction.recovery import recover
from sat_reduction.solvers import solve
from sat_reduction.witness_network import decode, source_assignment, witness


@pytest.mark.parametrize("size", [20, 50, 75, 100, 125, 150, 175])
@pytest.mark.parametrize("kind", ["uf", "uuf"])
def test_answers_with_evidence(satlib, kind, size):
    for path in sorted(satlib.glob(f"{kind}{size}-*.cnf")):
        source = load_dimacs(str(path), lenient=True)
        assert source.n_variables == size
        found = decide(source)
        assert found.answer == {"uf": "satisfiable", "uuf": "unsatisfiable"}[kind]
        assert (found.proof is None) == (kind == "uf")
        if found.model is not None:
            source.check_model(found.model)
            assert isinstance(found.certificate, Certificate)
            assert found.network.num_parameters == found.encoding.dimension + 8 == size + 14
            back = recover(found.encoding.dataset())
            assert (source_assignment(back, decode(found.network, back)) == found.model).all()


@pytest.mark.parametrize("scheme", ["nae", "dyadic"])
def test_other_schemes(satlib, scheme):
    for path in sorted(satlib.glob("uf[257]*.cnf")):
        source = load_dimacs(str(path), lenient=True)
        model = solve(source).model
        encoding = encode_source(source, scheme)
        back = recover(encoding.dataset())
        assert back.formula == encoding.formula
        assert (source_assignment(back, decode(witness(encoding, model), back)) == model).all()
