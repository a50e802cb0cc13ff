"""Maps of models: written and read, true of their target, and never believed when they lie."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sat_reduction.cnf import MAX_VARIABLES, Formula
from sat_reduction.errors import FormulaError, NotAModelError, NotAnEncodingError
from sat_reduction.megiddo import megiddo_reduction
from sat_reduction.model_map import ModelMap, comments_of, map_of_comments, source_of
from sat_reduction.reversible import linear_reduction, nae_constraints

from .formulas import formulas
from .truth_tables import models_of, nae_table_of

LINEAR = ModelMap("linear", 3, guard=4)
NAE = ModelMap("nae", 3, guard=4)
MEGIDDO = ModelMap("megiddo", 3, source=((1, -2), (), (3,)))
IDENTITY = ModelMap("identity", 3)
MAPS = [LINEAR, NAE, MEGIDDO, IDENTITY]


def ones(n):
    return np.ones(n, dtype=np.int8)


class TestText:
    @pytest.mark.parametrize("model_map", MAPS)
    def test_there_and_back(self, model_map):
        assert ModelMap.from_json(json.loads(json.dumps(model_map.to_json()))) == model_map
        (line,) = comments_of(model_map)
        assert line.startswith("sat-reduction map {")
        assert map_of_comments(["by hand", line, "c"]) == model_map

    def test_the_lines_themselves(self):
        assert [comments_of(model_map)[0] for model_map in MAPS] == [
            'sat-reduction map {"method":"linear","n_source":3,"guard":4}',
            'sat-reduction map {"method":"nae","n_source":3,"guard":4}',
            'sat-reduction map {"method":"megiddo","n_source":3,"source":[[1,-2],[],[3]]}',
            'sat-reduction map {"method":"identity","n_source":3}',
        ]

    def test_long_maps_take_several_lines(self):
        source = tuple((i, -i - 1, i + 2) for i in range(1, 500))
        model_map = ModelMap("megiddo", 501, source=source)
        lines = comments_of(model_map)
        assert len(lines) > 5
        assert max(map(len, lines)) < 1000
        assert map_of_comments(lines) == model_map
        assert map_of_comments([f"  {line} " for line in lines]) == model_map
        with pytest.raises(FormulaError, match="it is no JSON text"):
            map_of_comments(lines[1:])
        with pytest.raises(FormulaError, match="it is no JSON text"):
            map_of_comments(lines[:-1])

    def test_no_map(self):
        assert map_of_comments([]) is None
        assert (
            map_of_comments(["", "sat-reduction", "sat-reduction maps", "a sat-reduction map {}"]) is None
        )

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "it is no JSON text"),
            ('{"method":"linear","n_source":3,"guard":4', "it is no JSON text"),
            ('{"method":"linear","n_source":3,"guard":4}{}', "it is no JSON text"),
            ('{"method":"linear","method":"nae","n_source":3,"guard":4}', "'method' is there twice"),
            ("[" * 100_000, "it is no JSON text"),
            ("[1]", "it is no JSON object"),
            ("null", "it is no JSON object"),
            ("{}", "method is missing"),
            ('{"method":"linear","guard":4}', "n_source is missing"),
            ('{"method":"linear","n_source":3}', "guard is missing"),
            ('{"method":"megiddo","n_source":3}', "source is missing"),
            ('{"method":"nae","n_source":3,"guard":null}', "guard is None, not 4"),
            ('{"method":"nae","n_source":3,"guard":5}', "guard is 5, not 4"),
            ('{"method":"nae","n_source":3,"guard":4.0}', "guard is 4.0, not 4"),
            ('{"method":"nae","n_source":0,"guard":true}', "guard is True, not 1"),
            ('{"method":"nae","n_source":3,"guard":"4"}', "guard is '4', not 4"),
            ('{"method":"identity","n_source":3,"guard":4}', "'guard' does not belong there"),
            ('{"method":"linear","n_source":3,"guard":4,"source":[]}', "'source' does not belong there"),
            ('{"method":"linear","n_source":3,"guard":4,"\\u00e9":1}', r"'\\xe9' does not belong there"),
            ('{"method":"cubic","n_source":3}', "the method 'cubic' is none of linear, megiddo, nae, id"),
            ('{"method":["linear"],"n_source":3}', r"the method \['linear'\] is none of"),
            ('{"method":"identity","n_source":-1}', "n_source is -1, not a number of variables"),
            ('{"method":"identity","n_source":true}', "n_source is True, not a number of variables"),
            ('{"method":"identity","n_source":1.0}', "n_source is 1.0, not a number of variables"),
            ('{"method":"identity","n_source":"1"}', "n_source is '1', not a number of variables"),
            ('{"method":"identity","n_source":99999999999}', "n_source is 99999999999, not a number"),
            ('{"method":"megiddo","n_source":3,"source":null}', "source is there for megiddo"),
            ('{"method":"megiddo","n_source":3,"source":{}}', "source is no list of clauses"),
            ('{"method":"megiddo","n_source":3,"source":[1]}', "source is no list of clauses"),
            ('{"method":"megiddo","n_source":3,"source":[[0]]}', "0 is no literal"),
            ('{"method":"megiddo","n_source":3,"source":[[1.0]]}', "1.0 is no literal"),
            ('{"method":"megiddo","n_source":3,"source":[[true]]}', "True is no literal"),
            ('{"method":"megiddo","n_source":3,"source":[[[1]]]}', r"\[1\] is no literal"),
            ('{"method":"megiddo","n_source":3,"source":[[4]]}', "variable 4 occurs, but there are 3"),
            ('{"method":"megiddo","n_source":3,"source":[[99999999999]]}', "99999999999 is no literal"),
        ],
    )
    def test_malformed(self, text, message):
        with pytest.raises(FormulaError, match=message) as caught:
            map_of_comments([f"sat-reduction map {text}"])
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 200

    def test_two_maps(self):
        with pytest.raises(FormulaError, match="it is no JSON text"):
            map_of_comments(comments_of(LINEAR) + comments_of(NAE))

    def test_long_nonsense_is_cut(self):
        with pytest.raises(FormulaError, match=r"\(100002 characters\)"):
            ModelMap.from_json({"method": "x" * 100_000, "n_source": 3})


class TestBackward:
    def test_signs(self):
        assert LINEAR.backward([1, -1, 1, -1, 1, 1, 1, 1, 1]).tolist() == [1, -1, 1]
        assert LINEAR.backward([1, -1, 1, 1, 1, 1, 1, 1, 1]).tolist() == [-1, 1, -1]
        assert NAE.backward([1, -1, 1, 1]).tolist() == [-1, 1, -1]
        assert NAE.backward([1, -1, 1, 1, -1]).tolist() == [-1, 1, -1]
        assert IDENTITY.backward([1, -1, 1]).tolist() == [1, -1, 1]

    @pytest.mark.parametrize(
        ("model_map", "length", "message"),
        [
            (LINEAR, 8, r"8 variables; the map of models \(linear\) takes at least 9"),
            (NAE, 3, r"3 variables; the map of models \(nae\) takes at least 4"),
            (MEGIDDO, 2, r"2 variables; the map of models \(megiddo\) takes at least 3"),
            (IDENTITY, 4, r"4 variables; the map of models \(identity\) takes 3"),
        ],
    )
    def test_wrong_length(self, model_map, length, message):
        with pytest.raises(FormulaError, match=message):
            model_map.backward(ones(length))

    @pytest.mark.parametrize("model", [[0] * 9, [1.0] * 9, [[1] * 9]])
    def test_no_assignment(self, model):
        with pytest.raises(FormulaError):
            LINEAR.backward(model)


class TestForward:
    @pytest.mark.parametrize(
        ("model_map", "target", "message"),
        [
            (LINEAR, Formula.of([[1]], 8), "has 8 variables; 3 and six sentinels would be 9"),
            (LINEAR, Formula.of([[1]], 9), "is no linear reduction"),
            (LINEAR, Formula.of([range(1, 7)] * 63, 9), "is no linear reduction"),
            (LINEAR, Formula.of([range(1, 7)] * 63 + [[1]], 9), "is no linear reduction"),
            (NAE, Formula.of([[1]], 2), "has 2 variables, fewer than the 3 that its map"),
            (MEGIDDO, Formula.of([[1]], 2), "has 2 variables, fewer than the 3 that its map"),
        ],
    )
    def test_other_targets(self, model_map, target, message):
        with pytest.raises(NotAnEncodingError, match=message):
            model_map.forward(target, ones(3))

    def test_another_formula(self):
        target = linear_reduction(Formula.of([[1, 2], [-3]])).target
        assert LINEAR.forward(target, [1, 1, -1]).tolist() == [1, 1, -1] + [-1] * 6
        with pytest.raises(NotAModelError, match=r"clause 33 of 66, \(-3 4 5 6 7 8\), is false"):
            LINEAR.forward(target, ones(3))
        target = nae_constraints(Formula.of([[1, 2], [-3]])).target
        with pytest.raises(NotAModelError, match="constraint 2 of 2 has no true literal"):
            NAE.forward(target, ones(3))
        with pytest.raises(NotAModelError, match=r"clause 1 of 1, \(-1\), is false"):
            IDENTITY.forward(Formula.of([[-1]], 3), ones(3))

    def test_wrong_length(self):
        with pytest.raises(FormulaError, match="each of 3 variables, not shape"):
            LINEAR.forward(linear_reduction(Formula.of([], 3)).target, ones(4))


# ------------------------------------------------------------------------------------ lies
SMALL = formulas(max_variables=4, max_clauses=3, max_width=4)
CHAINED = formulas(max_variables=7, max_clauses=2, max_width=7, min_variables=6, messy=False)


def maps_of(formula):
    """Every map that someone could claim of a formula."""
    yield ModelMap("identity", formula.n_variables)
    for n in range(formula.n_variables + 2):
        yield ModelMap("linear", n, n + 1)
        yield ModelMap("nae", n, n + 1)


def check_honest(target, model_map):
    """If the map fits, every not-all-equal model goes back to a model of what is encoded."""
    try:
        model_map.check_fits(target)
    except NotAnEncodingError:
        return False
    source = source_of(target, model_map)
    n = target.n_variables
    for model in models_of(nae_table_of(target), n)[:200]:
        assert source.is_model(model_map.backward(np.array(model, dtype=np.int8)))
    return True


@settings(deadline=None, max_examples=60)
@given(st.data(), st.one_of(SMALL, CHAINED))
def test_no_lie_about_a_target_goes_unnoticed(data, formula):
    for reduction in (linear_reduction(formula), nae_constraints(formula)):
        fitting = [m for m in maps_of(reduction.target) if check_honest(reduction.target, m)]
        # without constraints, those of any other number of variables are the same
        assert reduction.model_map in fitting
        assert [m for m in fitting if m.method == "linear"] == [reduction.model_map] * (
            reduction.model_map.method == "linear"
        )
        if reduction.target.n_clauses:
            assert len([m for m in fitting if m.method == "nae"]) <= 1


@st.composite
def tampered(draw, target):
    """A target with one thing changed."""
    clauses, n = target.clauses(), target.n_variables
    kind = draw(st.sampled_from(["literal", "pair", "drop", "swap", "repeat", "variables"]))
    i = draw(st.integers(0, len(clauses) - 1))
    j = draw(st.integers(0, len(clauses) - 1))
    k = draw(st.integers(0, len(clauses[i]) - 1))
    literal = draw(st.integers(1, n)) * draw(st.sampled_from([-1, 1]))
    half = len(clauses) // 2
    if kind == "literal":
        clauses[i][k] = literal
    elif kind == "pair":
        clauses[i][k] = literal
        opposite = clauses[(i + half) % len(clauses)]
        opposite[min(k, len(opposite) - 1)] = -literal
    elif kind == "drop":
        del clauses[i]
    elif kind == "swap":
        clauses[i], clauses[j] = clauses[j], clauses[i]
    elif kind == "repeat":
        clauses.insert(j, clauses[i])
    else:
        n += 1
    return Formula.of(clauses, n)


@settings(deadline=None, max_examples=250)
@given(st.data(), st.one_of(SMALL, CHAINED), st.sampled_from(["linear", "nae", "megiddo"]))
def test_no_change_of_a_target_goes_unnoticed(data, formula, method):
    reduce = {"linear": linear_reduction, "nae": nae_constraints, "megiddo": megiddo_reduction}[method]
    reduction = reduce(formula)
    if not 0 < reduction.target.n_clauses < 500 or reduction.target.n_variables > 16:
        return
    target = data.draw(tampered(reduction.target))
    if not check_honest(target, reduction.model_map) or method == "nae":
        return
    # a change that fits makes the reduction of another formula, or another order of literals
    again = reduce(source_of(target, reduction.model_map)).target
    assert [sorted(c) for c in again.clauses()] == [sorted(c) for c in target.clauses()]
    if method == "megiddo":
        assert [set(c) for c in target.clauses()] == [set(c) for c in reduction.target.clauses()]


@pytest.mark.parametrize("row", range(31))
def test_every_sentinel_row_is_checked(row):
    target = linear_reduction(Formula.of([[1, 2, 3]])).target
    clauses = target.clauses()
    for place in range(6):
        changed = [list(clause) for clause in clauses]
        changed[row][place] *= -1
        changed[row + 32][place] *= -1
        with pytest.raises(NotAnEncodingError, match=f"clause {row + 1} is"):
            LINEAR.check_fits(Formula.of(changed, 9))


class TestChains:
    source = Formula.of([[1, -2, 3, 4, 5, 6, -7, 8, 9], [-1, 2]])
    reduction = linear_reduction(source)

    def test_the_source_comes_back(self):
        assert source_of(self.reduction.target, self.reduction.model_map) == self.source

    def test_links_are_checked(self):
        clauses = self.reduction.target.clauses()
        half = len(clauses) // 2
        places = [
            (i, k) for i, k in itertools.product(range(31, half), range(6)) if abs(clauses[i][k]) > 15
        ]
        assert len(places) == 4
        for i, k in places:
            for literal in (-clauses[i][k], 1, 16, 17, 15, -10):
                changed = [list(clause) for clause in clauses]
                if changed[i][k] == literal:
                    continue
                changed[i][k], changed[i + half][k] = literal, -literal
                with pytest.raises(NotAnEncodingError):
                    self.reduction.model_map.check_fits(Formula.of(changed, 17))

    def test_any_order_of_literals(self):
        clauses = [sorted(clause, key=abs) for clause in self.reduction.target.clauses()]
        target = Formula.of(clauses, 17)
        assert target != self.reduction.target
        found = source_of(target, self.reduction.model_map)
        assert found.clauses() == self.source.clauses()
        for model in ([-1] * 8 + [1], [-1, -1] + [1] * 7, [1, 1] + [-1] * 7):
            image = self.reduction.model_map.forward(target, model)
            assert image.tolist() == self.reduction.forward(np.array(model, dtype=np.int8)).tolist()


class TestIdentity:
    def test_fits_by_the_number_of_variables(self):
        formula = Formula.of([[1, -2, 3]])
        IDENTITY.check_fits(formula)
        assert source_of(formula, IDENTITY) is formula
        with pytest.raises(NotAnEncodingError, match="has 4 variables, its map of models names 3"):
            IDENTITY.check_fits(Formula.of([[1, -2, 3]], 4))


def test_the_largest_numbers():
    source = Formula.of([], MAX_VARIABLES - 6)
    reduction = linear_reduction(source)
    assert reduction.target.n_variables == MAX_VARIABLES
    assert source_of(reduction.target, reduction.model_map) == source
    with pytest.raises(FormulaError, match=f"{MAX_VARIABLES + 1} variables"):
        linear_reduction(Formula.of([], MAX_VARIABLES - 5))
    with pytest.raises(FormulaError, match="variables"):
        linear_reduction(Formula.of([], MAX_VARIABLES))
    with pytest.raises(FormulaError, match="variables"):
        megiddo_reduction(Formula.of([[1], [2]], MAX_VARIABLES))
