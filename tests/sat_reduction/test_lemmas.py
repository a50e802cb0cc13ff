"""The lemma chain: proved for every scheme, broken by every mutant, checked by plain means too."""

import itertools
import random
from dataclasses import replace

import pytest
from gmpy2 import mpq

from memverify.network import Affine, Network
from sat_reduction import lemmas
from sat_reduction.encoding import encode
from sat_reduction.errors import NotReversibleError, ProofError
from sat_reduction.lemmas import ON_PAPER, alternations_impossible, prove_lemmas
from sat_reduction.reversible import linear_reduction
from sat_reduction.schemes import scheme_named

from .formulas import small_formulas

IDS = [
    "lemma-architectures",
    "lemma-monotone-unit",
    "lemma-width-one",
    "lemma-four-alternations",
    "lemma-nonzero-weights",
    "lemma-violated-clause",
]
PAPER = scheme_named("paper")


@pytest.mark.parametrize(
    ("name", "widths", "dimension"),
    [
        ("paper", [6], 26),
        ("paper", [6], 4),
        ("dyadic", [6], 10**9),
        ("nae", range(1, 22), 20),
        ("nae", [2, 3, 41], 10**6),
        ("nae", [], 4),
    ],
)
def test_every_scheme(name, widths, dimension):
    chain = prove_lemmas(scheme_named(name), widths, dimension)
    assert [result.id for result in chain] == IDS
    assert len(chain) == len(IDS)
    assert [result.proved for result in chain] == [True] * len(IDS)
    assert chain.all_proved
    assert chain.first_open is None
    chain.check()
    for result in chain:
        assert "\n" not in result.statement + result.by
        assert "z3 " in result.by
        assert result.seconds >= 0
    assert sum(result.seconds for result in chain) < 60


def test_encodings_of_formulas():
    for formula in small_formulas(1):
        reduced = linear_reduction(formula)
        for encoding in (encode(formula, "nae"), encode(reduced.target, model_map=reduced.model_map)):
            assert prove_lemmas(encoding.scheme, encoding.widths, encoding.dimension).all_proved


def test_results_are_kept():
    first = prove_lemmas(PAPER, [6], 26)
    again = prove_lemmas(scheme_named("paper"), (6, 6), 26)
    assert all(one is other for one, other in zip(first, again, strict=True))


def broken(*given, **options) -> list[str]:
    """The ids of the lemmas that are refuted; none may be left open."""
    chain = prove_lemmas(*given, **options)
    assert None not in [result.proved for result in chain]
    gaps = [result.id for result in chain if not result.proved]
    if gaps:
        with pytest.raises(ProofError, match=f"a lemma is false: {gaps[0]}: "):
            chain.check()
        assert chain.first_open.id == gaps[0]
        assert not chain.all_proved
        assert gaps[0] not in [entry["id"] for entry in chain.proved_for("unsatisfiable")]
    return gaps


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_mutant_too_few_dimensions(dimension):
    assert broken(PAPER, [6], dimension) == ["lemma-architectures"]
    assert "exact enumeration: hidden widths" in prove_lemmas(PAPER, [6], dimension).first_open.by


@pytest.mark.parametrize("allowance", [9, 10, 11, 13, 20])
def test_mutant_more_parameters(allowance):
    # one more is too many at d = 4, where (2,) takes 13; three more admit (1, 3) everywhere
    assert broken(PAPER, [6], 4, allowance=allowance) == ["lemma-architectures"]
    assert broken(PAPER, [6], 50, allowance=allowance) == ["lemma-architectures"]


def test_mutant_fewer_parameters_is_no_mutant():
    assert broken(PAPER, [6], 4, allowance=7) == []


def test_mutants_of_the_numbers():
    # sound means b <= w e(w); here w = 6 and b = 11/30
    least = PAPER.outer / 6
    for six_offset, expected in ((least, []), (least - mpq(1, 10**12), ["lemma-violated-clause"])):
        assert broken(replace(PAPER, six_offset=six_offset), [6], 26) == expected
    for ratio, expected in ((mpq(3, 2), []), (mpq(3, 2) + mpq(1, 10**12), ["lemma-violated-clause"])):
        assert broken(replace(PAPER, outer=PAPER.inner * ratio), [6], 26) == expected
    assert "w = 6" in prove_lemmas(replace(PAPER, outer=mpq(2)), [6], 26).first_open.by
    # the order of the anchors matters
    swapped = replace(PAPER, inner=PAPER.outer, outer=PAPER.inner)
    assert broken(swapped, [6], 26) == ["lemma-violated-clause"]


@pytest.mark.parametrize("width", [2, 3, 4])
def test_the_printed_offset_is_unsound_for_few_variables(width):
    # E10: Q/12 takes five distinct variables at least
    class Printed:
        inner, outer = PAPER.inner, PAPER.outer

        @staticmethod
        def clause_offset(width):
            return mpq(1, 12)

    assert broken(Printed, [width], 26) == ["lemma-violated-clause"]
    assert broken(Printed, [5, 6, 7], 26) == []
    assert broken(Printed, [width, 6], 26) == ["lemma-violated-clause"]
    with pytest.raises(NotReversibleError):
        prove_lemmas(PAPER, [width], 26)


def test_the_offset_that_shrinks_too_fast_is_unsound():
    # e(w) = 11 / (30 (w - 1)) is sound by w e >= b, w (11/30) / (w - 1) > 11/30, for every w
    # >= 2; e(w) = 11 / (30 (w + 1)) is not
    for shift, expected in ((-1, []), (0, []), (1, ["lemma-violated-clause"])):

        class Shifted:
            inner, outer = PAPER.inner, PAPER.outer

            @staticmethod
            def clause_offset(width, shift=shift):
                return mpq(11, 30 * (width + shift))

        assert broken(Shifted, range(2, 16), 26) == expected


def test_undecided_is_not_proved(monkeypatch):
    monkeypatch.setattr(lemmas, "_decided", {})
    monkeypatch.setattr(lemmas, "all_unsat", lambda *given: None)
    chain = prove_lemmas(PAPER, [6], 26)
    assert [result.proved for result in chain] == [None] * len(IDS)
    assert not chain.all_proved
    assert all("undecided in time" in result.by for result in chain)
    assert chain.proved_for("unsatisfiable") == []
    with pytest.raises(ProofError, match="a lemma was not decided in time: lemma-architectures: "):
        chain.check()
    assert lemmas._decided == {}


def test_what_each_answer_leans_on():
    chain = prove_lemmas(PAPER, [6], 26)
    assert [entry["id"] for entry in chain.proved_for("unsatisfiable")] == IDS
    assert [entry["id"] for entry in chain.proved_for("satisfiable")] == IDS[:3]
    assert all(set(entry) == {"id", "statement", "by"} for entry in chain.proved_for("satisfiable"))
    assert chain.on_paper == ON_PAPER
    assert all("\n" not in line for line in ON_PAPER)
    for line in ON_PAPER:  # no id is named that does not exist
        assert all(word.strip(",:;") in IDS for word in line.split() if word.startswith("lemma-"))


# ------------------------------------------------------------------------------- by plain means
def count(widths, inputs):
    """Dense parameters by the definition, through a real network."""
    sizes = [inputs, *widths, 1]
    layers = [Affine.from_dense([[1] * low] * high, [0] * high) for low, high in itertools.pairwise(sizes)]
    return Network.sequential(layers).num_parameters


@pytest.mark.parametrize("dimension", range(1, 9))
def test_architectures_against_trying_all(dimension):
    for allowance in (7, 8, 13):
        budget = dimension + allowance
        expected = {
            (widths, count(widths, dimension))
            for depth in range(8)
            for widths in itertools.product(range(1, 6), repeat=depth)
            if sum(widths) <= 8 and count(widths, dimension) <= budget
        }
        found = lemmas._hidden_widths(dimension, budget)
        assert set(found) == expected
        assert len(found) == len(expected)


def test_three_alternations_are_possible_and_a_third_unit_makes_four():
    assert alternations_impossible(1) is False
    assert alternations_impossible(3) is False
    assert alternations_impossible(5) is True


def alternations(values) -> int:
    signs = [1 if value > 0 else -1 for value in values if value]
    return 1 + sum(one != other for one, other in itertools.pairwise(signs)) if signs else 0


def test_random_networks_never_alternate_four_times():
    source = random.Random(7)
    most = 0
    for _ in range(3000):
        beta, v, w, p, q, k, l, r = (source.randint(-6, 6) for _ in range(8))  # noqa: E741
        values = []
        for u in range(-24, 25):
            z = max(mpq(u, 2) + beta, mpq(0))
            values.append(v * max(p * z + k, mpq(0)) + w * max(q * z + l, mpq(0)) + r)
        most = max(most, alternations(values))
    assert most == 3
